# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members that this collection writes into a library: the one place where they are declared.

Readers, editor and proof take the lists from here. A module that writes a member of its own into items adds its name
to ``OWNED`` and proves its edit with ``unexpected_changes(..., owned=(THAT_NAME,))``.
"""

from __future__ import annotations

import re

DHASH = "dhash"
CONFIDENCE = "dhash_confidence"
REASONS = "dhash_reasons"
#: A former value of ``dhash`` that is not a dHash, or whose picture is gone, spelled as it was.
LEGACY = "dhash_legacy"
#: A reviewer's decision, an object.
REVIEW = "dhash_review"
#: What a migration may add, change or remove in an item; everything else has to stay byte for byte.
MIGRATION = (DHASH, CONFIDENCE, REASONS, LEGACY)
#: What any module of this collection may write into an item.
OWNED = (*MIGRATION, REVIEW)
#: In the document's root object: what migrated it, when, and with which versions.
BLOCK = "dhash_migration"
IMAGE_KEY = "image"

_DHASH = re.compile(r"[0-9a-f]{16}")


def is_dhash(value: object) -> bool:
    """Whether a value is a dHash: a string of 16 lower-case hex digits."""
    return isinstance(value, str) and _DHASH.fullmatch(value) is not None
