# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The second pass of a migration: the library with its edits, streamed, and proven."""

from __future__ import annotations

import hashlib
import heapq
import io
from typing import Any, BinaryIO, Dict, Iterator, List, Tuple, cast

from ..errors import MobiusError
from ..library.compare import unexpected_changes
from ..library.document import Document, open_document
from ..library.edit import Splice, block_splices, in_order, item_splices, matches, write_spliced
from ..storage.replace import ChangedMeanwhile
from .options import Options
from .tally import Tally


class Edited:
    """The bytes that a library has after its migration; they can be written any number of times."""

    def __init__(self, document: Document, options: Options, tally: Tally, block: Dict[str, Any]) -> None:
        self._document = document
        self._options = options
        self._tally = tally
        self.block = block

    def at(self, moment: str) -> Edited:
        """The same with another time in its block."""
        return Edited(self._document, self._options, self._tally, {**self.block, "migrated_at": moment})

    def write(self, stream: BinaryIO) -> None:
        """Send the bytes to ``stream``; those of the library when no item changes."""
        write_spliced(self._document.descriptor, self._splices() if self._tally.changed else (), stream)

    def sha256(self) -> str:
        """Of these bytes."""
        digest = _Digest()
        with io.BufferedWriter(digest, 1 << 18) as stream:
            self.write(cast(BinaryIO, stream))
        return digest.sha256.hexdigest()

    def prove(self, written: str) -> None:
        """Check a file that was written.

        :raises MobiusError: more differs than the migration's own members, or an item does not say what it shall.
        """
        options = self._options
        found = unexpected_changes(self._document.path, written, options.items, options.image_key, limit=3)
        if found:
            places = "; ".join(f"{each['pointer'] or 'line'} {each['line']}: {each['message']}" for each in found)
            raise self._wrong(f"more than the migration's own members would change: {places}")
        with open_document(written) as after:
            number = -1
            for number, item in enumerate(after.items(options.items, options.image_key)):
                verdict = self._tally.verdict(number) if number < self._tally.items else None
                if verdict is not None and not matches(item.value, verdict):
                    raise self._wrong(f"{item.pointer} would not say what was found")
            if number + 1 != self._tally.items:
                raise self._wrong(f"it would have {number + 1} items, not {self._tally.items}")

    def _wrong(self, what: str) -> MobiusError:
        return MobiusError(
            f"The edited library does not prove right, {what}", self._document.path, "report this; nothing was changed"
        )

    def _splices(self) -> Iterator[Splice]:
        root = self._document.root
        block = [] if root is None else block_splices(root, self.block)
        return heapq.merge(in_order(self._item_edits()), block)

    def _item_edits(self) -> Iterator[Tuple[int, List[Splice]]]:
        tally, options = self._tally, self._options
        number = -1
        for number, item in enumerate(self._document.items(options.items, options.image_key)):
            verdict = tally.verdict(number) if number < tally.items else None
            if verdict is not None and not matches(item.value, verdict):
                yield item.outermost, item_splices(item.value, item.layout, verdict)
        if number + 1 != tally.items:
            raise ChangedMeanwhile(
                "The library was edited in place while it was being migrated", self._document.path, "run again"
            )


class _Digest(io.RawIOBase):
    """A stream that only hashes."""

    def __init__(self) -> None:
        super().__init__()
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return len(data)
