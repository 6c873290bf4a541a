# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the review queue of a library to a file: the same library and pictures give the same bytes."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from ..errors import MobiusError
from ..library.document import open_document
from ..library.fields import IMAGE_KEY
from ..storage.images import UnsafePath, resolve_under
from ..storage.metadata import resolve_ownership
from ..storage.paths import locate_library, refuse_target
from ..storage.replace import FILE_MODE, open_regular, replace_whole
from .page import Facts, as_html
from .queue import THRESHOLD, Entry, Queue, build
from .table import as_csv, as_json
from .thumbnails import available, thumbnails

FORMATS = ("html", "csv", "json")
_DIFF_BYTES = 100_000


@dataclass(frozen=True)
class Request:
    """What to export. ``limit`` bounds the entries of an HTML page; ``image_root`` is needed for pictures."""

    path: str
    dest: str
    format: str = "html"
    threshold: float = THRESHOLD
    items: Optional[Sequence[str]] = None
    image_key: str = IMAGE_KEY
    include_images: bool = False
    image_root: Optional[str] = None
    limit: int = 2000
    image_timeout: float = 10.0
    max_pixels: int = 178_956_970
    owner: Union[str, int, None] = None
    group: Union[str, int, None] = None
    mode: int = FILE_MODE


def export(request: Request, *, check_mode: bool = False) -> Dict[str, Any]:
    """Write the queue; returns what the module ``review_export`` does.

    :raises MobiusError: the library cannot be read, or ``dest`` is it, a backup of it or no regular file.
    """
    _refuse(request)
    with open_document(request.path) as document:
        found = document.items(request.items, request.image_key)
        queue = build(((item.pointer, item.value) for item in found), request.image_key, request.threshold)
        block = document.block or {}
    warnings = _warnings(queue, request)
    data = _rendered(queue, request, block, warnings)
    before = _existing(request)
    changed = before is None or before.data != data or not before.settled
    if changed and not check_mode:
        replace_whole(
            request.dest,
            lambda stream: stream.write(data),
            owner=request.owner,
            group=request.group,
            mode=request.mode,
        )
    return {
        "changed": changed,
        "dest": os.path.abspath(request.dest),
        "items": len(queue.entries),
        "library_items": queue.items,
        "unmigrated": queue.unmigrated,
        "sha256": hashlib.sha256(data).hexdigest(),
        "diff": {
            "before_header": request.dest,
            "after_header": request.dest,
            "before": _shown(before.data if before else b"", request.format),
            "after": _shown(data, request.format),
        },
        "warnings": warnings,
    }


def _refuse(request: Request) -> None:
    """Stop before anything is read where the request cannot be met."""
    if request.format not in FORMATS:
        raise MobiusError("There is no such format", request.format, f"choose one of {', '.join(FORMATS)}")
    if not 0 <= request.threshold <= 1:
        raise MobiusError("The threshold is not between 0 and 1", str(request.threshold), "the usual one is 0.7")
    if request.include_images and request.format == "html" and not request.image_root:
        raise MobiusError("Pictures need the folder that they are in", request.path, "set image_root as well")
    locate_library(request.path)
    refuse_target(request.dest, request.path, "The export")
    if os.path.isdir(request.dest):
        raise MobiusError("The export needs a file name, this is a folder", request.dest, "add the name of a file")


class _Existing(NamedTuple):
    """The file of an earlier export; ``settled`` when its owner, group and mode are as asked for."""

    data: bytes
    settled: bool


def _existing(request: Request) -> Optional[_Existing]:
    try:
        with open_regular(request.dest) as stream:
            facts = os.fstat(stream.fileno())
            data = stream.readall()
    except FileNotFoundError:
        return None
    wanted = resolve_ownership(request.owner, request.group, request.mode)
    settled = (
        wanted.uid in (-1, facts.st_uid)
        and wanted.gid in (-1, facts.st_gid)
        and wanted.mode == stat.S_IMODE(facts.st_mode)
    )
    return _Existing(data, settled)


def _rendered(queue: Queue, request: Request, block: Dict[str, Any], warnings: List[str]) -> bytes:
    if request.format == "csv":
        return as_csv(queue)
    if request.format == "json":
        return as_json(queue, request.threshold)
    notes = []
    if queue.unmigrated:
        verb = "has" if queue.unmigrated == 1 else "have"
        notes.append(f"{queue.unmigrated:,} of {queue.items:,} items {verb} not been migrated and cannot be judged.")
    pictures: Optional[Iterator[Optional[str]]] = None
    if request.include_images and available():
        pictures = _pictures(queue.entries, request)
    elif request.include_images:
        notes.append("Pictures are left out: the Python that made this page has no Pillow.")
        warnings.append(
            f"Pictures are left out: {sys.executable} has no Pillow. Next: {sys.executable} -m pip install Pillow"
        )
    facts = Facts(os.path.basename(request.path), request.threshold, _made_with(block), notes)
    return as_html(queue, facts, pictures, request.limit or len(queue.entries))


def _pictures(entries: Sequence[Entry], request: Request) -> Iterator[Optional[str]]:
    paths = (_picture_path(entry, str(request.image_root)) for entry in entries)
    return thumbnails(paths, request.image_timeout, request.max_pixels)


def _picture_path(entry: Entry, root: str) -> Optional[str]:
    try:
        return resolve_under(root, entry.image) if entry.image else None
    except UnsafePath:
        return None


def _made_with(block: Dict[str, Any]) -> str:
    at, pillow, imagehash = (block.get(name) for name in ("migrated_at", "pillow", "imagehash"))
    if not isinstance(pillow, str):
        return ""
    beside = f" and ImageHash {imagehash}" if isinstance(imagehash, str) else ""
    return f"Migrated{f' at {at}' if isinstance(at, str) else ''} with Pillow {pillow}{beside}."


def _warnings(queue: Queue, request: Request) -> List[str]:
    if not queue.unmigrated:
        return []
    return [
        f"{queue.unmigrated} of {queue.items} items have no confidence, so they are not in the queue. "
        f"Next: migrate {request.path} first"
    ]


def _shown(data: bytes, kind: str) -> str:
    """What a diff shows: small text itself, of anything else its hash and size."""
    if not data or (kind != "html" and len(data) <= _DIFF_BYTES):
        return data.decode("utf-8", "backslashreplace")
    return f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}\n"
