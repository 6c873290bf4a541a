# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who writes to a library right now: the holder of the kernel lock, as the kernel knows it."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Any, Dict, Optional

from ..process.identity import command_of
from ..storage.paths import state_dir

# struct flock: type, whence, start, length, pid.
_FLOCK = "@hhqqi4x"


def writer_of(library_path: str) -> Optional[Dict[str, Any]]:
    """``pid`` (None where it is in another container) and ``command`` of the process that writes, or None.

    The query takes no lock, so it gets in nobody's way.
    """
    path = str(Path(state_dir(library_path)) / "writing")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except PermissionError:
        return _from_proc(path)
    except OSError:
        return None
    try:
        query = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, query))
    except OSError:
        return _from_proc(path)
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else _writer(pid)


def _from_proc(path: str) -> Optional[Dict[str, Any]]:
    """The same from ``/proc/locks``, for users who may not open the file of the lock."""
    try:
        inode = os.lstat(path).st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for words in (line.split() for line in lines):
        if len(words) > 5 and words[1] == "POSIX" and words[5].rpartition(":")[2] == str(inode):
            return _writer(int(words[4]))
    return None


def _writer(pid: int) -> Dict[str, Any]:
    known = pid > 0
    return {"pid": pid if known else None, "command": command_of(pid) if known else ""}
