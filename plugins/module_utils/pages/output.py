# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file made from a library for people or programs: written when it would change, and never over the library."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import Any, Dict, Optional, Union

from ..errors import MobiusError
from ..storage.metadata import resolve_ownership
from ..storage.paths import refuse_target
from ..storage.replace import FILE_MODE, open_regular, replace_whole

_DIFF_BYTES = 100_000


@dataclass(frozen=True)
class Output:
    """Where a file goes, and whose it shall be. ``text`` is false for a file whose content no diff should show."""

    dest: str
    owner: Union[str, int, None] = None
    group: Union[str, int, None] = None
    mode: int = FILE_MODE
    text: bool = True

    def refuse(self, library: str, what: str) -> None:
        """Called before anything is read.

        :raises MobiusError: ``dest`` is the library, a backup of it, a part of its state, or a folder.
        """
        refuse_target(self.dest, library, what)
        if os.path.isdir(self.dest):
            raise MobiusError(f"{what} needs a file name, this is a folder", self.dest, "add the name of a file")

    def write(self, data: bytes, *, check_mode: bool) -> Dict[str, Any]:
        """Write the bytes unless they are there; returns ``changed``, ``dest``, ``sha256`` and ``diff``."""
        before, settled = self._existing()
        changed = before != data or not settled
        if changed and not check_mode:
            replace_whole(
                self.dest,
                lambda stream: stream.write(data),
                owner=self.owner,
                group=self.group,
                mode=self.mode,
            )
        return {
            "changed": changed,
            "dest": os.path.abspath(self.dest),
            "sha256": hashlib.sha256(data).hexdigest(),
            "diff": {
                "before_header": self.dest,
                "after_header": self.dest,
                "before": self._shown(before or b""),
                "after": self._shown(data),
            },
        }

    def _existing(self) -> tuple[Optional[bytes], bool]:
        """The bytes of an earlier file, and whether its owner, group and mode are as requested."""
        try:
            with open_regular(self.dest) as stream:
                facts = os.fstat(stream.fileno())
                data = stream.readall()
        except FileNotFoundError:
            return None, False
        wanted = resolve_ownership(self.owner, self.group, self.mode)
        settled = (
            wanted.uid in (-1, facts.st_uid)
            and wanted.gid in (-1, facts.st_gid)
            and wanted.mode == stat.S_IMODE(facts.st_mode)
        )
        return data, settled

    def _shown(self, data: bytes) -> str:
        """What a diff shows: small text itself, of anything else its hash and size."""
        if not data or (self.text and len(data) <= _DIFF_BYTES):
            return data.decode("utf-8", "backslashreplace")
        return f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}\n"
