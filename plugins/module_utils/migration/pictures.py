# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of pictures with their last outcomes, ``pictures.sqlite`` beside the library.

A picture is unchanged while its size, mtime and ctime are, which takes one stat. A killed run continues from here.
If the file is missing, damaged or not writable, pictures are hashed again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple
from zlib import crc32

from ..library.fields import is_dhash
from ..storage.paths import state_dir
from ..storage.replace import FILE_MODE
from ..storage.state import library_owner, prepare_folder

try:
    import sqlite3
except ImportError:  # some builds of Python lack it
    sqlite3 = None  # type: ignore[assignment]

NAME = "pictures.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS pictures (key BLOB PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID"
_PROBE = "SELECT row FROM pictures LIMIT 1"
#: 16 MiB; the default is 2, and the index of 100,000 pictures takes 14.
_CACHE = "PRAGMA cache_size=-16384"
_COMMIT_SECONDS = 2.0
_COMMIT_ROWS = 2000
_MOST_KEYS = 500
# What os.fsencode encodes with; it takes half as long without the call.
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
#: A file this young may be written again within the same tick of its timestamps.
_YOUNG_NS = 20_000_000
#: Failures that the same bytes always cause.
_PERMANENT = frozenset({"empty", "not-a-picture", "truncated", "broken"})
#: Failures that may not occur again, although nothing has changed.
TRANSIENT = frozenset({"timeout", "crashed", "out-of-memory"})


class Kept(NamedTuple):
    """``dhash`` is None and ``error`` a sentence for a picture that failed; ``seconds`` is its hashing time."""

    dhash: Optional[str]
    confidence: float
    reasons: Tuple[str, ...]
    error: Optional[str]
    seconds: float


def key_of(path: str) -> bytes:
    """Return a 16-byte key for a path."""
    return hashlib.blake2b(path.encode(_ENCODING, _ERRORS), digest_size=16).digest()


def identity(facts: os.stat_result) -> str:
    """Return what must stay the same for a picture to count as unchanged."""
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


def is_young(identity_now: str) -> bool:
    """Whether a picture of this :func:`identity` may be written again within the same tick of its timestamps."""
    changed = max(int(part) for part in identity_now.split(" ")[1:])
    return -_YOUNG_NS < time.time_ns() - changed < _YOUNG_NS


def as_kept(seconds: float) -> float:
    """Round a time to the stored precision."""
    return float(f"{seconds:.5g}")


@lru_cache(maxsize=1024)
def _codes(text: str) -> Tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


class Pictures:
    """The store of one library for one run.

    :param maker: a word for everything but the picture that determines outcomes; others' outcomes do not count.
    :param write: false to write nothing; what this run adds is then lost at its end.
    """

    def __init__(self, library_path: str, maker: str, *, write: bool) -> None:
        self._library = library_path
        self._maker = maker
        self._path = str(Path(state_dir(library_path)) / NAME)
        self._write = write
        self._rows: Dict[bytes, str] = {}
        self._flushed = time.monotonic()
        self._mine: Optional[sqlite3.Connection] = None
        self._before: Optional[sqlite3.Connection] = None
        self.warnings: List[str] = []
        if sqlite3 is not None:
            self._open()

    def find(self, keys: Sequence[bytes]) -> Dict[bytes, str]:
        """Return the rows of these pictures, for :meth:`kept`."""
        found: Dict[bytes, str] = {}
        for start in range(0, len(keys), _MOST_KEYS):
            # In the order of the file, so each page is read once.
            some = sorted(keys[start : start + _MOST_KEYS])
            for connection in (self._before, self._mine):
                if connection is not None:
                    found.update(self._select(connection, some))
            if self._rows:
                found.update((key, self._rows[key]) for key in some if key in self._rows)
        return found

    def kept(self, row: Optional[str], now: str) -> Optional[Kept]:
        """Parse a row if it is intact and its picture still has the :func:`identity` ``now``."""
        if row is None or not row.startswith(f"{now} {self._maker} ", 9):
            return None
        try:
            checksum, _size, _mtime, _ctime, _maker, dhash, confidence, seconds, reasons, error = row.split(" ", 9)
            if int(checksum, 16) != crc32(row[9:].encode()) or (dhash != "-" and not is_dhash(dhash)):
                return None
            found = None if dhash == "-" else dhash
            return Kept(found, float(confidence), _codes(reasons), error or None, float(seconds))
        except ValueError:
            return None

    def keep(self, key: bytes, identity_before: str, outcome: Kept) -> bool:
        """Store the outcome of a picture that had this identity before it was read; False if it may change again."""
        if outcome.dhash is None and not _PERMANENT.issuperset(outcome.reasons):
            return False
        if is_young(identity_before):
            return False
        dhash, reasons = outcome.dhash or "-", ",".join(outcome.reasons) or "-"
        text = f"{identity_before} {self._maker} {dhash} {outcome.confidence!r} {outcome.seconds!r} {reasons} " + (
            outcome.error or ""
        )
        self._rows[key] = f"{crc32(text.encode()):08x} {text}"
        if len(self._rows) >= _COMMIT_ROWS or time.monotonic() - self._flushed > _COMMIT_SECONDS:
            self.flush()
        return True

    def flush(self) -> None:
        """Write the stored outcomes to disk."""
        if self._mine is None:
            return
        try:
            with self._mine:
                self._mine.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?)", list(self._rows.items()))
        except sqlite3.Error as error:
            self._give_up(error)
        self._rows.clear()
        self._flushed = time.monotonic()

    def close(self) -> None:
        self.flush()
        for connection in (self._mine, self._before):
            if connection is not None:
                connection.close()
        self._mine = self._before = None

    def _open(self) -> None:
        if self._write:
            self._mine = self._own_file()
            if self._mine is not None:
                return
        # A temporary database of this connection alone; it leaves nothing on disk.
        self._mine = sqlite3.connect("")
        self._mine.execute(_TABLE)
        if not self._write and Path(self._path).is_file() and Path(self._path).stat().st_size:
            try:
                self._before = sqlite3.connect(f"{Path(self._path).absolute().as_uri()}?mode=ro", uri=True)
                self._before.execute(_CACHE)
                self._before.execute(_PROBE).fetchall()
            except sqlite3.Error as error:
                self._before = None
                self._warn(error)

    def _own_file(self) -> Optional[sqlite3.Connection]:
        try:
            try:
                return self._writable()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._warn(error)
                os.unlink(self._path)
                return self._writable()
        except (OSError, sqlite3.Error) as error:
            self._warn(error)
            return None

    def _writable(self) -> sqlite3.Connection:
        prepare_folder(self._library)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            os.fchmod(descriptor, FILE_MODE)
            uid, gid = library_owner(self._library)
            if uid != -1:
                os.fchown(descriptor, uid, gid)
        finally:
            os.close(descriptor)
        connection = sqlite3.connect(self._path, timeout=10.0)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(_CACHE)
        connection.execute(_TABLE)
        connection.execute(_PROBE).fetchall()
        return connection

    def _select(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> List[Tuple[bytes, str]]:
        marks = ",".join("?" * len(keys))
        try:
            return connection.execute(f"SELECT key, row FROM pictures WHERE key IN ({marks})", keys).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: Exception) -> None:
        """Continue without the file; a damaged one is replaced by the next run."""
        self._warn(error)
        for connection in (self._mine, self._before):
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
        self._mine = self._before = None
        if self._write and not isinstance(error, sqlite3.OperationalError):
            with suppress(OSError):
                os.unlink(self._path)

    def _warn(self, error: Exception) -> None:
        self.warnings.append(f"The index of pictures from earlier runs cannot be used ({error}): {self._path}")
