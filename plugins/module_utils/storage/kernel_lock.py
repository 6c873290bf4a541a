# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel lock of a writing call: the kernel releases it when the holding process ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional

from ..errors import MobiusError
from .lease import describe, give_to_owner, is_stale, read_lease
from .paths import state_dir
from .replace import sweep_matching, sweep_temporaries
from .state import prepare_folder
from .timeline import Span, observe

#: Seconds to wait for another call to finish writing.
WAIT = 10.0
_TEMPORARIES = re.compile(
    r"\.(lock|current\.json|run\.json|history\.(jsonl|head))\.[0-9a-f]{12}\.tmp|(broken|validity)\.json\.tmp"
)


class Locked(MobiusError):
    """Someone else holds the library."""


class StillWriting(Locked):
    """A process is still writing; it may be one of the same run."""


class Token(NamedTuple):
    """The lease that a writing call began with."""

    holder: str
    generation: int


#: Kernel locks of this process by state folder, each with its lease; a writing call may call another one.
held: Dict[str, Optional[Token]] = {}
# The clock observations of those lock files; opening such a file again would release the lock.
_spans: Dict[str, List[Span]] = {}


@contextmanager
def kernel_lock(library_path: str, wait: float = WAIT, required: bool = True) -> Iterator[bool]:
    """Keep other processes from writing; reentrant within a process. Yields whether the lock is held.

    :param required: false to continue without the lock if this user cannot write to the folder.
    :raises StillWriting: another process did not end within ``wait`` seconds.
    """
    folder = state_dir(library_path)
    if folder in held:
        yield True
        return
    try:
        descriptor = _open_lock_file(library_path)
    except OSError as error:
        if required or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        yield False
        return
    try:
        # A POSIX lock: unlike with flock, hash processes do not inherit it, so it ends with this process.
        take: Callable[[], None] = lambda: fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # noqa: E731
        wait_for_lock(take, wait, lambda: _still_writing(library_path, wait))
        held[folder] = None
        try:
            sweep_temporaries(library_path)
            sweep_matching(folder, _TEMPORARIES)
            _spans[folder] = observe(descriptor)
            yield True
        finally:
            held.pop(folder, None)
            _spans.pop(folder, None)
    finally:
        os.close(descriptor)


def _open_lock_file(library_path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(f"{prepare_folder(library_path)}/writing", flags, 0o640)
    give_to_owner(descriptor, library_path)
    return descriptor


def _still_writing(library_path: str, wait: float) -> StillWriting:
    lease = read_lease(library_path)
    of_whom = f" for {describe(lease)}" if lease is not None and not is_stale(lease) else ""
    return StillWriting(
        f"Another process is writing to the library{of_whom} and did not end within {wait:g} seconds",
        library_path,
        f"wait for it, or see which process it is: fuser -v {state_dir(library_path)}/writing",
    )


def spans_seen(library_path: str) -> Optional[List[Span]]:
    """Return the clock observations inside :func:`writing`; None outside of it."""
    return _spans.get(state_dir(library_path))


@contextmanager
def folder_alone(folder: str, wait: float, refusal: MobiusError) -> Iterator[None]:
    """Lock a folder against other runs until this process ends; raise ``refusal`` after ``wait`` seconds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        wait_for_lock(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), wait, lambda: refusal)
        yield
    finally:
        os.close(descriptor)


def wait_for_lock(take: Callable[[], None], wait: float, refusal: Callable[[], MobiusError]) -> None:
    """Call ``take``, which does not block, until it gets its lock; after ``wait`` seconds raise ``refusal()``."""
    deadline = time.monotonic() + wait
    while True:
        try:
            return take()
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
        if time.monotonic() >= deadline:
            raise refusal()
        time.sleep(0.05)
