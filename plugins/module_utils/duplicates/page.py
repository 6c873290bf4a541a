# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Duplicates as one self-contained HTML page: groups side by side, no script, no network."""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, Sequence
from urllib.parse import urlencode, urlsplit

from ..pages import duplicates_css, duplicates_html
from ..pages.frame import bits, count_row, page
from ..pages.template import Html, Parts, join, text
from ..text import mask_secrets
from .catalog import Member
from .model import Duplicates, Group, Request

_PAGE = Parts(duplicates_html.SOURCE)
#: Items of a group, and rows of a list, that the page shows.
MOST_SHOWN = 24
_MOST_LISTED = 200


def as_html(found: Duplicates, request: Request, pictures: Dict[str, str], notes: Sequence[str]) -> bytes:
    """The page; the same input gives the same bytes.

    :param pictures: for an image its picture as a ``data:`` URI.
    """
    return _Page(found, request, pictures).render(notes)


class _Page:
    def __init__(self, found: Duplicates, request: Request, pictures: Dict[str, str]) -> None:
        self._found = found
        self._request = request
        self._pictures = pictures
        self._service = _http(request.service_url)

    def render(self, notes: Sequence[str]) -> bytes:
        found, name = self._found, os.path.basename(self._request.path)
        shown = found.groups[: self._request.limit or None]
        exact = [group for group in shown if group.distance == 0]
        near = [group for group in shown if group.distance > 0]
        body = [
            _PAGE.fill(
                "opening",
                library=text(name),
                lede=self._lede(),
                counts=self._counts(),
                notes=join(_PAGE.fill("note", note=note) for note in notes),
            ),
            *self._groups("exact", exact),
            *self._groups("near", near),
            *([] if found.groups else [_PAGE.fill("nothing")]),
            *self._same_file(),
            *self._flat(),
            _PAGE.fill("closing", sha256=found.sha256, service=_PAGE.fill("service") if self._service else Html("")),
        ]
        title = f"Duplicates in {name}: {len(found.groups):,} groups"
        return page(title, body, duplicates_css.SOURCE)

    def _lede(self) -> str:
        found, distance = self._found, self._request.distance
        how = "have equal dHashes" if distance == 0 else f"have dHashes that differ by at most {_bits(distance)}"
        pairs = "1 pair" if found.pairs == 1 else f"{found.pairs:,} pairs"
        shown = ""
        if 0 < self._request.limit < len(found.groups):
            shown = f" This page shows the first {self._request.limit:,} groups; the CSV and JSON exports have all."
        return f"{pairs} of different image files {how}.{shown}"

    def _counts(self) -> Html:
        found = self._found
        exact = sum(group.distance == 0 for group in found.groups)
        return count_row(
            [
                ("Exact groups", exact),
                ("Near groups", len(found.groups) - exact),
                ("Flat pictures", len(found.flat)),
                ("Files used twice or more", len(found.same_file)),
                ("Items compared", found.compared),
            ]
        )

    def _groups(self, part: str, groups: List[Group]) -> Iterator[Html]:
        if groups:
            yield _PAGE.fill(part)
            yield from (self._group(group) for group in groups)
            yield _PAGE.fill("groups-end")

    def _group(self, group: Group) -> Html:
        first = group.members[0]
        tiles = [self._tile(member, first) for member in group.members[:MOST_SHOWN]]
        rest = len(group.members) - len(tiles)
        return _PAGE.fill(
            "group",
            what="equal dHashes" if group.distance == 0 else f"up to {_bits(group.distance)} apart",
            count=len(group.members),
            tiles=join(tiles),
            rest=_PAGE.fill("rest", rest=rest) if rest else Html(""),
        )

    def _tile(self, member: Member, first: Member) -> Html:
        away = bin(int(member.dhash, 16) ^ int(first.dhash, 16)).count("1")
        uri = self._pictures.get(member.image)
        named = text(member.image, 120)
        return _PAGE.fill(
            "tile",
            picture=_PAGE.fill("picture", uri=uri) if uri else _PAGE.fill("no-picture"),
            image=named,
            pointer=text(member.pointer),
            bits=bits(member.dhash, first.dhash),
            dhash=member.dhash,
            away=_PAGE.fill("away", away=f"{_bits(away)} from the first") if away else Html(""),
            similar=self._similar(member),
        )

    def _similar(self, member: Member) -> Html:
        if not self._service:
            return Html("")
        query = urlencode({"dhash": member.dhash, "distance": self._request.distance or 3})
        return _PAGE.fill("similar", url=f"{self._service}/similar?{query}", dhash=member.dhash)

    def _same_file(self) -> Iterator[Html]:
        files = self._found.same_file
        if not files:
            return
        rows = (
            _PAGE.fill(
                "file",
                image=text(members[0].image),
                count=len(members),
                pointers=join((text(member.pointer) for member in members[:MOST_SHOWN]), ", "),
            )
            for members in files[:_MOST_LISTED]
        )
        yield _PAGE.fill("same-file", rows=join(rows), rest=_rest(len(files)))

    def _flat(self) -> Iterator[Html]:
        flat = self._found.flat
        if flat:
            rows = (
                _PAGE.fill("flat-item", image=text(member.image), pointer=text(member.pointer))
                for member in flat[:_MOST_LISTED]
            )
            yield _PAGE.fill("flat", rows=join(rows), rest=_rest(len(flat)))


def _rest(count: int) -> Html:
    return _PAGE.fill("rest", rest=count - _MOST_LISTED) if count > _MOST_LISTED else Html("")


def _bits(count: int) -> str:
    return "1 bit" if count == 1 else f"{count} bits"


def _http(url: object) -> str:
    """The address of a service without a user and password, or nothing where it is not HTTP."""
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
        return ""
    return mask_secrets(url).replace("***@", "").rstrip("/")
