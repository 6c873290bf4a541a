# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request and the result of a search for duplicates."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Sequence, Union

from ..library.fields import IMAGE_KEY
from ..storage.replace import FILE_MODE
from .catalog import Member

FORMATS = ("html", "csv", "json")


@dataclass(frozen=True)
class Request:
    """What to compare, and what to write. ``limit`` bounds the groups of an HTML page; 0 for all."""

    path: str
    distance: int = 0
    items: Optional[Sequence[str]] = None
    image_key: str = IMAGE_KEY
    image_root: Optional[str] = None
    dest: Optional[str] = None
    format: str = "html"
    include_images: bool = False
    service_url: Optional[str] = None
    limit: int = 1000
    image_timeout: float = 10.0
    max_pixels: int = 178_956_970
    owner: Union[str, int, None] = None
    group: Union[str, int, None] = None
    mode: int = FILE_MODE

    @property
    def root(self) -> str:
        """The folder that image paths resolve under."""
        return os.path.abspath(self.image_root or os.path.dirname(os.path.abspath(self.path)))


class Group(NamedTuple):
    """``distance`` is the largest one between two of its ``members``, in bits."""

    distance: int
    members: List[Member]


class Duplicates(NamedTuple):
    """The result for one library.

    ``groups``: exact ones first, each with two or more files. ``flat``: items whose dHash is all zero, because their
    picture has no brightness steps; they are not similar for that. ``same_file``: items that share a file.
    ``pairs``: pairs of different files within the distance. ``compared`` counts the items with a dHash and an image.
    """

    groups: List[Group]
    flat: List[Member]
    same_file: List[List[Member]]
    pairs: int
    items: int
    compared: int
    sha256: str
