# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What must hold before a deployment may begin. It reads everything and writes nothing."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..backups.store import list_backups
from ..errors import MobiusError
from ..library.document import LibraryError, open_document
from ..library.validate import find_problems as json_problems
from ..storage.paths import locate_library, refuse_target
from ..storage.replace import read_version
from ..storage.state import DamagedState, read_current

# A backup, a temporary copy, a snapshot of a rollback and the evidence may stand beside the library at once.
COPIES = 4
ROOM_FOR_LOGS = 16 * 1024 * 1024
FREE_INODES = 64


def preflight(
    path: str,
    *,
    image_root: str,
    items: Optional[List[str]],
    backup_dir: str,
    log_dir: str,
    schema: Optional[str] = None,
    metrics_file: Optional[str] = None,
) -> Dict[str, Any]:
    """Check library, image root, rights, space and backups, and what later steps will ask for.

    :param schema: the JSON Schema that the result has to satisfy.
    :param metrics_file: the textfile that is written at the end.
    :returns: ``sha256``, ``size`` in bytes, ``items`` (how many), ``as_deployed`` (the bytes are those that the last
        deployment left, and the way back from it verifies), ``backup`` (that way back, or None) and ``warnings``.
    :raises MobiusError: names every problem at once.
    """
    library = locate_library(path)
    count, refusal = _counted(library, items)
    faults = list(_json_faults(library)) if refusal else []
    faults += [*_right_faults(library, backup_dir, log_dir), *_image_root_faults(image_root)]
    faults += _later_faults(path, schema, metrics_file)
    version = read_version(library)
    faults += _space_faults(version.size, [str(Path(library).parent), backup_dir])
    if faults:
        raise MobiusError("Preflight found " + "; ".join(faults), library, "mend that, then start again")
    if refusal:
        raise refusal
    # By the path as given: behind a link of another name they have the name of the link.
    backups = list_backups(path, backup_dir)
    verified = {backup.sha256 for backup in backups if backup.verified}
    warnings = [f"{backup.path} is no way back: {backup.reason}" for backup in backups if not backup.verified]
    current: Dict[str, Any] = {}
    try:
        current = read_current(library, version.sha256) or {}
    except DamagedState as error:
        warnings.append(str(error))
    way_back = current.get("backup") or {}
    as_deployed = (
        current.get("sha256") == version.sha256
        and current.get("status") == "deployed"
        and way_back.get("sha256") in verified
    )
    return {
        "changed": False,
        "sha256": version.sha256,
        "size": version.size,
        "items": count,
        "as_deployed": as_deployed,
        "backup": way_back if as_deployed else None,
        "warnings": warnings,
    }


def _counted(library: str, items: Optional[List[str]]) -> Tuple[int, Optional[LibraryError]]:
    """How many items there are, or why they cannot be read; what is no strict JSON cannot."""
    try:
        with open_document(library) as document:
            return sum(1 for _unused in document.items(items or None)), None
    except LibraryError as error:
        return 0, error


def _json_faults(library: str) -> Iterator[str]:
    for fault in json_problems(library)[:5]:
        if fault["severity"] == "error":
            yield f"line {fault['line']} column {fault['column']}: {fault['message']}"


def _right_faults(library: str, *folders: str) -> Iterator[str]:
    uid = os.geteuid()
    owner = os.stat(library).st_uid
    if uid not in (0, owner):
        yield f"the library belongs to uid {owner} and this is uid {uid}, so its owner could not be kept"
    for folder in {os.path.dirname(library), *map(_existing, folders)}:
        if not os.access(folder, os.W_OK | os.X_OK):
            yield f"no right to write in {folder}"


def _existing(folder: str) -> str:
    """The folder itself, or the nearest one above it that is there."""
    path = Path(folder).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return str(path)


def _image_root_faults(image_root: str) -> Iterator[str]:
    try:
        if not stat.S_ISDIR(os.stat(image_root).st_mode):
            yield f"the image root {image_root} is no folder"
        elif not os.access(image_root, os.R_OK | os.X_OK):
            yield f"no right to read the image root {image_root}"
    except OSError as error:
        yield f"the image root {image_root} cannot be read: {error.strerror}"


def _later_faults(path: str, schema: Optional[str], metrics_file: Optional[str]) -> Iterator[str]:
    """What would be found only when the library has changed already."""
    if schema and not os.access(schema, os.R_OK):
        yield f"the schema {schema} is not there, or may not be read"
    elif schema:
        try:
            json.loads(Path(schema).read_bytes() if os.path.isfile(schema) else b"")
        except ValueError:
            yield f"the schema {schema} is no JSON"
    if metrics_file:
        try:
            refuse_target(metrics_file, path, "the metrics file")
        except MobiusError as error:
            yield f"{error.what}: {metrics_file}"
        folder = os.path.dirname(metrics_file)
        if not os.path.isdir(folder):
            yield f"the folder of the metrics file {metrics_file} is missing"
        elif not os.access(folder, os.W_OK | os.X_OK):
            yield f"no right to write in {folder}, the folder of the metrics file"


def _space_faults(size: int, folders: List[str]) -> Iterator[str]:
    wanted = COPIES * size + ROOM_FOR_LOGS
    for folder in sorted({_existing(folder) for folder in folders}):
        free = os.statvfs(folder)
        if free.f_bavail * free.f_frsize < wanted:
            yield f"{folder} has {free.f_bavail * free.f_frsize} bytes free and {wanted} may be needed"
        # Some file systems make inodes as they go and count none.
        if free.f_files and free.f_favail < FREE_INODES:
            yield f"{folder} has {free.f_favail} inodes free and {FREE_INODES} may be needed"
