# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of the backup store: its kind, whether it verifies, and what is known about the library in it."""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Dict, List, Optional

from ..clock import timestamp
from ..storage.paths import kind_of
from ..storage.replace import Version, read_version
from . import sidecar
from .checksums import NoChecksum, read_checksums
from .names import CHECKSUM, Name


@dataclass(frozen=True)
class Backup:
    """One file of the store.

    :param sha256: of its bytes, or from the checksum file if the bytes were not read.
    :param size: in bytes.
    :param verified: whether its bytes match its checksum; None if they were not read.
    :param reason: why it is verified or not.
    :param judged: false if that is undecidable: no readable checksum file, or not a regular file.
    :param problem: why the library in it is not valid; empty if it is, None if not known yet.
    :param sequence: its position in the order of creation, from 1; 0 if unknown.
    """

    path: str
    sha256: Optional[str]
    size: int
    name: Name
    verified: Optional[bool]
    reason: str
    judged: bool = True
    problem: Optional[str] = None
    sequence: int = 0

    @property
    def created(self) -> datetime:
        return self.name.created

    @property
    def kind(self) -> str:
        return self.name.kind

    @property
    def valid(self) -> Optional[bool]:
        """Whether the library in it was valid; None when that is not known yet."""
        return None if self.problem is None else not self.problem

    def facts(self) -> Dict[str, Any]:
        """Return the dict that modules return."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "size": self.size,
            "created": timestamp(self.created),
            "kind": self.kind,
            "verified": self.verified,
            "reason": self.reason,
            "valid": self.valid,
            "problem": self.problem or "",
        }


def examine(path: str, name: Name, *, verify: bool = True) -> Backup:
    """Examine one backup; never blocks on special files and never follows a link.

    :raises FileNotFoundError: it does not exist.
    """
    facts = os.lstat(path)
    if not stat.S_ISREG(facts.st_mode):
        return Backup(path, None, 0, name, False, f"it is {kind_of(facts.st_mode)}, not a regular file", judged=False)
    hashes: List[str] = []
    reason = ""
    try:
        hashes = read_checksums(path)
    except NoChecksum as error:
        reason = error.what
        if not os.path.lexists(path + CHECKSUM):
            reason += f"; if you trust it, create one: {checksum_command(path)}"
    except OSError as error:
        return Backup(path, None, facts.st_size, name, False, f"its checksum cannot be read: {error.strerror}", False)
    if not verify:
        known = hashes[0] if hashes else None
        return _with_sidecar(Backup(path, known, facts.st_size, name, None if hashes else False, reason, bool(hashes)))
    try:
        version = read_version(path, follow=False)
    except FileNotFoundError:
        raise
    except OSError as error:
        return Backup(path, None, facts.st_size, name, False, f"it cannot be read: {error.strerror}", False)
    if not reason:
        reason = "the checksum matches" if version.sha256 in hashes else _mismatch(version, hashes)
    verified = version.sha256 in hashes
    return _with_sidecar(Backup(path, version.sha256, version.size, name, verified, reason, bool(hashes)))


def _with_sidecar(backup: Backup) -> Backup:
    document = sidecar.read(backup.path)
    problem = sidecar.problem_in(document, backup.sha256)
    if backup.size == 0 and problem is None:
        problem = "it is empty (0 bytes)"
    return replace(backup, problem=problem, sequence=document["sequence"] if document else 0)


def _mismatch(version: Version, hashes: List[str]) -> str:
    if version.size == 0:
        return "it is empty, which does not match its checksum"
    return f"its bytes do not match its checksum: {hashes[0][:12]}... expected, {version.sha256[:12]}... found"


def checksum_command(path: str) -> str:
    """Return the command that creates the missing checksum file of a backup."""
    quoted = shlex.quote(path)
    return f"sha256sum {quoted} > {quoted}{CHECKSUM}"
