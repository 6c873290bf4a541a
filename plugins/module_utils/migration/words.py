# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of the document made safe for logs, terminals and results."""

from __future__ import annotations


def printable(text: str, most: int = 1000) -> str:
    """At most ``most`` characters, in which nothing moves a cursor, ends a line or is no UTF-8."""
    shown = text[:most]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else _escaped(char) for char in shown)
    return shown + ("…" if len(text) > most else "")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
