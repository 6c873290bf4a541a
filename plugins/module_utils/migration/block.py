# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The document's block: what migrated it, when, and with which versions."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from ..errors import MobiusError
from ..library.document import Document
from ..library.fields import BLOCK
from .tally import Counts

#: The collection's version, as in galaxy.yml.
VERSION = "1.0.0"
#: Goes up when the same picture and Pillow give another hash, confidence or reason; hashes of before are made again.
GENERATION = 2
ALGORITHM = "dhash"
HASH_SIZE = 8
_TOOL = "mobius.dhash"


def maker(versions: Dict[str, Optional[str]]) -> str:
    """What an outcome depends on beside the picture, as one word."""
    return f"{GENERATION}/{versions['pillow']}"


def utc_now(form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """This moment in UTC."""
    return time.strftime(form, time.gmtime())


def refuse_foreign(document: Document) -> None:
    """Called when all items were read.

    :raises MobiusError: the root object has a member of the block's name that no migration wrote.
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
    """The block to write.

    :param former: the versions that the hashes of before were made with, or None.
    :param all_looked_at: false when hashes of before stay as they are, whichever Pillow made them.
    """
    block: Dict[str, Any] = {
        "algorithm": ALGORITHM,
        "hash_size": HASH_SIZE,
        "tool": f"{_TOOL} {VERSION}",
        **versions,
        "migrated_at": utc_now(),
        "items": tally.items,
        "with_dhash": tally.with_dhash,
        "failed": tally.failed,
        "without_picture": tally.without_picture,
    }
    if not all_looked_at:
        also = _other_pillows(former, versions["pillow"])
        if also:
            block["also_pillow"] = also
    return block


def _other_pillows(former: Optional[Dict[str, Any]], pillow: Optional[str]) -> List[str]:
    """Versions of Pillow, beside this one, that hashes in the document may be made with."""
    if former is None:
        return []
    also = former.get("also_pillow", [])
    found = [former.get("pillow"), *(also if isinstance(also, list) else [])]
    return sorted({str(each) for each in found if each and each != pillow})


def warnings_about(former: Optional[Dict[str, Any]], versions: Dict[str, Optional[str]], tally: Counts) -> List[str]:
    """What to say when the hashes of before were made with another Pillow."""
    others = _other_pillows(former, versions["pillow"])
    if not others:
        return []
    return [
        f"The dHashes of this library were made with Pillow {', '.join(others)}, and this is {versions['pillow']}; "
        f"versions differ on some pictures. {tally.changed} of {tally.items} items change"
    ]
