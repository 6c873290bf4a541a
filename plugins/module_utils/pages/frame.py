# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all pages share: one file without any request, a strict Content-Security-Policy, drawings of hashes."""

from __future__ import annotations

import base64
import hashlib
from typing import Iterable, Tuple

from . import base_css, frame_html
from .template import Html, Parts, join

FRAME = Parts(frame_html.SOURCE)
BASE_STYLE = base_css.SOURCE


def page(title: str, body: Iterable[str], style: str, script: str = "", without_script: str = "") -> bytes:
    """A whole page in UTF-8.

    The policy allows this very style, this very script and pictures inside of the page; nothing else, no request.

    :param body: pieces of HTML.
    :param style: CSS that follows the shared one.
    :param without_script: CSS for a browser without script, or for a page without one.
    """
    style = BASE_STYLE + style + ("" if script else without_script)
    plain = FRAME.fill("plain", style=Html(without_script)) if script and without_script else Html("")
    styles = f"{_digest(style)} {_digest(without_script)}" if plain else _digest(style)
    policy = (
        f"default-src 'none'; img-src data:; style-src {styles}; "
        f"script-src {_digest(script) if script else chr(39) + 'none' + chr(39)}; base-uri 'none'; form-action 'none'"
    )
    parts = [
        FRAME.fill("head", policy=Html(policy), title=title, style=Html(style), plain=plain),
        *body,
        FRAME.fill("script", script=Html(script)) if script else "",
        FRAME.fill("end"),
    ]
    return (join((part for part in parts if part), "\n") + "\n").encode("utf-8")


def count_row(pairs: Iterable[Tuple[str, int]]) -> Html:
    """The row of counts at the top of a page."""
    return FRAME.fill("counts", counts=join(FRAME.fill("count", name=name, value=value) for name, value in pairs))


def bits(dhash: str, than: str = "") -> Html:
    """A dHash drawn as 8 by 8 squares, filled where a bit is set.

    :param than: another dHash; the bits that differ from it are marked.
    """
    value = int(dhash, 16)
    differs = value ^ int(than, 16) if than else 0
    marks = FRAME.fill("bits-differ", squares=_squares(differs, 0.15)) if differs else Html("")
    return FRAME.fill("bits", squares=_squares(value), marks=marks)


def _squares(value: int, inset: float = 0.0) -> str:
    size = f"{1 - 2 * inset:g}"
    return "".join(
        f"M{place % 8 + inset:g} {place // 8 + inset:g}h{size}v{size}h-{size}z"
        for place, bit in enumerate(f"{value:064b}")
        if bit == "1"
    )


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
