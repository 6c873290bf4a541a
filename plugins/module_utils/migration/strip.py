# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo a migration by removing its members from the library; nothing else changes.

For use when no backup from before is left, or when later edits must stay. If the migration only added members, the
result is identical to the library before it.
"""

from __future__ import annotations

import hashlib
import heapq
import io
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Dict, List, NoReturn, Optional, Sequence, Tuple, cast

from ..backups.store import ensure_backup
from ..clock import timestamp
from ..errors import MobiusError
from ..library.compare import unexpected_changes
from ..library.document import Document, Item, open_document
from ..library.edit import Splice, in_order, write_spliced
from ..library.fields import BLOCK, DHASH, IMAGE_KEY, LEGACY, MIGRATION, REVIEW
from ..library.layout import Layout
from ..storage.lock import refuse_if_held, writing
from ..storage.paths import locate_library, refuse_moved
from ..storage.replace import DurabilityUnknown, Version, read_version, replace_whole, warn_of_hard_links
from ..storage.state import begin, commit
from ..text import printable
from .block import refuse_foreign

STRIPPED = "stripped"
_SHOWN = 10


@dataclass
class _Strip:
    """One call. ``names`` are the members to remove."""

    path: str
    library: str
    selectors: Optional[Sequence[str]]
    image_key: str
    names: Tuple[str, ...]
    item_count: int = 0
    stripped: int = 0
    restored: int = 0
    block: bool = False
    shown: List[str] = field(default_factory=list)

    def survey(self, document: Document) -> None:
        """Count the items to strip."""
        for item in document.items(self.selectors, self.image_key):
            self.item_count += 1
            owned = self._owned(item)
            if owned:
                self.stripped += 1
                self.restored += LEGACY in owned
                if len(self.shown) < _SHOWN:
                    values = ", ".join(f"{name}={printable(str(item.value[name]), 60)}" for name in owned)
                    self.shown.append(f"{item.pointer} {values}\n")
        refuse_foreign(document)
        self.block = document.root is not None and BLOCK in document.root.marked

    def _owned(self, item: Item) -> List[str]:
        """Return the members to remove; a ``dhash`` without confidence is not from a migration."""
        present = [name for name in self.names if name in item.layout.marked]
        return [] if present == [DHASH] else present

    def write(self, document: Document, stream: BinaryIO) -> None:
        """Write the stripped bytes to ``stream``."""
        root = document.root
        block = _cuts(root, [BLOCK]) if root is not None and self.block else []
        edits = in_order(
            (item.outermost, self._splices(item)) for item in document.items(self.selectors, self.image_key)
        )
        write_spliced(document.descriptor, heapq.merge(edits, block), stream)

    def _splices(self, item: Item) -> List[Splice]:
        layout = item.layout
        present = self._owned(item)
        if LEGACY not in present:
            return _cuts(layout, present)
        legacy, dhash = layout.marked[LEGACY], layout.marked.get(DHASH)
        # A migration renames the former value to dhash_legacy, with its own dHash immediately before it.
        beside = dhash is not None and legacy.before == dhash.value_end
        start = dhash.key if dhash is not None and beside else legacy.key
        others = [name for name in present if name != LEGACY and not (beside and name == DHASH)]
        return sorted([Splice(start, legacy.key_end, f'"{DHASH}"'.encode("ascii")), *_cuts(layout, others)])

    def prove(self, document: Document, written: str) -> None:
        """Prove a written file.

        :raises MobiusError: something else than the removed members differs, or one of them is still there.
        """
        found = unexpected_changes(
            written, document.path, self.selectors, self.image_key, limit=3, owned=self.names, block=True
        )
        if found:
            places = "; ".join(f"{each['pointer'] or 'line'} {each['line']}: {each['message']}" for each in found)
            self._wrong(f"more than the migration's own members would change: {places}")
        left = [name for name in self.names if name != DHASH]
        with open_document(written) as after:
            count = 0
            for item in after.items(self.selectors, self.image_key):
                count += 1
                if any(name in item.value for name in left):
                    self._wrong(f"{item.pointer} would still have members of the migration")
            if count != self.item_count:
                self._wrong(f"it would have {count} items, not {self.item_count}")
            if after.root is not None and BLOCK in after.root.marked:
                self._wrong(f"it would still have {BLOCK}")

    def _wrong(self, what: str) -> NoReturn:
        raise MobiusError(
            f"The stripped library failed its proof: {what}", self.path, "report this; nothing was changed"
        )


def _cuts(layout: Layout, names: Sequence[str]) -> List[Splice]:
    """Remove members with exactly the bytes that inserting them added."""
    cuts = []
    # While all earlier members are removed too, remove the comma after a member, else the one before it.
    gone = cut = layout.open
    for name, member in layout.marked.items():
        if name not in names:
            continue
        if member.before == gone:
            cuts.append(Splice(cut, member.after, b""))
            gone, cut = member.value_end, member.after
        else:
            cuts.append(Splice(member.before, member.value_end, b""))
    return cuts


def strip(
    path: str,
    *,
    items: Optional[Sequence[str]] = None,
    image_key: str = IMAGE_KEY,
    reviews: bool = False,
    backup_dir: Optional[str] = None,
    deployment: Optional[str] = None,
    expected_real_path: Optional[str] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Back up a library and remove the members of the migration from it.

    ``dhash``, ``dhash_confidence`` and ``dhash_reasons`` are removed, ``dhash_legacy`` becomes ``dhash`` again, and the
    document's ``dhash_migration`` is removed.

    :param items: selectors of the items, those of the migration; None or empty for the default selectors.
    :param reviews: also remove the reviewers' decisions, ``dhash_review``.
    :param expected_real_path: see :func:`..storage.paths.refuse_moved`.
    :returns: what the module ``library_strip`` documents.
    :raises MobiusError: the library is not strict JSON or has no items, someone else holds it, or the proof fails; the
        library is as it was.
    """
    refuse_moved(path, expected_real_path)
    library = locate_library(path)
    names = (*MIGRATION, REVIEW) if reviews else MIGRATION
    call = _Strip(path, library, items or None, image_key, tuple(names))
    if check_mode:
        refuse_if_held(library, deployment)
        with open_document(library) as document:
            version = read_version(library)
            call.survey(document)
            return _result(call, version, _digest(call, document))
    with writing(library, deployment), open_document(library) as document:
        version = read_version(library)
        call.survey(document)
        if not (call.stripped or call.block):
            return _result(call, version, version.sha256)
        backup = ensure_backup(path, backup_dir, version, deployment=deployment)
        after = _replace(call, document, version, {"path": backup.path, "sha256": backup.sha256}, deployment)
    return {**_result(call, version, after.sha256), "backup": backup.facts()}


def _replace(
    call: _Strip, document: Document, version: Version, backup: Dict[str, Any], deployment: Optional[str]
) -> Version:
    def prove(temporary: str, written: Version) -> None:
        call.prove(document, temporary)
        state = {"deployment": deployment, "status": STRIPPED, "sha256": written.sha256, "stripped_at": timestamp()}
        begin(call.library, {**state, "backup": backup, "replaced": version.sha256}, actual_sha256=version.sha256)

    try:
        after = replace_whole(
            call.library, lambda stream: call.write(document, stream), expected=version, before_rename=prove
        )
    except DurabilityUnknown:
        commit(call.library)
        raise
    commit(call.library)
    return after


def _digest(call: _Strip, document: Document) -> str:
    """Return the SHA-256 of the stripped bytes without writing them."""
    digest = hashlib.sha256()

    class Sink(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            digest.update(data)
            return len(data)

    with io.BufferedWriter(Sink(), 1 << 18) as stream:
        call.write(document, cast(BinaryIO, stream))
    return digest.hexdigest()


def _result(call: _Strip, version: Version, sha256_after: str) -> Dict[str, Any]:
    changed = call.stripped > 0 or call.block
    more = f"... and {call.stripped - len(call.shown)} more items\n" if call.stripped > len(call.shown) else ""
    block = f"{BLOCK}\n" if call.block else ""
    return {
        "changed": changed,
        "item_count": call.item_count,
        "stripped_items": call.stripped,
        "restored_values": call.restored,
        "block_removed": call.block,
        "sha256_before": version.sha256,
        "sha256_after": sha256_after,
        "real_path": call.library,
        "diff": {
            "before": "".join(call.shown) + more + block,
            "after": "",
            "before_header": call.path,
            "after_header": call.path,
        },
        "warnings": warn_of_hard_links(call.library) if changed else [],
    }
