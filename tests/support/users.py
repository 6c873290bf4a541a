"""Another user, for what root may always do, and a library that such a user can read."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


@contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Be another user, without further groups; root alone may do this. Nothing must be imported inside."""
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(gid, gid, 0)
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


@contextmanager
def library_for_others(content: bytes, folder_mode: int) -> Iterator[Path]:
    """A library of mode 0644 in a folder of its own, removed at the end; those of pytest are for their owner alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(folder_mode)
    library = folder / "library.json"
    library.write_bytes(content)
    library.chmod(0o644)
    try:
        yield library
    finally:
        shutil.rmtree(folder)
