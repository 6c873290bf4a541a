"""Backups of any age, written by hand as another program would."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from ansible_collections.mobius.dhash.plugins.module_utils.backups import names
from ansible_collections.mobius.dhash.plugins.module_utils.clock import utc_now


def plant(
    library: Path, content: bytes, *, days: float, kind: str = names.BACKUP, number: int = 1, checksum: bool = True
) -> Path:
    """A backup of ``content`` made ``days`` ago, with the bare-name checksum of the older scripts."""
    made = utc_now() - timedelta(days=days)
    path = library.parent / "backups" / names.compose(library.name, names.Name(made, number, kind))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if checksum:
        Path(f"{path}.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n", encoding="utf-8")
    return path
