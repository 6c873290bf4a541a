# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file hashed while it is written, and a large one read back meanwhile: each stretch once it is on the disk."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Optional

#: Bytes that are synced and read back at once. A file that has fewer is read back when it is whole.
STRETCH = 32 << 20
_BLOCK = 1 << 20


class HashedFile(io.RawIOBase):
    """A raw writer that hashes exactly what the kernel took. Closing it leaves the descriptor open.

    :param path: where the file is, for reading it back.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._path = path
        self._follower: Optional[_Follower] = None
        self._next = STRETCH
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = os.write(self._descriptor, data)
        self.digest.update(memoryview(data)[:count])
        self.size += count
        if self.size >= self._next:
            self._next = self.size + STRETCH
            if self._follower is None:
                self._follower = _Follower(os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
            self._follower.follow(self.size)
        return count

    def read_back(self) -> Optional[tuple[str, int]]:
        """SHA-256 and size of what is in the file, all of which is synced; None of a small one that nobody read yet."""
        return self._follower.finish(self.size) if self._follower is not None else None

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None
        super().close()


class _Follower:
    """A thread that reads a file back, and hashes what it reads.

    :param descriptor: of the file, open for reading; closed by ``close``.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ends: SimpleQueue[Optional[int]] = SimpleQueue()
        self._digest = hashlib.sha256()
        self._size = 0
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._thread.start()

    def follow(self, end: int) -> None:
        """The bytes up to here are written."""
        self._ends.put(end)

    def finish(self, end: int) -> tuple[str, int]:
        """Read the rest, which is synced; returns SHA-256 and size of all that was read.

        :raises OSError: a stretch could not be synced or read.
        """
        self._ends.put(end)
        self._stop()
        if self._error is not None:
            raise self._error
        return self._digest.hexdigest(), self._size

    def close(self) -> None:
        self._stop()
        os.close(self._descriptor)

    def _stop(self) -> None:
        self._ends.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            block = memoryview(bytearray(_BLOCK))
            while True:
                end = self._ends.get()
                if end is None:
                    return
                self._read(end, block)
        except BaseException as error:  # raised again where it is waited for
            self._error = error

    def _read(self, end: int, block: memoryview[int]) -> None:
        os.fsync(self._descriptor)
        # Dropped from the cache, so that the disk is asked where the kernel lets it.
        with suppress(OSError):
            os.posix_fadvise(self._descriptor, self._size, end - self._size, os.POSIX_FADV_DONTNEED)
        while self._size < end:
            count = os.preadv(self._descriptor, [block[: end - self._size]], self._size)
            if not count:
                return
            self._digest.update(block[:count])
            self._size += count
