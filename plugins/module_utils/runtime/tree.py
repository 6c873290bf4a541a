# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder whose content is exactly the files given: the code and the settings of the service on a host."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ..errors import MobiusError
from ..storage.replace import make_folders, replace_whole, write_json

MARKER = ".tree.json"
FILE_MODE = 0o640
_IGNORED = "__pycache__"


def ensure(
    dest: str,
    files: Mapping[str, Any],
    stamps: Sequence[str] = (),
    group: Optional[str] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Bring ``dest`` to exactly ``files`` (text, or a value for JSON, by relative path), files 0640 and folders 0750.

    :param stamps: other files on the host whose content counts as part of the tree: a change of theirs is a change.
    :returns: ``changed``, ``added``, ``modified``, ``removed`` (sorted relative paths), ``fingerprint``, ``diff``.
    :raises MobiusError: a path leaves the folder, or the folder holds something that this function did not put there.
    """
    dest = os.path.abspath(dest)
    wanted = {_relative(name): _bytes(content) for name, content in files.items()}
    present = _present(dest)
    _check_ours(dest, present)
    added = sorted(set(wanted) - present)
    modified = sorted(name for name in set(wanted) & present if not _same(Path(dest) / name, wanted[name]))
    removed = sorted(present - set(wanted))
    note = {"files": {name: _digest(data) for name, data in wanted.items()}, "stamps": _stamps(stamps)}
    noted = _noted(dest)
    loose = _loose(dest, wanted, group)
    changed = bool(added or modified or removed or loose) or noted != note
    if changed and not check_mode:
        _apply(dest, wanted, added + modified, removed, group)
        _tighten(dest, wanted, group)
        # Last: a run that was killed before is known by the missing or older note, and done again.
        write_json(str(Path(dest) / MARKER), note, group=group)
    return {
        "changed": changed,
        "added": added,
        "modified": modified,
        "removed": removed,
        "fingerprint": _digest(json.dumps(note, sort_keys=True).encode()),
        "diff": _diff(dest, wanted, added, modified, removed, noted, note),
    }


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
        raise MobiusError("It is no folder", dest, "name another folder, or move this away")
    if present and not (Path(dest) / MARKER).exists():
        example = sorted(present)[0]
        raise MobiusError(
            f"The folder holds other things, such as {example!a}", dest, "name an empty folder in mobius_service_dir"
        )


def _same(path: Path, data: bytes) -> bool:
    facts = path.lstat()
    return stat.S_ISREG(facts.st_mode) and facts.st_size == len(data) and path.read_bytes() == data


def _stamps(paths: Sequence[str]) -> Dict[str, str]:
    digests = {}
    for path in paths:
        try:
            digests[path] = _digest(Path(path).read_bytes())
        except OSError:
            digests[path] = ""
    return digests


def _noted(dest: str) -> Any:
    try:
        return json.loads((Path(dest) / MARKER).read_bytes())
    except (OSError, ValueError):
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _modes(dest: str, wanted: Mapping[str, bytes]) -> List[Tuple[Path, int]]:
    folders = {Path(dest)} | {parent for name in wanted for parent in (Path(dest) / name).parents}
    inside = [folder for folder in folders if folder == Path(dest) or Path(dest) in folder.parents]
    return [(folder, 0o750) for folder in inside] + [(Path(dest) / name, FILE_MODE) for name in wanted]


def _loose(dest: str, wanted: Mapping[str, bytes], group: Optional[str]) -> List[str]:
    """Paths whose mode or group is not as it should be."""
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
        # In check mode the group may still be to come.
        return -1


def _apply(dest: str, wanted: Mapping[str, bytes], write: List[str], removed: List[str], group: Optional[str]) -> None:
    # Root's folders are passed through by the service's user and by who deploys; what is in them is closed by itself.
    make_folders(os.path.dirname(dest), mode=0o755 if os.geteuid() == 0 else 0o750)
    make_folders(dest, group=group)
    for name in removed:
        (Path(dest) / name).unlink()
    for name in write:
        path = Path(dest) / name
        if path.is_symlink():
            path.unlink()
        replace_whole(str(path), _writer(wanted[name]), group=group, mode=FILE_MODE)
    for folder, folders, names in os.walk(dest, topdown=False):
        if not folders and not names and folder != dest:
            os.rmdir(folder)


def _writer(data: bytes) -> Any:
    return lambda stream: stream.write(data)


def _tighten(dest: str, wanted: Mapping[str, bytes], group: Optional[str]) -> None:
    gid = _gid(group)
    for path, mode in _modes(dest, wanted):
        if gid is not None and path.lstat().st_gid != gid:
            os.chown(path, -1, gid)
        path.chmod(mode)


def _diff(
    dest: str,
    wanted: Mapping[str, bytes],
    added: List[str],
    modified: List[str],
    removed: List[str],
    noted: Any,
    note: Dict[str, Any],
) -> List[Dict[str, str]]:
    lines = [f"+ {name}" for name in added] + [f"~ {name}" for name in modified] + [f"- {name}" for name in removed]
    before = (noted or {}).get("stamps", {}) if isinstance(noted, dict) else {}
    lines += [f"~ {path}" for path, digest in note["stamps"].items() if before.get(path) != digest]
    return [
        {"before_header": dest, "after_header": dest, "before": "", "after": "".join(f"{line}\n" for line in lines)}
    ]
