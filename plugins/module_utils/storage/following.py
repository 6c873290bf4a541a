# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file hashed while it is written, and read back: a large one meanwhile, each stretch once it is on the disk.

What is read back is compared with the bytes that were written, which are in memory until then: hashing them a second
time would take as long as all else.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from contextlib import suppress
from hashlib import sha256
from queue import Full, Queue
from typing import Any, List, Optional

#: Bytes that are synced and read back at once. A file that has fewer is read back when it is whole.
STRETCH = 8 << 20
#: Stretches that may wait for that, in memory, before the writer waits.
_AHEAD = 2
#: The most that is taken at once, so that a stretch is not longer than it should be.
_PIECE = 1 << 20


class HashedFile(io.RawIOBase):
    """A raw writer that hashes exactly what the kernel took. Closing it leaves the descriptor open.

    :param descriptor: of a new file, open for reading and writing.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._follower: Optional[_Follower] = None
        self._unread: List[bytes] = []
        self._next = STRETCH
        self.digest = sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = memoryview(data)[:_PIECE]
        count = os.write(self._descriptor, piece)
        # A copy, for the writer may use its memory again.
        block = bytes(piece[:count])
        self.digest.update(block)
        self._unread.append(block)
        self.size += count
        if self.size >= self._next:
            self._next = self.size + STRETCH
            if self._follower is None:
                self._follower = _Follower(self._descriptor)
            self._follower.follow(self._unread)
            self._unread = []
        return count

    def reads_back(self) -> bool:
        """Whether the file, all of which is synced, holds what was written and nothing else.

        :raises OSError: it could not be synced or read.
        """
        if self._follower is not None:
            return self._follower.finish(self._unread)
        return _holds(self._descriptor, 0, self._unread) and os.fstat(self._descriptor).st_size == self.size

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None
        super().close()


class _Follower:
    """A thread that reads a file back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stretches: Queue[Optional[List[bytes]]] = Queue(_AHEAD)
        self._size = 0
        self._same = True
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "No thread can be started to read the file back") from error

    def follow(self, blocks: Optional[List[bytes]]) -> None:
        """These are written, behind those of before; None ends it."""
        # Where the thread has met an error, which `finish` raises, nobody takes them any more.
        while self._thread.is_alive():
            with suppress(Full):
                self._stretches.put(blocks, timeout=1)
                return

    def finish(self, blocks: List[bytes]) -> bool:
        """Read the rest too, which is synced; returns whether all was as written.

        :raises OSError: a stretch could not be synced or read.
        """
        self.follow(blocks)
        self.close()
        if self._error is not None:
            raise self._error
        return self._same and os.fstat(self._descriptor).st_size == self._size

    def close(self) -> None:
        self.follow(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (blocks := self._stretches.get()) is not None:
                self._read(blocks)
        except BaseException as error:  # raised again where it is waited for
            self._error = error

    def _read(self, blocks: List[bytes]) -> None:
        os.fsync(self._descriptor)
        size = sum(map(len, blocks))
        # Dropped from the cache, so that the disk is asked where the kernel lets it.
        with suppress(OSError):
            os.posix_fadvise(self._descriptor, self._size, size, os.POSIX_FADV_DONTNEED)
        self._same = self._same and _holds(self._descriptor, self._size, blocks)
        self._size += size


def _holds(descriptor: int, offset: int, blocks: List[bytes]) -> bool:
    """Whether the file has these bytes from ``offset`` on."""
    found = bytearray()
    for block in blocks:
        if len(found) != len(block):
            found = bytearray(len(block))
        view, at = memoryview(found), 0
        while at < len(block):
            count = os.preadv(descriptor, [view[at:]], offset + at)
            if not count:
                return False
            at += count
        if found != block:
            return False
        offset += len(block)
    return True
