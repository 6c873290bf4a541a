# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparable items of a library, packed in about 100 bytes each."""

from __future__ import annotations

import hashlib
import posixpath
from array import array
from itertools import groupby
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from ..library.fields import DHASH, is_dhash
from ..text import mask_secrets

BITS = 64


class Member(NamedTuple):
    """One item: its JSON pointer, the image that it names (without the passwords of URLs), and its dHash."""

    pointer: str
    image: str
    dhash: str


class Catalog:
    """Items with a dHash and an image, numbered in the order of the document.

    :param image_root: folder that image paths resolve under; two spellings of one path below it are one file. Links
        are not looked at.
    """

    def __init__(self, image_key: str, image_root: str) -> None:
        self._image_key = image_key
        self._root = posixpath.normpath(image_root).rstrip("/") + "/"
        #: Number of all items.
        self.items = 0
        #: Items with a dHash but without an image.
        self.without_image = 0
        self.hashes = array("Q")
        self.files = array("Q")
        self._texts = bytearray()
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        return len(self.hashes)

    def add(self, pointer: str, item: Dict[str, Any]) -> None:
        """Count an item, and keep it when it has a dHash and names an image."""
        self.items += 1
        dhash, image = item.get(DHASH), item.get(self._image_key)
        if not is_dhash(dhash):
            return
        if not isinstance(image, str) or not image:
            self.without_image += 1
            return
        self.hashes.append(int(str(dhash), 16))
        self.files.append(self._file(image))
        for text in (pointer, mask_secrets(image) if "://" in image else image):
            self._texts += text.encode("utf-8", "surrogatepass")
            self._ends.append(len(self._texts))

    def member(self, number: int) -> Member:
        """The item of this number."""
        begin, middle, end = self._ends[2 * number : 2 * number + 3]
        pointer, image = (
            self._texts[start:stop].decode("utf-8", "surrogatepass") for start, stop in ((begin, middle), (middle, end))
        )
        return Member(pointer, image, f"{self.hashes[number]:016x}")

    def _file(self, image: str) -> int:
        """Return the first 64 bits of a digest of the path, which identify a file in 8 bytes."""
        inside = image[len(self._root) :] if image.startswith(self._root) else image.lstrip("/")
        path = posixpath.normpath(inside).encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.sha256(path).digest()[:8], "big")


class Same(NamedTuple):
    """All items of one dHash; ``files`` has the distinct files, each with its items."""

    dhash: int
    files: List[Tuple[int, List[int]]]

    @property
    def items(self) -> List[int]:
        """Numbers of the items, in the order of the document."""
        return sorted(number for _unused, numbers in self.files for number in numbers)


class ByHash:
    """The items of a catalog by their dHash; those whose dHash is all zero are ``flat`` and nowhere else."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        hashes, files = catalog.hashes, catalog.files
        order = sorted(range(len(hashes)), key=lambda number: (hashes[number] << BITS) | files[number])
        first = next((place for place, number in enumerate(order) if hashes[number]), len(order))
        self.flat: List[int] = sorted(order[:first])
        self._order = array("I", order[first:])
        #: Distinct hashes in ascending order, where the items of each start, and how many files it has.
        self.hashes = array("Q")
        self.file_counts = array("I")
        self._starts = array("I")
        self._divide()

    def __getitem__(self, place: int) -> Same:
        return Same(self.hashes[place], list(self._files(place)))

    def files(self, place: int) -> List[int]:
        """The distinct files of a hash."""
        return [file for file, _unused in self._files(place)]

    def several(self) -> Dict[int, List[int]]:
        """Files that have more than one dHash in the library, each with the places of its hashes."""
        seen: Dict[int, int] = {}
        several: Dict[int, List[int]] = {}
        for place in range(len(self.hashes)):
            for file in self.files(place):
                if file in seen:
                    several.setdefault(file, [seen[file]]).append(place)
                else:
                    seen[file] = place
        return several

    def _divide(self) -> None:
        catalog, last, file = self._catalog, -1, -1
        for at, number in enumerate(self._order):
            if catalog.hashes[number] != last:
                last, file = catalog.hashes[number], -1
                self.hashes.append(last)
                self.file_counts.append(0)
                self._starts.append(at)
            if catalog.files[number] != file:
                file = catalog.files[number]
                self.file_counts[-1] += 1
        self._starts.append(len(self._order))

    def _files(self, place: int) -> Iterator[Tuple[int, List[int]]]:
        numbers: Sequence[int] = self._order[self._starts[place] : self._starts[place + 1]]
        for file, same in groupby(numbers, key=self._catalog.files.__getitem__):
            yield file, sorted(same)


def shared_files(catalog: Catalog) -> List[List[int]]:
    """Return the numbers of items that share a file, for each file with more than one item."""
    files = catalog.files
    order: Iterable[int] = sorted(range(len(files)), key=files.__getitem__)
    found = [sorted(numbers) for _unused, numbers in groupby(order, key=files.__getitem__)]
    return sorted(numbers for numbers in found if len(numbers) > 1)
