# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The duplicates of a library: groups of items whose pictures look alike, by their dHashes."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Sequence

from ..errors import MobiusError
from ..library.document import open_document
from ..pages.output import Output
from ..storage.paths import locate_library
from ..storage.replace import read_version
from ..text import printable
from .catalog import ByHash, Catalog, Member, shared_files
from .grouping import near_groups, width
from .model import FORMATS, Duplicates, Group, Request
from .pairs import MOST_DISTANCE
from .write import rendered

#: Groups, and items of each list, that a result carries; a file has all of them.
MOST_RETURNED = 10_000


def find(request: Request, *, check_mode: bool = False) -> Dict[str, Any]:
    """Find the duplicates and optionally write them to a file; returns what ``library_duplicates`` documents.

    :raises MobiusError: the library cannot be read, an option is out of range, or ``dest`` may not be written.
    """
    output = _refuse(request)
    warnings: List[str] = []
    found = search(request, warnings)
    result = _result(request, found, warnings)
    if output is not None:
        result.update(output.write(rendered(found, request, warnings), check_mode=check_mode))
    return result


def search(request: Request, warnings: List[str]) -> Duplicates:
    """Read the library and compare its dHashes; appends to ``warnings``."""
    version = read_version(locate_library(request.path))
    catalog = Catalog(request.image_key, request.root)
    with open_document(request.path) as document:
        for item in document.items(request.items, request.image_key):
            catalog.add(item.pointer, item.value)
    by_hash = ByHash(catalog)
    near = near_groups(by_hash, request.distance)
    if not near.complete:
        warnings.append(
            f"{near.pairs:,} pairs are within {request.distance} bits, too many to group all of them; the groups are "
            f"made from the nearest ones. Next: use a smaller distance"
        )
    if catalog.without_image:
        warnings.append(f"{catalog.without_image:,} items have a dHash but no image; they were not compared")
    exact = [[place] for place, count in enumerate(by_hash.file_counts) if count > 1]
    groups = [_group(catalog, by_hash, places) for places in (*exact, *near.groups)]
    groups.sort(key=lambda group: (group.distance, -len(group.members)))
    return Duplicates(
        groups=groups,
        flat=_members(catalog, by_hash.flat),
        same_file=[_members(catalog, numbers) for numbers in shared_files(catalog)],
        pairs=near.pairs,
        items=catalog.items,
        compared=len(catalog),
        sha256=version.sha256,
    )


def _group(catalog: Catalog, by_hash: ByHash, places: Sequence[int]) -> Group:
    numbers = sorted(number for place in places for number in by_hash[place].items)
    return Group(width([by_hash.hashes[place] for place in places]), _members(catalog, numbers))


def _members(catalog: Catalog, numbers: Iterable[int]) -> List[Member]:
    return [catalog.member(number) for number in numbers]


def _refuse(request: Request) -> Optional[Output]:
    """Refuse an impossible request before anything is read."""
    if not 0 <= request.distance <= MOST_DISTANCE:
        raise MobiusError(
            f"Invalid distance: must be between 0 and {MOST_DISTANCE} bits",
            str(request.distance),
            "0 finds equal dHashes, 3 also scaled and recompressed copies",
        )
    locate_library(request.path)
    if request.dest is None:
        return None
    if request.format not in FORMATS:
        raise MobiusError("Unknown format", request.format, f"use one of {', '.join(FORMATS)}")
    output = Output(request.dest, request.owner, request.group, request.mode, text=request.format != "html")
    output.refuse(request.path, "The report of duplicates")
    return output


def _result(request: Request, found: Duplicates, warnings: List[str]) -> Dict[str, Any]:
    most = MOST_RETURNED
    lists = (found.groups, found.flat, found.same_file)
    truncated = any(len(each) > most for each in lists)
    if truncated and request.dest is None:
        warnings.append(f"The result has only the first {most:,} entries of each list. Next: set dest to get all")
    return {
        "changed": False,
        "distance": request.distance,
        "groups": [
            {"distance": group.distance, "members": [_shown(member) for member in group.members]}
            for group in found.groups[:most]
        ],
        "group_count": len(found.groups),
        "exact_group_count": sum(group.distance == 0 for group in found.groups),
        "pairs": found.pairs,
        "flat": [_shown(member) for member in found.flat[:most]],
        "flat_count": len(found.flat),
        "same_file": [
            {"image": printable(members[0].image, None), "members": [_shown(member) for member in members]}
            for members in found.same_file[:most]
        ],
        "same_file_count": len(found.same_file),
        "truncated": truncated,
        "item_count": found.items,
        "compared": found.compared,
        "library_sha256": found.sha256,
        "warnings": warnings,
    }


def _shown(member: Member) -> Dict[str, str]:
    # Ansible's results must be UTF-8, unlike paths in a library.
    return {name: printable(value, None) for name, value in member._asdict().items()}
