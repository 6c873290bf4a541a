# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text for people: of the document, made safe for logs, terminals and results; and times."""

from __future__ import annotations


def printable(text: str, most: int = 1000) -> str:
    """At most ``most`` characters, in which nothing moves a cursor, ends a line or is no UTF-8."""
    shown = text[:most]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else _escaped(char) for char in shown)
    return shown + ("…" if len(text) > most else "")


def lasting(seconds: float) -> str:
    """A time in two units at most: ``3 min 20 s``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
