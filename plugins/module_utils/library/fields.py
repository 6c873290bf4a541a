# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members that this collection writes into a library.

Readers, editor and proof take the lists from here. A module that writes a member of its own into items adds its name
to ``OWNED`` and proves its edit with ``unexpected_changes(..., owned=(THAT_NAME,))``.
"""

from __future__ import annotations

import re

DHASH = "dhash"
CONFIDENCE = "dhash_confidence"
REASONS = "dhash_reasons"
#: A former value of ``dhash`` that is not a dHash, or whose picture no longer exists, in its original spelling.
LEGACY = "dhash_legacy"
#: A reviewer's decision, an object.
REVIEW = "dhash_review"
#: Members that a migration may add, change or remove in an item; everything else must stay byte for byte.
MIGRATION = (DHASH, CONFIDENCE, REASONS, LEGACY)
#: Members that any module of this collection may write into an item.
OWNED = (*MIGRATION, REVIEW)
#: In the root object: what migrated the document, when, and with which versions.
BLOCK = "dhash_migration"
IMAGE_KEY = "image"

_DHASH = re.compile(r"[0-9a-f]{16}")


def is_dhash(value: object) -> bool:
    """Whether a value is a dHash: a string of 16 lower-case hex digits."""
    return isinstance(value, str) and _DHASH.fullmatch(value) is not None
