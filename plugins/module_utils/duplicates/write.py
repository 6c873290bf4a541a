# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Duplicates as JSON, CSV and HTML; the same library and pictures give the same bytes."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..pages.spreadsheet import as_csv, cell
from ..review.thumbnails import available, thumbnails
from ..storage.images import UnsafePath, resolve_under
from .model import Duplicates, Request
from .page import MOST_SHOWN, as_html

COLUMNS = ("kind", "group", "distance", "pointer", "image", "dhash")
#: Pictures that one page carries.
_MOST_PICTURES = 5000


def rendered(found: Duplicates, request: Request, warnings: List[str]) -> bytes:
    """Return the file in the requested format."""
    if request.format == "json":
        return _json(found, request.distance)
    if request.format == "csv":
        return as_csv([COLUMNS, *_rows(found)])
    notes = list(warnings)
    pictures: Dict[str, str] = {}
    if request.include_images and available():
        pictures = _pictures(found, request)
    elif request.include_images:
        notes.append("Pictures are left out: the Python that made this page has no Pillow.")
        warnings.append(
            f"Pictures are left out: {sys.executable} has no Pillow. Next: {sys.executable} -m pip install Pillow"
        )
    return as_html(found, request, pictures, notes)


def _json(found: Duplicates, distance: int) -> bytes:
    """Return ASCII JSON; every string as in the library."""
    document: Dict[str, Any] = {
        "library": {"sha256": found.sha256},
        "distance": distance,
        "items": found.items,
        "compared": found.compared,
        "pairs": found.pairs,
        "groups": [
            {"distance": group.distance, "members": [member._asdict() for member in group.members]}
            for group in found.groups
        ],
        "flat": [member._asdict() for member in found.flat],
        "same_file": [[member._asdict() for member in members] for members in found.same_file],
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def _rows(found: Duplicates) -> Iterator[Tuple[str, ...]]:
    for number, group in enumerate(found.groups, 1):
        kind = "near" if group.distance else "exact"
        for member in group.members:
            yield (kind, str(number), str(group.distance), *map(cell, member))
    for member in found.flat:
        yield ("flat", "", "", *map(cell, member))
    for number, members in enumerate(found.same_file, 1):
        for member in members:
            yield ("same file", str(number), "0", *map(cell, member))


def _pictures(found: Duplicates, request: Request) -> Dict[str, str]:
    """Small pictures by image, of those that the page shows."""
    images: Dict[str, Optional[str]] = {}
    for group in found.groups[: request.limit or None]:
        for member in group.members[:MOST_SHOWN]:
            if len(images) < _MOST_PICTURES and member.image not in images:
                images[member.image] = _path(member.image, request.root)
    uris = thumbnails(images.values(), request.image_timeout, request.max_pixels)
    return {image: uri for image, uri in zip(images, uris) if uri is not None}


def _path(image: str, root: str) -> Optional[str]:
    try:
        return resolve_under(root, image)
    except UnsafePath:
        return None
