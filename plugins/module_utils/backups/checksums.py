# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksum files in the format of ``sha256sum``."""

from __future__ import annotations

import os
import re
from typing import List, Optional

from ..errors import MobiusError
from ..storage.paths import is_below
from ..storage.replace import open_regular
from .names import CHECKSUM

_LIMIT = 64 * 1024
_GNU = re.compile(rb"(\\)?([0-9A-Fa-f]{64})(?: [ *](.+))?")
_BSD = re.compile(rb"(\\)?SHA256 \((.+)\) = ([0-9A-Fa-f]{64})")


class NoChecksum(MobiusError):
    """No usable checksum file; ``what`` is the reason."""


def compose_line(sha256: str, backup_path: str, library_path: str) -> bytes:
    """Return the line for a backup, its path relative to the library's folder, or absolute when it is not below it."""
    folder = os.path.dirname(os.path.abspath(library_path))
    seen = os.path.relpath(backup_path, folder) if is_below(backup_path, folder) else backup_path
    name = os.fsencode(seen)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"" if escaped == name else b"\\") + sha256.encode("ascii") + b"  " + escaped + b"\n"


def read_checksums(backup_path: str) -> List[str]:
    """Return the hashes that the checksum file has for this backup, in lower case; normally one.

    Older scripts wrote another path, or the library's own name: when no line names the backup, every line counts.

    :raises NoChecksum: it is missing, not a regular file, or holds no SHA-256.
    :raises OSError: it cannot be read.
    """
    path = backup_path + CHECKSUM
    try:
        with open_regular(path, follow=False) as stream:
            content = stream.read(_LIMIT)
    except FileNotFoundError as error:
        raise NoChecksum("it has no checksum file") from error
    except MobiusError as error:
        raise NoChecksum(f"its checksum file is not usable: {error.what}") from error
    lines = [pair for pair in map(_parse, content.splitlines()) if pair is not None]
    name = os.fsencode(os.path.basename(backup_path))
    own = [digest for digest, path_there in lines if path_there is not None and os.path.basename(path_there) == name]
    hashes = own or [digest for digest, _path in lines]
    if not hashes:
        raise NoChecksum("its checksum file holds no SHA-256")
    return hashes


def _parse(line: bytes) -> Optional[tuple[str, Optional[bytes]]]:
    line = line.rstrip()
    gnu = _GNU.fullmatch(line)
    if gnu:
        return gnu.group(2).decode("ascii").lower(), _unescape(gnu.group(3), gnu.group(1))
    bsd = _BSD.fullmatch(line)
    if bsd:
        return bsd.group(3).decode("ascii").lower(), _unescape(bsd.group(2), bsd.group(1))
    return None


def _unescape(name: Optional[bytes], mark: Optional[bytes]) -> Optional[bytes]:
    if name is None or mark is None:
        return name
    meanings = {b"\\n": b"\n", b"\\r": b"\r", b"\\\\": b"\\"}
    return re.sub(rb"\\[nr\\]", lambda match: meanings[match.group(0)], name)
