# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a folder with exactly the given files: the code and the settings of the service on a host."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..errors import MobiusError
from ..json import load_object
from ..storage.replace import make_folders, replace_whole, write_json

MARKER = ".tree.json"
FILE_MODE = 0o640
_IGNORED = "__pycache__"


class Difference(NamedTuple):
    """The differences of a folder; paths are relative to it and, except for ``loose``, sorted."""

    added: List[str]
    modified: List[str]
    removed: List[str]
    loose: List[str]
    stamped: List[str]

    def __bool__(self) -> bool:
        return any(self)

    @property
    def lines(self) -> List[str]:
        """Describe the difference in lines."""
        marked = [("+", self.added), ("~", self.modified), ("-", self.removed), ("mode", self.loose)]
        return [f"{mark} {name}" for mark, names in [*marked, ("~", self.stamped)] for name in names]


def digests(files: Mapping[str, Any]) -> Dict[str, str]:
    """SHA-256 of each file of :func:`ensure`."""
    return {_relative(name): _digest(_bytes(content)) for name, content in files.items()}


def stamp(path: str) -> str:
    """SHA-256 of a file whose content counts as part of the tree, empty when there is none."""
    try:
        return _digest(Path(path).read_bytes())
    except OSError:
        return ""


def build(dest: str) -> str:
    """Names what is in place now: it changes with every file and stamp. Empty when nothing is."""
    return stamp(str(Path(dest) / MARKER))[:16]


def compare(dest: str, wanted: Mapping[str, str], stamps: Mapping[str, str], group: Optional[str] = None) -> Difference:
    """How ``dest`` differs from files with the digests ``wanted``.

    :raises MobiusError: the folder holds something that :func:`ensure` did not put there.
    """
    dest = os.path.abspath(dest)
    present = _present(dest)
    _check_ours(dest, present)
    noted = _noted(dest)
    old = noted.get("stamps")
    stamped = sorted(name for name, digest in stamps.items() if not isinstance(old, dict) or old.get(name) != digest)
    if not stamped and noted != {"files": dict(wanted), "stamps": dict(stamps)}:
        stamped = [MARKER]
    return Difference(
        added=sorted(set(wanted) - present),
        modified=sorted(name for name in set(wanted) & present if not _same(Path(dest) / name, wanted[name])),
        removed=sorted(present - set(wanted)),
        loose=_loose(dest, wanted, group),
        stamped=stamped,
    )


def ensure(
    dest: str,
    files: Mapping[str, Any],
    stamps: Mapping[str, str],
    group: Optional[str] = None,
    check_mode: bool = False,
) -> Difference:
    """Bring ``dest`` to exactly ``files`` (text, or a value for JSON, by relative path), files 0640 and folders 0750.

    :param stamps: digests by name of other things that count as part of the tree: a change of theirs is a change.
    :returns: what it changed, or would.
    :raises MobiusError: a path leaves the folder, or the folder holds something that this function did not put there.
    """
    dest = os.path.abspath(dest)
    wanted = {_relative(name): _bytes(content) for name, content in files.items()}
    noted = {name: _digest(data) for name, data in wanted.items()}
    difference = compare(dest, noted, stamps, group)
    if difference and not check_mode:
        _apply(dest, wanted, difference, group)
        _tighten(dest, noted, group)
        # Last, so a killed run is detected by the missing or older note, and repeated.
        write_json(str(Path(dest) / MARKER), {"files": noted, "stamps": dict(stamps)}, group=group)
    return difference


def _bytes(content: Any) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content, indent=2, sort_keys=True) + "\n"
    return text.encode()


def _relative(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name or path.name == MARKER:
        raise MobiusError("Not a path inside the folder", ascii(name), "give paths relative to dest")
    return str(path)


def _present(dest: str) -> Set[str]:
    found: Set[str] = set()
    for folder, folders, names in os.walk(dest):
        folders[:] = [name for name in folders if name != _IGNORED]
        below = Path(folder).relative_to(dest)
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        found.update(str(below / name) for name in [*names, *links])
    return found - {MARKER}


def _check_ours(dest: str, present: Set[str]) -> None:
    if Path(dest).exists() and not Path(dest).is_dir():
        raise MobiusError("Not a folder", dest, "move it away, or name another folder in mobius_service_dir")
    if present and not (Path(dest) / MARKER).exists():
        example = sorted(present)[0]
        raise MobiusError(
            f"The folder holds other things, such as {example!a}", dest, "name an empty folder in mobius_service_dir"
        )


def _same(path: Path, digest: str) -> bool:
    return stat.S_ISREG(path.lstat().st_mode) and _digest(path.read_bytes()) == digest


def _noted(dest: str) -> Dict[str, Any]:
    try:
        return load_object((Path(dest) / MARKER).read_bytes())
    except (OSError, ValueError):
        return {}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _modes(dest: str, wanted: Iterable[str]) -> List[Tuple[Path, int]]:
    folders = {Path(dest)} | {parent for name in wanted for parent in (Path(dest) / name).parents}
    inside = [folder for folder in folders if folder == Path(dest) or Path(dest) in folder.parents]
    return [(folder, 0o750) for folder in inside] + [(Path(dest) / name, FILE_MODE) for name in wanted]


def _loose(dest: str, wanted: Iterable[str], group: Optional[str]) -> List[str]:
    """Return the paths with a wrong mode or group."""
    found = []
    gid = _gid(group)
    for path, mode in _modes(dest, wanted):
        try:
            facts = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_IMODE(facts.st_mode) & 0o777 != mode or (gid is not None and facts.st_gid != gid):
            found.append(str(path))
    return found


def _gid(group: Optional[str]) -> Optional[int]:
    if group is None:
        return None
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        # In check mode the group may not exist yet.
        return -1


def _apply(dest: str, wanted: Mapping[str, bytes], difference: Difference, group: Optional[str]) -> None:
    # The service's user and the deploying user traverse root's folders; their content has its own modes.
    make_folders(os.path.dirname(dest), mode=0o755 if os.geteuid() == 0 else 0o750)
    make_folders(dest, group=group)
    for name in difference.removed:
        (Path(dest) / name).unlink()
    for name in difference.added + difference.modified:
        path = Path(dest) / name
        if path.is_symlink():
            path.unlink()
        replace_whole(str(path), _writer(wanted[name]), group=group, mode=FILE_MODE)
    for folder, folders, names in os.walk(dest, topdown=False):
        if not folders and not names and folder != dest:
            os.rmdir(folder)


def _writer(data: bytes) -> Any:
    return lambda stream: stream.write(data)


def _tighten(dest: str, wanted: Iterable[str], group: Optional[str]) -> None:
    gid = _gid(group)
    for path, mode in _modes(dest, wanted):
        if gid is not None and path.lstat().st_gid != gid:
            os.chown(path, -1, gid)
        path.chmod(mode)
