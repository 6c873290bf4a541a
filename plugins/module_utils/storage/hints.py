# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggest the existing file that a broken image reference probably means."""

from __future__ import annotations

import html
import os
import re
import stat
import unicodedata
from contextlib import suppress
from functools import lru_cache
from itertools import combinations, islice
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Protocol, Tuple
from urllib.parse import unquote

from ..errors import MobiusError
from .references import is_url, local_path

_MOST_NAMES = 100_000
_FOLDERS_KEPT = 8
_MOST_SUBFOLDERS = 32
_BLANK = " \t\r\n\f\v\u00a0\u200b\u200c\u200d\u2060\ufeff"
_PLAIN_QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    }
)
_DRIVE = re.compile(r"[A-Za-z]:$")
_EXTENSION = re.compile(
    r"apng|avif|bmp|dds|gif|hei[cf]|ico|jfif|jpe|jpe?g|jp2|jxl|pcx|png|ppm|svg|tga|tiff?|webp", re.IGNORECASE
)


def _without_blanks(text: str) -> str:
    return "/".join(part.strip(_BLANK) for part in text.split("/"))


def _without_query(text: str) -> str:
    return re.sub(r"[?#].*|[&;][\w-]+=.*", "", text, flags=re.DOTALL)


#: Alternative readings of a reference, each with its explanation.
_READINGS: Tuple[Tuple[str, Callable[[str], str]], ...] = (
    ("it has blanks around it", _without_blanks),
    ("it ends with a query or fragment", _without_query),
    ("it ends with a dot", lambda text: text.rstrip(".")),
    ("it is percent-encoded", lambda text: unquote(text, errors="surrogateescape")),
    ("it has backslashes", lambda text: text.replace("\\", "/")),
    ("it has HTML entities", html.unescape),
    ("it has plus signs for blanks", lambda text: text.replace("+", " ")),
)


class _Listing(NamedTuple):
    """The names in a folder, also by look-alike key and by stem."""

    names: FrozenSet[str]
    alike: Dict[str, List[str]]
    stems: Dict[str, List[str]]


class Root(Protocol):
    """The part of :class:`.images.ImageRoot` that is needed."""

    @property
    def names(self) -> List[str]:
        """Names of the folder's entries."""

    def inside(self, path: str) -> str:
        """The path, which is inside of the root."""

    def look(self, reference: str) -> Any:
        """What is at an image reference."""


class Hints:
    """Finds existing files under an image root that resemble broken references."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._folder = root.names[1].rstrip("/") or "/"
        self._listing = lru_cache(maxsize=_FOLDERS_KEPT)(_list)
        self._subfolders: Optional[List[str]] = None

    def meant(self, reference: str) -> str:
        """Return a clause that names the existing file and how the reference differs; empty for none."""
        if not self._listing(self._folder).names:
            return ""
        local = local_path(reference) if is_url(reference) else None
        text = reference if local is None else local.path
        for reading, why in _readings(self._root.inside(text)):
            found = self._find(reading)
            if found is not None and self._is_picture(found[0]):
                reasons = [*why, *found[1]]
                return f'"{_shown(found[0])}" exists ({"; ".join(reasons) or "the same file by its plain path"})'
        return ""

    def _is_picture(self, path: str) -> bool:
        # Resolved like any reference, so a hint cannot leave the root either.
        with suppress(OSError, ValueError, MobiusError):
            return stat.S_ISREG(self._root.look(f"./{path}").facts.st_mode)
        return False

    def _find(self, text: str) -> Optional[Tuple[str, List[str]]]:
        parts = [part for part in os.path.normpath(text.lstrip("/")).split("/") if part not in ("", ".", "..")]
        if not parts:
            return None
        return self._walk(parts) or self._lower(parts) or self._deeper(parts)

    def _walk(self, parts: List[str]) -> Optional[Tuple[str, List[str]]]:
        path, why = self._folder, []
        for place, part in enumerate(parts):
            listing = self._listing(path)
            name: Optional[str] = part
            if part not in listing.names:
                name = next(iter(listing.alike.get(_key(part), ())), None)
                if name is None and place == len(parts) - 1:
                    name = _other_extension(listing, part)
                if name is None:
                    return None
                why.append(_difference(part, name))
            path = os.path.join(path, name or part)
        return os.path.relpath(path, self._folder), sorted(set(why))

    def _lower(self, parts: List[str]) -> Optional[Tuple[str, List[str]]]:
        """Search without leading folders that belong to the image root's own path or do not exist under it."""
        top = self._listing(self._folder)
        if parts[0] in top.names or _key(parts[0]) in top.alike:
            return None
        for count in range(1, len(parts)):
            found = self._walk(parts[count:])
            if found is not None:
                drive = _DRIVE.match(parts[0])
                reason = "it is a path of another system" if drive else f'the image root has no "{parts[0]}" in it'
                return found[0], [reason, *found[1]]
        return None

    def _deeper(self, parts: List[str]) -> Optional[Tuple[str, List[str]]]:
        """Search one level down; a match counts only when it is unique."""
        if self._subfolders is None:
            with suppress(OSError), os.scandir(self._folder) as entries:
                names = sorted(entry.name for entry in islice(entries, _MOST_NAMES) if entry.is_dir())
                self._subfolders = names[:_MOST_SUBFOLDERS]
        inside = os.path.join(*parts)
        there = [f"{name}/{inside}" for name in self._subfolders or () if self._is_picture(f"{name}/{inside}")]
        return (there[0], ["it is in a folder of the image root"]) if len(there) == 1 else None


def _readings(text: str) -> Iterator[Tuple[str, List[str]]]:
    """Yield the reference as it is, then with one, two, ... of its peculiarities undone."""
    yield text, []
    fitting = []
    for why, undo in _READINGS:
        with suppress(ValueError):
            if undo(text) != text:
                fitting.append((why, undo))
    for count in range(1, len(fitting) + 1):
        for chosen in combinations(fitting, count):
            reading = text
            for _why, undo in chosen:
                reading = undo(reading)
            if reading and "\0" not in reading:
                yield reading, [why for why, _undo in chosen]


def _list(folder: str) -> _Listing:
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, _MOST_NAMES)]
        alike: Dict[str, List[str]] = {}
        stems: Dict[str, List[str]] = {}
        for name in sorted(names):
            alike.setdefault(_key(name), []).append(name)
            stem, _dot, extension = name.rpartition(".")
            if _EXTENSION.fullmatch(extension):
                stems.setdefault(_key(stem), []).append(name)
        return _Listing(frozenset(names), alike, stems)
    return _Listing(frozenset(), {}, {})


def _other_extension(listing: _Listing, wanted: str) -> Optional[str]:
    stem, dot, extension = wanted.rpartition(".")
    if not dot or not _EXTENSION.fullmatch(extension):
        stem = wanted
    return next(iter(listing.stems.get(_key(stem), ())), None)


@lru_cache(maxsize=4096)
def _key(name: str) -> str:
    """The same for names that look alike: in case, Unicode form, blanks, invisible characters, typographic quotes and
    dashes, encoding on disk.
    """
    text = unicodedata.normalize("NFKC", _decoded(name)).casefold().replace("i\u0307", "i")
    kept = (char for char in text if unicodedata.category(char) not in ("Cf", "Zs", "Cc"))
    return "".join("-" if unicodedata.category(char) == "Pd" else char for char in kept).translate(_PLAIN_QUOTES)


def _decoded(name: str) -> str:
    """Decode a name, including one that another system wrote in Latin-1."""
    raw = name.encode("utf-8", "surrogateescape" if _is_escaped(name) else "surrogatepass")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _is_escaped(name: str) -> bool:
    return all("\udc80" <= char <= "\udcff" for char in name if "\ud800" <= char <= "\udfff")


def _difference(wanted: str, found: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in found):
        return "its name on disk is not UTF-8"
    ours, theirs = (unicodedata.normalize("NFC", each) for each in (wanted, found))
    if ours == theirs:
        return f"the Unicode form differs: {_form(found)} on disk, {_form(wanted)} in the library"
    if ours.casefold() == theirs.casefold():
        return "upper and lower case differ"
    if wanted.strip(_BLANK) == found.strip(_BLANK):
        return "it has blanks around it" if found == found.strip(_BLANK) else "the name on disk has blanks around it"
    if _key(wanted) == _key(found):
        return "blanks, invisible or look-alike characters differ"
    return "the extension differs"


def _form(text: str) -> str:
    forms = [form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, text)]
    return forms[0] if forms else "mixed"


def _shown(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
