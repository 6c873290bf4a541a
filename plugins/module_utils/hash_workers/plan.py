# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner's first step: find the pictures that have to be hashed and assign them to hosts."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import ExitStack, suppress
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, TextIO

from ..errors import MobiusError
from ..library.document import open_document
from ..migration.hashing import facts, hash_pictures, made_with
from ..migration.options import ALL, Options
from ..migration.pictures import Pictures, is_young
from ..migration.projection import Sample, hashing_seconds
from ..migration.survey import Entry, Survey
from ..storage.paths import locate_library
from ..storage.state import prepare_folder
from .assignment import Assignment, Capacity, Reservoir
from .files import FORM, Row, pack, write_line, writing

PREFIX = "shares-"
_FORGOTTEN_SECONDS = 2 * 86400
#: Hosts differ in speed: a share may take this many times the estimate, plus so many seconds.
_TIMES = 4.0
_MORE_SECONDS = 60.0
_SAMPLE = 40
_SAMPLE_SECONDS = 5.0


def plan(
    options: Options,
    workers: Sequence[Dict[str, Any]],
    *,
    host: str = "",
    min_seconds: float = 60.0,
    send: bool = False,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Assign the pictures that have to be hashed to this host and its workers.

    Returns the result of ``dhash_share_plan``.

    :param workers: ``name``, ``processors`` and ``maker`` of each, as ``dhash_worker_info`` returns them.
    :param host: this host's name in the inventory.
    :param min_seconds: estimated seconds of hashing by this host alone, below which nothing is shared.
    :param send: pack the pictures of the workers too.
    """
    options.check()
    library = locate_library(options.path)
    maker = made_with(options)
    fit = [Capacity(each["name"], max(1, int(each["processors"]))) for each in workers if each["maker"] == maker]
    warnings = [
        f"{each['name']} hashes with {each['maker']} and this host with {maker}, so it gets no share"
        for each in workers
        if each["maker"] != maker
    ]
    result: Dict[str, Any] = {
        "changed": False,
        "folder": "",
        "image_root": os.path.realpath(options.root),
        "shares": [],
    }
    if options.rehash == ALL:
        # Workers fill the index of pictures, which a migration with rehash: all does not read.
        warnings.append("With rehash: all this host hashes everything itself; the workers get no shares")
        fit = []
    if not fit:
        return {**result, "pictures": 0, "bytes": 0, "seconds": 0.0, "warnings": warnings}
    hosts = [Capacity(host, facts(options)["processors"]), *fit]
    folder = None if check_mode else _folder(library)
    try:
        result.update(_assign(options, hosts, maker, folder))
        if result["seconds"] < min_seconds or all(share["own"] for share in result["shares"]):
            result["shares"] = []
        elif send and folder is not None:
            _pack(result, folder)
        if folder is not None and result["shares"]:
            result.update(changed=True, folder=folder)
    finally:
        if folder is not None and not result["folder"]:
            shutil.rmtree(folder, ignore_errors=True)
    return {**result, "warnings": warnings}


def _folder(library: str) -> str:
    """Create this run's folder beside the state of the library, and remove those of dead runs."""
    above = prepare_folder(library)
    with os.scandir(above) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _FORGOTTEN_SECONDS:
                        shutil.rmtree(entry.path)
    return tempfile.mkdtemp(prefix=PREFIX, dir=above)


def _assign(options: Options, hosts: List[Capacity], maker: str, folder: Optional[str]) -> Dict[str, Any]:
    root = os.path.realpath(options.root)
    assignment = Assignment(hosts)
    sample: Reservoir[Row] = Reservoir(_SAMPLE)
    with ExitStack() as stack:
        files: List[TextIO] = []
        for place, host in enumerate(hosts if folder is not None else []):
            files.append(stack.enter_context(writing(_share(folder, place))))
            write_line(files[place], {"form": FORM, "maker": maker, "worker": host.name})
        for row in _rows(options, root, maker):
            place = assignment.host(row.size)
            sample.offer(row)
            if files:
                write_line(files[place], row)
    count, size = sum(assignment.pictures), sum(assignment.sizes)
    busy = _seconds(sample.chosen, options, root, count, size)
    portions = [cost / max(1, sum(assignment.costs)) for cost in assignment.costs]
    shares = [
        {
            "number": place,
            "worker": host.name,
            "own": place == 0,
            "pictures": assignment.pictures[place],
            "bytes": assignment.sizes[place],
            "timeout": round(_MORE_SECONDS + _TIMES * busy * portions[place] / host.processors),
            "file": "" if folder is None else _share(folder, place),
            "pack": "",
        }
        for place, host in enumerate(hosts)
        if assignment.pictures[place]
    ]
    return {"shares": shares, "pictures": count, "bytes": size, "seconds": round(busy / hosts[0].processors, 3)}


def _seconds(sample: List[Row], options: Options, root: str, count: int, size: int) -> float:
    """Estimate how many seconds one process takes for all, by hashing a sample."""
    until = time.monotonic() + _SAMPLE_SECONDS
    begun = ((row, f"{root}/{row.path}") for row in sample if time.monotonic() < until)
    samples = [Sample(each.key.size, each.seconds, each.dhash is None, 1, 1) for each in hash_pictures(begun, options)]
    return hashing_seconds(samples, count, size, 1)


def _rows(options: Options, root: str, maker: str) -> Iterator[Row]:
    """The pictures that a migration would hash now, without repetitions."""
    library = locate_library(options.path)
    pictures = Pictures(library, maker, write=False)
    met: Set[bytes] = set()
    try:
        with open_document(library) as document:
            for entry in Survey(document, options, pictures, lambda _unused: None).unsettled():
                row = _row(entry, root)
                if entry.key not in met and not is_young(row.identity):
                    yield row
                met.add(entry.key)
    finally:
        pictures.close()


def _row(entry: Entry, root: str) -> Row:
    size, mtime_ns, ctime_ns = map(int, entry.identity.split(" "))
    return Row(os.path.relpath(entry.path, root), size, mtime_ns, ctime_ns)


def _share(folder: Optional[str], place: int) -> str:
    return f"{folder}/{place}.share"


def _pack(result: Dict[str, Any], folder: str) -> None:
    sent = [share for share in result["shares"] if not share["own"]]
    needed = sum(share["bytes"] + 1024 * share["pictures"] for share in sent)
    free = shutil.disk_usage(folder).free
    if needed > 0.9 * free:
        raise MobiusError(
            f"Packing the pictures takes {needed / 1e6:.0f} MB of temporary space, and {free / 1e6:.0f} MB are free",
            folder,
            "free some space, or put the pictures on storage that the workers share (mobius_hash_workers_send: false)",
        )
    for share in sent:
        share["pack"] = f"{folder}/{share['number']}.tar"
        pack(share["file"], result["image_root"], share["pack"])
