# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hash a file while it is written, and read it back from the disk; a large file is read back in chunks meanwhile.

The data read back is compared with the written bytes, which stay in memory until then. A second hash would take as long
as everything else together.
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

#: Bytes to sync and read back at a time. A smaller file is read back when it is complete.
CHUNK = 8 << 20
#: Chunks that may wait in memory before the writer has to wait.
_AHEAD = 2
#: Limit of one write call, so a chunk does not grow far beyond its size.
_PIECE = 1 << 20


class HashedFile(io.RawIOBase):
    """A raw writer that hashes exactly what the kernel accepted. Closing it leaves the descriptor open.

    :param descriptor: a new file, open for reading and writing.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._reader: Optional[_Reader] = None
        self._unread: List[bytes] = []
        self._next = CHUNK
        self.digest = sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = memoryview(data)[:_PIECE]
        count = os.write(self._descriptor, piece)
        # A copy, because the caller may reuse its buffer.
        block = bytes(piece[:count])
        self.digest.update(block)
        self._unread.append(block)
        self.size += count
        if self.size >= self._next:
            self._next = self.size + CHUNK
            if self._reader is None:
                self._reader = _Reader(self._descriptor)
            self._reader.queue(self._unread)
            self._unread = []
        return count

    def reads_back(self) -> bool:
        """Sync the file and return whether it holds exactly what was written.

        :raises OSError: the file could not be synced or read.
        """
        if self._reader is not None:
            return self._reader.finish(self._unread)
        return _holds(self._descriptor, 0, self._unread) and os.fstat(self._descriptor).st_size == self.size

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        super().close()


class _Reader:
    """A thread that reads chunks back while the next ones are written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._chunks: Queue[Optional[List[bytes]]] = Queue(_AHEAD)
        self._size = 0
        self._same = True
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, name="read-back", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "No thread can be started to read the file back") from error

    def queue(self, blocks: Optional[List[bytes]]) -> None:
        """Queue blocks that were written after those queued before; None ends the thread."""
        # After an error, which `finish` raises, the thread no longer takes blocks.
        while self._thread.is_alive():
            with suppress(Full):
                self._chunks.put(blocks, timeout=1)
                return

    def finish(self, blocks: List[bytes]) -> bool:
        """Read the rest as well, which must be synced; returns whether everything is as written.

        :raises OSError: a chunk could not be synced or read.
        """
        self.queue(blocks)
        self.close()
        if self._error is not None:
            raise self._error
        return self._same and os.fstat(self._descriptor).st_size == self._size

    def close(self) -> None:
        self.queue(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (blocks := self._chunks.get()) is not None:
                self._read(blocks)
        except BaseException as error:  # raised again by finish
            self._error = error

    def _read(self, blocks: List[bytes]) -> None:
        os.fsync(self._descriptor)
        size = sum(map(len, blocks))
        # Dropped from the cache, so that the kernel reads from the disk where it can.
        with suppress(OSError):
            os.posix_fadvise(self._descriptor, self._size, size, os.POSIX_FADV_DONTNEED)
        self._same = self._same and _holds(self._descriptor, self._size, blocks)
        self._size += size


def _holds(descriptor: int, offset: int, blocks: List[bytes]) -> bool:
    """Whether the file holds these bytes from ``offset`` on."""
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
