# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second pass of a migration: stream the edited library and prove the edit."""

from __future__ import annotations

import hashlib
import io
from typing import Any, BinaryIO, Dict, Iterator, Optional, cast

from ..errors import MobiusError
from ..library.compare import unexpected_changes
from ..library.document import Document
from ..library.edit import Splice, block_splices, write_spliced
from ..storage.replace import ChangedMeanwhile, read_version
from .options import Options
from .positions import NotThere, Positions
from .proof import Proof
from .tally import Tally


class Edited:
    """The bytes of a library after its migration; they can be written repeatedly."""

    def __init__(
        self, document: Document, options: Options, tally: Tally, positions: Positions, block: Dict[str, Any]
    ) -> None:
        self._document = document
        self._options = options
        self._tally = tally
        self._positions = positions
        self.block = block

    def at(self, moment: str) -> Edited:
        """Return a copy with another time in its block."""
        block = {**self.block, "migrated_at": moment}
        return Edited(self._document, self._options, self._tally, self._positions, block)

    def write(self, stream: BinaryIO) -> None:
        """Write the bytes to ``stream``; the unchanged library if no item changes.

        :raises ChangedMeanwhile: the library is no longer what was read.
        """
        try:
            write_spliced(self._document.descriptor, self._splices() if self._tally.changed else iter(()), stream)
        except (NotThere, ValueError, IndexError) as error:
            what = "The library was edited in place while it was being migrated"
            raise ChangedMeanwhile(what, self._document.path, "run again") from error

    def sha256(self) -> str:
        """SHA-256 of these bytes."""
        digest = _Digest()
        with io.BufferedWriter(digest, 1 << 18) as stream:
            self.write(cast(BinaryIO, stream))
        return digest.sha256.hexdigest()

    def prove(self, written: str, sha256: Optional[str] = None) -> None:
        """Prove a written file.

        :param sha256: of the written bytes, so that exactly those are proven.
        :raises MobiusError: something else than the migration's members differs, or an item lacks its result.
        """
        options = self._options
        # Where no item changes the block stays as well, with its time.
        block = self.block if self._tally.changed else self._document.block
        proof = Proof(self._tally, block if self._document.root is not None else None)
        found = unexpected_changes(self._document.path, written, options.items, options.image_key, limit=3, check=proof)
        if not found and sha256 is not None and read_version(written).sha256 != sha256:
            found = [{"pointer": None, "line": 1, "message": "the file is not what was written"}]
        if found:
            places = "; ".join(f"{each['pointer'] or 'line'} {each['line']}: {each['message']}" for each in found)
            raise MobiusError(
                f"The edited library failed its proof: {places}",
                self._document.path,
                "report this; nothing was changed",
            )

    def _splices(self) -> Iterator[Splice]:
        root = self._document.root
        block = [] if root is None else block_splices(root, self.block)
        return self._positions.splices(self._document.descriptor, self._tally.edits, block)


class _Digest(io.RawIOBase):
    """A stream that only computes the hash."""

    def __init__(self) -> None:
        super().__init__()
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return len(data)
