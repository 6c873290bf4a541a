# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reviewer's decision as stored in an item: ``dhash_review``. It is valid until the item's dHash changes."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional

from .fields import REVIEW

#: The dHash is good, or the item need not be compared: the item leaves the review queue.
ACCEPT, LEAVE_OUT = "accept", "leave_out"
#: The item shows the wrong picture: it stays in the queue until its picture is replaced.
WRONG_PICTURE = "wrong_picture"
DECISIONS = (ACCEPT, WRONG_PICTURE, LEAVE_OUT)


class Review(NamedTuple):
    """``at`` is an ISO 8601 time in UTC; ``comment`` is empty where there is none."""

    decision: str
    by: str
    at: str
    comment: str = ""

    def member(self) -> Dict[str, str]:
        """The value of ``dhash_review``."""
        return {name: value for name, value in self._asdict().items() if value or name != "comment"}


def review_of(item: Dict[str, Any]) -> Optional[Review]:
    """Return the item's decision; None if it has none, or if a member of that name was not written by a review."""
    value = item.get(REVIEW)
    if not isinstance(value, dict) or value.get("decision") not in DECISIONS:
        return None
    texts = [value.get(name, "") for name in ("by", "at", "comment")]
    if not all(isinstance(text, str) for text in texts) or not texts[1]:
        return None
    return Review(value["decision"], *texts)


def is_settled(item: Dict[str, Any]) -> bool:
    """Whether a decision keeps the item out of the review queue."""
    review = review_of(item)
    return review is not None and review.decision != WRONG_PICTURE
