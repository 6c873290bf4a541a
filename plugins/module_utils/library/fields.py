# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The members that the migration owns, in an item and in the document."""

from __future__ import annotations

import re

DHASH = "dhash"
CONFIDENCE = "dhash_confidence"
REASONS = "dhash_reasons"
#: A former value of ``dhash`` that is none, or that no picture bears out any more, as it was spelled.
LEGACY = "dhash_legacy"
OWNED = (DHASH, CONFIDENCE, REASONS, LEGACY)
#: In the document's root object: what migrated it, when, and with which versions.
BLOCK = "dhash_migration"
IMAGE_KEY = "image"

_DHASH = re.compile(r"[0-9a-f]{16}")


def is_dhash(value: object) -> bool:
    """Whether a value has the form of a dHash: text of 16 lower-case hex digits."""
    return isinstance(value, str) and _DHASH.fullmatch(value) is not None
