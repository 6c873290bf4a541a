# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the review queue of a library to a file: the same library and pictures give the same bytes."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

from ..errors import MobiusError
from ..library.document import open_document
from ..library.fields import IMAGE_KEY
from ..pages.output import Output
from ..storage.images import UnsafePath, resolve_under
from ..storage.paths import locate_library
from ..storage.replace import FILE_MODE, read_version
from ..text import printable
from .page import Facts, as_html
from .queue import THRESHOLD, Entry, Queue, build
from .table import as_csv, as_json
from .thumbnails import available, thumbnails

FORMATS = ("html", "csv", "json")


@dataclass(frozen=True)
class Request:
    """The request. ``limit`` bounds the entries of an HTML page; ``image_root`` is needed for pictures."""

    path: str
    dest: str
    format: str = "html"
    threshold: float = THRESHOLD
    items: Optional[Sequence[str]] = None
    image_key: str = IMAGE_KEY
    include_images: bool = False
    image_root: Optional[str] = None
    limit: int = 5000
    image_timeout: float = 10.0
    max_pixels: int = 178_956_970
    owner: Union[str, int, None] = None
    group: Union[str, int, None] = None
    mode: int = FILE_MODE


#: Items that the result names; the file has all.
LOWEST = 20
_LONGEST = 200


def export(request: Request, *, check_mode: bool = False) -> Dict[str, Any]:
    """Write the queue; returns what the module ``review_export`` does.

    :raises MobiusError: the library cannot be read, or ``dest`` is the library, a backup of it or not a regular file.
    """
    output = _refuse(request)
    version = read_version(locate_library(request.path))
    with open_document(request.path) as document:
        found = document.items(request.items, request.image_key)
        queue = build(((item.pointer, item.value) for item in found), request.image_key, request.threshold)
        block = document.block or {}
    warnings = _warnings(queue, request)
    written = output.write(_rendered(queue, request, block, version.sha256, warnings), check_mode=check_mode)
    return {
        **written,
        "item_count": len(queue.entries),
        "library_items": queue.items,
        "library_sha256": version.sha256,
        "unmigrated": queue.unmigrated,
        "settled": queue.settled,
        "lowest": [_brief(entry) for entry in queue.entries[:LOWEST]],
        "warnings": warnings,
    }


def _brief(entry: Entry) -> Dict[str, Any]:
    """An item of the queue in the result: small enough for an artifact of a job, whatever the library has as names."""
    texts = {"pointer": entry.pointer, "name": entry.name or entry.id, "image": entry.image or ""}
    known = {name: printable(value, _LONGEST) for name, value in texts.items()}
    return {**known, "confidence": entry.confidence, "reasons": list(entry.reasons)}


def _refuse(request: Request) -> Output:
    """Refuse an impossible request before anything is read."""
    if request.format not in FORMATS:
        raise MobiusError("Unknown format", request.format, f"use one of {', '.join(FORMATS)}")
    if not 0 <= request.threshold <= 1:
        raise MobiusError("Invalid threshold: must be between 0 and 1", str(request.threshold), "the default is 0.7")
    if request.include_images and request.format == "html" and not request.image_root:
        raise MobiusError("Pictures need an image root", request.path, "set image_root as well")
    locate_library(request.path)
    output = Output(request.dest, request.owner, request.group, request.mode, text=request.format != "html")
    output.refuse(request.path, "The export")
    return output


def _rendered(queue: Queue, request: Request, block: Dict[str, Any], sha256: str, warnings: List[str]) -> bytes:
    if request.format == "csv":
        return as_csv(queue)
    if request.format == "json":
        return as_json(queue, request.threshold, sha256)
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
    facts = Facts(os.path.basename(request.path), request.threshold, _made_with(block), notes, sha256)
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
