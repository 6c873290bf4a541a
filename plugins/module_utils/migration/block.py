# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document's block: the tool, time and versions of the migration."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..clock import timestamp
from ..dhash.picture import EXACT
from ..errors import MobiusError
from ..library.document import Document
from ..library.fields import BLOCK
from ..version import VERSION
from .tally import Counts

#: Incremented when the same picture and Pillow give another hash, confidence or reason; older hashes are then redone.
GENERATION = 2
ALGORITHM = "dhash"
HASH_SIZE = 8
_TOOL = "mobius.dhash"


def maker(versions: Dict[str, Optional[str]]) -> str:
    """Return everything but the picture that determines an outcome, as one word."""
    mode, heif = versions.get("mode"), versions.get("pillow_heif")
    word = f"{GENERATION}/{versions['pillow']}" + (f"/{mode}" if mode not in (None, EXACT) else "")
    # With pillow-heif, HEIC pictures that failed without it are tried again.
    return word if heif is None else f"{word}/heif-{heif}"


def refuse_foreign(document: Document) -> None:
    """Refuse a foreign block; called after all items were read.

    :raises MobiusError: the root object has a member with the block's name that a migration did not write.
    """
    if document.root is None or BLOCK not in document.root.marked:
        return
    block = document.block
    if block is None or not str(block.get("tool", "")).startswith(_TOOL) or block.get("algorithm") != ALGORITHM:
        raise MobiusError(
            f'The library has a member "{BLOCK}" that this migration did not write',
            document.path,
            "give that member another name, then run again",
        )


def compose(
    former: Optional[Dict[str, Any]], versions: Dict[str, Optional[str]], tally: Counts, *, all_looked_at: bool
) -> Dict[str, Any]:
    """Return the block to write.

    :param former: the versions of the existing hashes, or None.
    :param all_looked_at: false if existing hashes stay, regardless of their Pillow version.
    """
    block: Dict[str, Any] = {
        "algorithm": ALGORITHM,
        "hash_size": HASH_SIZE,
        "tool": f"{_TOOL} {VERSION}",
        **versions,
        "migrated_at": timestamp(),
        "items": tally.items,
        "with_dhash": tally.with_dhash,
        "failed": tally.failed,
        "without_picture": tally.without_picture,
    }
    if not all_looked_at:
        for name in ("pillow", "mode"):
            also = _others(former, versions, name)
            if also:
                block[f"also_{name}"] = also
    return block


def _others(former: Optional[Dict[str, Any]], versions: Dict[str, Optional[str]], name: str) -> List[str]:
    """Return values of ``pillow`` or ``mode`` other than this run's that hashes in the document may have."""
    if former is None:
        return []
    also = former.get(f"also_{name}", [])
    # Blocks from before the option existed have no mode.
    found = [former.get(name, EXACT if name == "mode" else None), *(also if isinstance(also, list) else [])]
    return sorted({str(each) for each in found if each and each != versions.get(name, EXACT)})


def warnings_about(former: Optional[Dict[str, Any]], versions: Dict[str, Optional[str]], tally: Counts) -> List[str]:
    """Return warnings if existing hashes were made with another Pillow version, or in another mode."""
    warnings = []
    pillows, modes = _others(former, versions, "pillow"), _others(former, versions, "mode")
    if pillows:
        warnings.append(
            f"The dHashes of this library were made with Pillow {', '.join(pillows)}, and this is "
            f"{versions['pillow']}; versions differ on some pictures. {tally.changed} of {tally.items} items change"
        )
    if modes:
        warnings.append(
            f"The dHashes of this library were made in mode {', '.join(modes)}, and this run's is {versions['mode']}; "
            f"the modes differ on some pictures. {tally.changed} of {tally.items} items change"
        )
    return warnings
