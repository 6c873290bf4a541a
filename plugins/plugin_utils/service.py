# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the service: itself, and the part of the collection that it imports, as they are in this checkout."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Dict, Iterator, Set

_ROOT = Path(__file__).resolve().parents[2]
_UTILS = _ROOT / "plugins" / "module_utils"
_SERVICE = _ROOT / "roles" / "service" / "files" / "dhash_service"
_COLLECTION = "ansible_collections/mobius/dhash"
_IMPORT = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n(]*)", re.MULTILINE)
_PREFIX = "ansible_collections.mobius.dhash.plugins.module_utils."
# A host may have an ansible_collections of its own; only a regular package in front of it hides it.
_EMPTY = ("ansible_collections", "ansible_collections/mobius", _COLLECTION, f"{_COLLECTION}/plugins")


def code() -> Dict[str, str]:
    """Text of each file by its path below the folder of the service."""
    files = {f"{folder}/__init__.py": "" for folder in _EMPTY}
    waiting = sorted(_SERVICE.glob("*.py"))
    seen: Set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            text = path.read_text(encoding="utf-8")
            files[_name(path)] = text
            waiting += _imported(path, text)
    return dict(sorted(files.items()))


def digests() -> Dict[str, str]:
    """SHA-256 of each file of :func:`code`."""
    return {name: sha256(text.encode()).hexdigest() for name, text in code().items()}


def _name(path: Path) -> str:
    if path.parent == _SERVICE:
        return f"{_SERVICE.name}/{path.name}"
    return f"{_COLLECTION}/{path.relative_to(_ROOT)}"


def _imported(path: Path, text: str) -> Iterator[Path]:
    """Files of the collection that a file imports, with the packages that they are in."""
    for dots, module, names in _IMPORT.findall(text):
        if not dots and not module.startswith(_PREFIX):
            continue
        base = path.parents[len(dots) - 1] if dots else _UTILS
        target = base.joinpath(*module[0 if dots else len(_PREFIX) :].split("."))
        found = [target.with_suffix(".py"), *(target / f"{name}.py" for name in re.findall(r"\w+", names))]
        packages = [
            folder / "__init__.py" for folder in [target, *target.parents] if _UTILS in [folder, *folder.parents]
        ]
        yield from (file for file in [*found, *packages] if file.is_file())
