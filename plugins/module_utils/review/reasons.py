# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain-language descriptions of the reasons."""

from __future__ import annotations

from typing import NamedTuple

from ..library.reviewed import ACCEPT, LEAVE_OUT, WRONG_PICTURE
from ..text import printable


class Reason(NamedTuple):
    """``title`` names it, ``meaning`` explains it, ``remedy`` is what to do."""

    title: str
    meaning: str
    remedy: str


_FILE = "Restore the picture or correct the item's path, then migrate again."
_REPLACE = "Replace the file by one that opens in a picture viewer, then migrate again."
_LARGER = "Use a larger version of the picture where there is one, then migrate again."
_LIMIT = "Scale the picture down, or raise the limit if you trust it, then migrate again."
_PATH = "Correct the item's path so that it names a file below the image root."

REASONS = {
    "flat": Reason(
        "Flat picture",
        "It is nearly a single tone, so its dHash has almost no information.",
        "Compare it by eye; a picture with more structure gets a better dHash.",
    ),
    "near-ties": Reason(
        "Faint differences",
        "Many of the 64 comparisons of the dHash were close to a tie, and a slight change may flip them.",
        "Compare it by eye before trusting a match, or use a picture with more contrast.",
    ),
    "tiny": Reason("Tiny picture", "It has too few pixels for a stable dHash.", _LARGER),
    "missing": Reason("File missing", "The file at the item's path does not exist.", _FILE),
    "no-image": Reason(
        "No picture named", "The item does not name a picture.", "Add the path of its picture, then migrate again."
    ),
    "unreadable": Reason(
        "File not readable",
        "The file cannot be read: permission denied.",
        "Check owner and mode of the file and its folders.",
    ),
    "not-a-file": Reason("Not a file", "The path is not a regular file.", _PATH),
    "empty": Reason("Empty", "The path or the file it leads to is empty.", _FILE),
    "not-a-picture": Reason("Not a picture", "The file is not in a known picture format.", _REPLACE),
    "truncated": Reason("Picture cut short", "The file ends before the picture does.", _REPLACE),
    "broken": Reason("Picture damaged", "The file cannot be decoded.", _REPLACE),
    "too-many-pixels": Reason("Too many pixels", "The picture is larger than the limit on pixels.", _LIMIT),
    "bomb": Reason(
        "Decompression bomb", "The file expands to far more data than a picture of its size should.", _REPLACE
    ),
    "out-of-memory": Reason("Too much memory", "Decoding it took more memory than one picture may.", _LIMIT),
    "timeout": Reason("Took too long", "Decoding it took longer than one picture may.", _LIMIT),
    "crashed": Reason("Decoder crashed", "The decoder crashed on this file.", _REPLACE),
    "nul": Reason("Path not usable", "The item's path contains a character that a path cannot have.", _PATH),
    "not-a-path": Reason("Path not usable", "The item's image is not a valid path.", _PATH),
    "remote": Reason(
        "Remote picture",
        "The item names a picture on the network, which is never fetched.",
        "Store the picture below the image root and name that file.",
    ),
    "escapes-root": Reason("Outside the image root", "The item's path leads out of the image root.", _PATH),
}


def reason(code: str) -> Reason:
    """Return the reason of this code; an unknown code is shown unchanged."""
    known = REASONS.get(code)
    return known or Reason(printable(code, 60), "The migration gave this reason.", "See the log of the migration.")


def describe_decision(decision: str) -> str:
    """Describe a decision."""
    return {ACCEPT: "accepted", WRONG_PICTURE: "wrong picture", LEAVE_OUT: "left out"}.get(decision, decision)
