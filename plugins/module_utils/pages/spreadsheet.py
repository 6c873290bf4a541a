# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV (RFC 4180) that a spreadsheet shows as text, whatever the text is."""

from __future__ import annotations

import csv
import io
from typing import Iterable, Sequence

from ..text import printable

# OWASP, CSV injection: what a cell must not begin with.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with CRLF; the cells are written as they are, see :func:`cell`."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8")


def cell(text: str) -> str:
    """Text with visible controls; with an apostrophe in front where a spreadsheet would take it for a formula."""
    # Judged before and after, since escaping may hide a leading tab from one of the two.
    shown = printable(text, None)
    starts = (text, shown, text.lstrip())
    return "'" + shown if any(each.startswith(_FORMULA) for each in starts) else shown
