# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons in plain words."""

from __future__ import annotations

from typing import NamedTuple

from ..library.reviewed import ACCEPT, LEAVE_OUT, WRONG_PICTURE
from ..text import printable


class Reason(NamedTuple):
    """``title`` names it, ``meaning`` explains it, ``remedy`` says what to do."""

    title: str
    meaning: str
    remedy: str


_FILE = "Put the picture in its place or correct the item's path, then migrate again."
_REPLACE = "Replace the file by one that opens in a picture viewer, then migrate again."
_LARGER = "Use a larger version of the picture where there is one, then migrate again."
_LIMIT = "Scale the picture down, or raise the limit if it is to be trusted, then migrate again."
_PATH = "Correct the item's path so that it names a file below the image root."

REASONS = {
    "flat": Reason(
        "Flat picture",
        "It is nearly one single tone, so that its dHash says almost nothing about it.",
        "Compare it by eye; a picture with more structure gets a better dHash.",
    ),
    "near-ties": Reason(
        "Faint differences",
        "Many of the 64 comparisons that make the dHash were close to a tie, and a slight change may flip them.",
        "Compare it by eye before trusting a match, or use a picture with more contrast.",
    ),
    "tiny": Reason("Tiny picture", "It has too few pixels for a stable dHash.", _LARGER),
    "missing": Reason("File missing", "There is no file where the item's path points.", _FILE),
    "no-image": Reason(
        "No picture named", "The item names no picture.", "Add the path of its picture, then migrate again."
    ),
    "unreadable": Reason(
        "File not readable", "The file may not be read.", "Check owner and mode of the file and its folders."
    ),
    "not-a-file": Reason("Not a file", "The path leads to something that is no regular file.", _PATH),
    "empty": Reason("Empty", "The path or the file it leads to is empty.", _FILE),
    "not-a-picture": Reason("Not a picture", "The file is in no picture format that is known.", _REPLACE),
    "truncated": Reason("Picture cut short", "The file ends before the picture does.", _REPLACE),
    "broken": Reason("Picture damaged", "The file cannot be decoded.", _REPLACE),
    "too-many-pixels": Reason("Too many pixels", "The picture is larger than the limit on pixels.", _LIMIT),
    "bomb": Reason("Unfolds too far", "The file unfolds to far more data than a picture of its size should.", _REPLACE),
    "out-of-memory": Reason("Too much memory", "Decoding it took more memory than one picture may.", _LIMIT),
    "timeout": Reason("Took too long", "Decoding it took longer than one picture may.", _LIMIT),
    "crashed": Reason("Decoder crashed", "The program that decodes pictures died on it.", _REPLACE),
    "nul": Reason("Path not usable", "The item's path holds a character that no path can have.", _PATH),
    "not-a-path": Reason("Path not usable", "What the item names is no text that a path can be.", _PATH),
    "remote": Reason(
        "Remote picture",
        "The item names a picture on the network, which is never fetched.",
        "Store the picture below the image root and name that file.",
    ),
    "escapes-root": Reason("Outside the image root", "The item's path leads out of the image root.", _PATH),
}


def reason(code: str) -> Reason:
    """The reason of this code; one that is not known is shown as it is."""
    known = REASONS.get(code)
    return known or Reason(printable(code, 60), "The migration gave this reason.", "See the log of the migration.")


def decision_words(decision: str) -> str:
    """A decision in words."""
    return {ACCEPT: "accepted", WRONG_PICTURE: "wrong picture", LEAVE_OUT: "left out"}.get(decision, decision)
