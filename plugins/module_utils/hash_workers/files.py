# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File formats between the owner of a library and its hash workers: shares, results, and packed pictures.

Shares and results are gzipped JSON lines: a header, then rows. Pictures are packed as a tar whose members are named by
the number of their row, so that their real names need not survive the transfer.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional, TextIO, Tuple

from ..errors import MobiusError
from ..json import MAX_WHOLE, is_number, is_whole, load_json
from ..library.fields import is_dhash
from ..migration.pictures import Kept
from ..storage.replace import open_regular

FORM = 1
_LONGEST = 64 * 1024
_CODE = re.compile(r"[a-z0-9-]{1,40}")
_MOST_REASONS = 20


class InvalidShare(Exception):
    """A share, results or packed pictures that do not follow the format; the message has the place."""


class Row(NamedTuple):
    """A picture to hash: its path under the image root, and its stat on the owner's host."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def identity(self) -> str:
        """See ``pictures.identity``."""
        return f"{self.size} {self.mtime_ns} {self.ctime_ns}"


class Result(NamedTuple):
    """A worker's result for row ``number``; ``mtime_ns`` is None for a picture that was sent to it."""

    number: int
    size: int
    mtime_ns: Optional[int]
    kept: Kept


@contextmanager
def writing(path: str) -> Iterator[TextIO]:
    """Create a file of gzipped JSON lines, readable by this user only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as raw, gzip.open(raw, "wt", compresslevel=1, encoding="ascii") as lines:
        yield lines


def write_line(lines: TextIO, value: Any) -> None:
    lines.write(json.dumps(value) + "\n")


def share_rows(path: str) -> Iterator[Row]:
    """The rows of a share that this host wrote."""
    lines = _lines(path)
    next(lines)
    return (Row(*values) for values in lines)


def head(path: str) -> Dict[str, Any]:
    """The header of a share or of results.

    :raises InvalidShare: it is missing or of another format.
    """
    first = next(_checked(path), None)
    if not isinstance(first, dict) or first.get("form") != FORM:
        raise InvalidShare("the header is missing or of another format")
    return first


def results(path: str, count: int) -> Iterator[Result]:
    """A worker's results for a share of ``count`` rows, in their order.

    :raises InvalidShare: a row is invalid or out of order, or the end is missing.
    """
    lines = _checked(path)
    next(lines, None)
    last = -1
    for values in lines:
        if values == {"end": True}:
            if next(lines, None) is not None:
                raise InvalidShare("there is data after the end mark")
            return
        result = _result(values)
        if not last < result.number < count:
            raise InvalidShare(f"row {result.number} follows row {last} of {count}")
        last = result.number
        yield result
    raise InvalidShare("the end mark is missing")


def write_result(lines: TextIO, result: Result) -> None:
    write_line(lines, [result.number, result.size, result.mtime_ns, *result.kept])


def _result(values: Any) -> Result:
    try:
        number, size, mtime_ns, dhash, confidence, reasons, error, seconds = values
        good = (
            all(is_whole(each, -MAX_WHOLE) for each in (number, size))
            and (mtime_ns is None or is_whole(mtime_ns, -MAX_WHOLE))
            and (dhash is None or is_dhash(dhash))
            and (error is None) == (dhash is not None)
            and (error is None or (isinstance(error, str) and error.isprintable()))
            and all(is_number(each) and each >= 0 for each in (confidence, seconds))
            and confidence <= 1
            and isinstance(reasons, list)
            and len(reasons) <= _MOST_REASONS
            and all(isinstance(code, str) and _CODE.fullmatch(code) for code in reasons)
        )
    except (TypeError, ValueError) as problem:
        raise InvalidShare(f"malformed row: {json.dumps(values)[:80]}") from problem
    if not good:
        raise InvalidShare(f"row with invalid values: {json.dumps(values)[:80]}")
    return Result(number, size, mtime_ns, Kept(dhash, confidence, tuple(reasons), error, seconds))


def _checked(path: str) -> Iterator[Any]:
    try:
        yield from _lines(path)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InvalidShare(str(error) or type(error).__name__) from error


def _lines(path: str) -> Iterator[Any]:
    with open_regular(path, follow=False) as raw, gzip.open(raw, "rb") as stream:
        while True:
            line = stream.readline(_LONGEST)
            if not line:
                return
            if not line.endswith(b"\n"):
                raise ValueError("a line is too long or cut off")
            yield load_json(line)


def pack(share: str, root: str, target: str) -> None:
    """Write the pictures of a share as a tar, without those whose size has changed."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w|") as archive:
        for number, row in enumerate(share_rows(share)):
            data = b""
            with suppress(OSError, MobiusError), open_regular(str(Path(root) / row.path)) as stream:
                data = stream.read(row.size + 1) or b""
            if len(data) == row.size:
                member = tarfile.TarInfo(str(number))
                member.size = row.size
                archive.addfile(member, io.BytesIO(data))


def unpack(archive_path: str, folder: str) -> Iterator[Tuple[int, str, int]]:
    """Yield number, path and size of each picture of a tar; each is extracted into ``folder`` when it is yielded.

    :raises InvalidShare: the file is not such a tar.
    """
    try:
        with open_regular(archive_path) as raw, tarfile.open(fileobj=raw, mode="r|") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isreg() and member.name.isdigit() else None
                if stream is None:
                    raise InvalidShare(f"unexpected member {member.name[:40]!r}")
                path = Path(folder) / str(int(member.name))
                with path.open("xb") as copy:
                    shutil.copyfileobj(stream, copy)
                yield int(member.name), str(path), member.size
    except (tarfile.TarError, EOFError, ValueError, FileExistsError) as error:
        raise InvalidShare(str(error)) from error
