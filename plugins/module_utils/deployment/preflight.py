# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before a deployment may begin: whatever can be known before the first byte changes is found here."""

from __future__ import annotations

import os
import stat
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from ..backups import validity
from ..backups.choose import rollback_hint
from ..backups.names import CHECKSUM
from ..backups.store import list_backups
from ..clock import file_stamp
from ..errors import MobiusError
from ..library.document import LibraryError, open_document
from ..library.fields import IMAGE_KEY
from ..library.validate import find_problems
from ..storage.absent import absence, is_bare
from ..storage.mounts import refuse_unmounted
from ..storage.paths import is_path, locate_library, refuse_moved, refuse_target, resolve_library, state_dir
from ..storage.references import is_url, local_path
from ..storage.rehearsal import Folder, folder_faults, named_folder, nearest, target_faults
from ..storage.replace import Version, read_version
from ..storage.state import DamagedState, State, read_current
from ..verify.schema import schema_faults
from ..verify.schema_files import SchemaFiles

# A backup, a temporary copy, a snapshot of a rollback and the evidence may stand beside the library at once.
COPIES = 4
LOG_BYTES = 16 * 1024 * 1024
FREE_INODES = 64


def preflight(
    path: str,
    *,
    image_root: str,
    items: Optional[List[str]],
    image_key: str = IMAGE_KEY,
    backup_dir: str,
    log_dir: str,
    schema: Optional[str] = None,
    metrics_file: Optional[str] = None,
    replaces: Sequence[str] = (),
    owner: Union[str, int, None] = None,
    group: Union[str, int, None] = None,
    expected_real_path: Optional[str] = None,
    on_valid: Optional[Callable[[str], Any]] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Check library, image root, rights, space and backups, and what later steps will ask for.

    In every folder that the run will write to, files of the names it will use are created, synced, renamed and removed
    again; not in check mode, which looks only.

    :param schema: the JSON Schema that the result has to satisfy.
    :param metrics_file: the textfile that is written at the end.
    :param replaces: further files that the run will replace, such as the report of the dry run.
    :param owner: of new backups, with ``group``; None for the library's.
    :param expected_real_path: see :func:`..storage.paths.refuse_moved`.
    :param on_valid: called with the SHA-256 of the library, which was read strictly; not in check mode.
    :returns: ``sha256``, ``size`` in bytes, ``item_count``, ``real_path``, ``as_deployed`` (the bytes are those that
        the last deployment left, and its rollback target verifies), ``backup`` (that target, or None) and ``warnings``.
    :raises MobiusError: names every problem at once; with ``details["rollback"]`` where the library is missing or
        broken and a verified backup is at hand.
    """
    refuse_moved(path, expected_real_path)
    library = _located(path, backup_dir)
    before = os.stat(library)
    count, refusal = _counted(library, items)
    faults = list(_json_faults(library)) if refusal else []
    faults += _image_root_faults(image_root, [] if refusal else _local_images(library, items, image_key))
    faults += _later_faults(path, schema, metrics_file)
    version = read_version(library)
    faults += _space_faults(version.size, [os.path.dirname(library), backup_dir])
    faults += _writing_faults(library, version.size, backup_dir, log_dir, owner, group, write=not check_mode)
    faults += _replacing_faults([metrics_file or "", *replaces], write=not check_mode)
    warnings: List[str] = []
    current = _current(library, version.sha256, warnings)
    if faults:
        hint = rollback_hint(path, backup_dir, current) if refusal else {}
        remedy = hint.get("remedy") or "correct that, then start again"
        raise MobiusError("Preflight found " + "; ".join(dict.fromkeys(faults)), library, remedy, hint)
    if refusal:
        raise refusal
    if not check_mode and _is_same(before, version):
        # So that the backup need not read a large library strictly once more.
        validity.note(path, version.sha256)
        if on_valid is not None:
            on_valid(version.sha256)
    return {
        "changed": False,
        "sha256": version.sha256,
        "size": version.size,
        "item_count": count,
        "real_path": library,
        **_rollback_target(path, backup_dir, version.sha256, current, warnings),
        "warnings": warnings,
    }


def _is_same(before: os.stat_result, version: Version) -> bool:
    """Whether the bytes that were hashed are those that were read before."""
    now = (version.device, version.inode, version.size, version.mtime_ns)
    return (before.st_dev, before.st_ino, before.st_size, before.st_mtime_ns) == now


def _located(path: str, backup_dir: str) -> str:
    """
    :raises MobiusError: there is no library; the backup at hand is named.
    """
    if os.path.lexists(resolve_library(path)):
        return locate_library(path)
    refuse_unmounted(path)
    hint = rollback_hint(path, backup_dir, None)
    try:
        return locate_library(path)
    except MobiusError as error:
        raise MobiusError(error.what, error.where, hint.get("remedy") or error.remedy, hint) from error


def _current(library: str, sha256: str, warnings: List[str]) -> State:
    try:
        return read_current(library, sha256) or {}
    except DamagedState as error:
        warnings.append(str(error))
        return {}


def _rollback_target(path: str, backup_dir: str, sha256: str, current: State, warnings: List[str]) -> Dict[str, Any]:
    # By the path as given: behind a link of another name backups have the name of the link.
    backups = list_backups(path, backup_dir)
    verified = {backup.sha256 for backup in backups if backup.verified}
    warnings += [f"{backup.path} cannot be restored: {backup.reason}" for backup in backups if not backup.verified]
    target = current.get("backup") or {}
    as_deployed = (
        current.get("sha256") == sha256 and current.get("status") == "deployed" and target.get("sha256") in verified
    )
    return {"as_deployed": as_deployed, "backup": target if as_deployed else None}


def _counted(library: str, items: Optional[List[str]]) -> Tuple[int, Optional[LibraryError]]:
    """How many items there are, or why they cannot be read: strict JSON is required."""
    try:
        with open_document(library) as document:
            return sum(1 for _unused in document.items(items or None)), None
    except LibraryError as error:
        return 0, error


def _json_faults(library: str) -> Iterator[str]:
    for fault in find_problems(library)[:5]:
        if fault["severity"] == "error":
            yield f"line {fault['line']} column {fault['column']}: {fault['message']}"


def _writing_faults(
    library: str,
    size: int,
    backup_dir: str,
    log_dir: str,
    owner: Union[str, int, None],
    group: Union[str, int, None],
    *,
    write: bool,
) -> Iterator[str]:
    """Why the library cannot be replaced, or backups, logs and state cannot be written."""
    yield from target_faults(library, "the library")
    name, stamp = os.path.basename(library), file_stamp()
    snapshot = f"{name}.pre-restore.{stamp}-99"
    folders = [
        Folder(os.path.dirname(library), [name], size),
        Folder(state_dir(library), ["current.json", "lock"]),
        Folder(os.path.abspath(backup_dir), [snapshot, snapshot + CHECKSUM], 2 * size, owner, group),
        Folder(os.path.abspath(log_dir), [f"deployment-{stamp}-ffffff.json", f"rejected-{name}"], size + LOG_BYTES),
    ]
    for folder in folders:
        yield from folder_faults(folder, write=write)


def _replacing_faults(paths: Sequence[str], *, write: bool) -> Iterator[str]:
    for path in filter(None, paths):
        yield from target_faults(path, "the file")
        for folder in named_folder(path):
            yield from folder_faults(folder, write=write)


def _local_images(library: str, items: Optional[List[str]], image_key: str) -> Iterator[str]:
    """The images that are not remote, as the items name them."""
    with open_document(library) as document:
        for item in document.items(items or None, image_key):
            image = item.value.get(image_key)
            if isinstance(image, str) and image and not (is_url(image) and local_path(image) is None):
                yield image


def _image_root_faults(image_root: str, images: Iterable[str]) -> Iterator[str]:
    """:param images: read only where none of them can be there."""
    if is_bare(image_root):
        named = sum(1 for _unused in images)
        gone = absence(image_root, named, named)
        if gone is not None:
            yield f"{gone.what}: {gone.remedy}"
            return
    try:
        if not stat.S_ISDIR(os.stat(image_root).st_mode):
            yield f"the image root {image_root} is not a folder"
        elif not os.access(image_root, os.R_OK | os.X_OK):
            yield f"no permission to read the image root {image_root}"
    except OSError as error:
        yield f"the image root {image_root} cannot be read: {error.strerror}"


def _later_faults(path: str, schema: Optional[str], metrics_file: Optional[str]) -> Iterator[str]:
    """What would be found only when the library has changed already."""
    if schema:
        yield from _schema_faults(schema)
    if metrics_file:
        try:
            refuse_target(metrics_file, path, "the metrics file")
        except MobiusError as error:
            yield f"{error.what}: {metrics_file}"
        folder = os.path.dirname(metrics_file)
        if not os.path.isdir(folder):
            yield f"the folder of the metrics file {metrics_file} is missing"


def _schema_faults(schema: str) -> Iterator[str]:
    if not is_path(schema) or not os.access(schema, os.R_OK):
        yield f"the schema {schema} does not exist or is not readable"
        return
    try:
        faults = schema_faults(SchemaFiles(schema))
    except MobiusError as error:
        yield f"the schema {schema} cannot be used: {error.what}"
        return
    yield from (f"the schema {schema} cannot be used: {fault}" for fault in faults)


def _space_faults(size: int, folders: List[str]) -> Iterator[str]:
    wanted = COPIES * size + LOG_BYTES
    for folder in sorted({nearest(folder) for folder in folders}):
        free = os.statvfs(folder)
        if free.f_bavail * free.f_frsize < wanted:
            yield f"{folder} has {free.f_bavail * free.f_frsize} bytes free and {wanted} may be needed"
        # Some file systems make inodes as they go and count none.
        if free.f_files and free.f_favail < FREE_INODES:
            yield f"{folder} has {free.f_favail} inodes free and {FREE_INODES} may be needed"
