# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON Schema and the files beside it that it refers to. Nothing is fetched from the network.

These checks need no ``jsonschema``, so any Python can refuse a deployment for a bad schema before anything changes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from ..errors import MobiusError
from ..json import load_json
from ..storage.paths import checked_path
from ..storage.replace import open_regular

_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}
# Their values are data, not schemas.
_DATA = {"const", "default", "enum", "example", "examples"}
# Their members are schemas under arbitrary names.
_NAMED = {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
_MOST_FAULTS = 5
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


class _Place(NamedTuple):
    """A schema within a document: its JSON pointer, and the URI that its references are relative to."""

    schema: Dict[str, Any]
    pointer: str
    base: str


class SchemaFiles:
    """The documents of a schema by URI: its own file and local files that it refers to.

    :param path: the schema's own file.
    :raises MobiusError: it cannot be read as JSON.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.uri = Path(checked_path(path)).absolute().as_uri()
        self.schema = read_json(path)
        self._documents: Dict[str, Any] = {self.uri: self.schema}
        # Files often have a web address as their id; nothing is fetched from there.
        self._address = self._own_id()
        if self._address:
            self._documents[self._address] = self.schema
        self._note_ids()

    def _own_id(self) -> str:
        own = self.schema.get("$id", self.schema.get("id")) if isinstance(self.schema, dict) else None
        address = _resolved(self.uri, own) if isinstance(own, str) else None
        return urldefrag(address).url if address else ""

    def _note_ids(self) -> None:
        for place in self.places(self.schema, self._address or self.uri):
            if isinstance(place.schema.get("$id"), str):
                self._documents.setdefault(urldefrag(place.base).url, place.schema)

    def load(self, uri: str) -> Any:
        """The document at this URI, which has no fragment.

        :raises MobiusError: it is remote, missing, or not JSON.
        """
        if uri not in self._documents:
            path = self._path_of(uri)
            if path is None:
                raise MobiusError(
                    f"The schema refers to {uri}, and nothing is fetched from the network",
                    self.path,
                    "put that schema into a file beside this one, and refer to it by its name",
                )
            self._documents[uri] = read_json(path)
        return self._documents[uri]

    def _path_of(self, uri: str) -> Optional[str]:
        parts = urlsplit(uri)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            return unquote(parts.path)
        folder = self._address.rpartition("/")[0] + "/"
        if urlsplit(self._address).scheme in ("http", "https") and uri.startswith(folder):
            beside = Path(self.path).absolute().parent / unquote(uri[len(folder) :])
            return str(beside) if beside.is_file() else None
        return None

    def faults(self) -> List[str]:
        """Return the first few faults of the schema."""
        found: List[str] = []
        seen = set()
        waiting = [self._address or self.uri]
        while waiting and len(found) < _MOST_FAULTS:
            uri = waiting.pop()
            if uri in seen:
                continue
            seen.add(uri)
            for place in self.places(self.load(uri), uri):
                found += _local_faults(place)
                found += self._reference_faults(place, waiting)
        return found[:_MOST_FAULTS]

    def _reference_faults(self, place: _Place, waiting: List[str]) -> Iterator[str]:
        reference = place.schema.get("$ref")
        if not isinstance(reference, str):
            return
        resolved = _resolved(place.base, reference)
        if resolved is None:
            yield f"its $ref {reference!r} at {place.pointer or '/'} is not a URI reference"
            return
        uri, fragment = urldefrag(resolved)
        try:
            document = self.load(uri)
        except MobiusError as error:
            yield f"{error.what} ($ref {reference!r} at {place.pointer or '/'})"
            return
        except OSError as error:
            where = f"at {place.pointer or '/'}"
            yield f"its $ref {reference!r} {where} leads to {uri}, which cannot be read: {error.strerror}"
            return
        if fragment.startswith("/") and not _points_to_something(document, unquote(fragment)):
            yield f"its $ref {reference!r} at {place.pointer or '/'} does not exist"
        elif uri != urldefrag(place.base).url:
            waiting.append(uri)

    def places(self, document: Any, base: str) -> Iterator[_Place]:
        """Every schema in a document, without recursion."""
        waiting = [(document, "", base, False)]
        while waiting:
            value, pointer, base, named = waiting.pop()
            if isinstance(value, list):
                waiting += [(each, f"{pointer}/{index}", base, False) for index, each in enumerate(value)]
            if not isinstance(value, dict):
                continue
            if not named:
                own = value.get("$id", value.get("id"))
                base = (_resolved(base, own) if isinstance(own, str) else None) or base
                yield _Place(value, pointer, base)
            for name, each in value.items():
                if named or name not in _DATA:
                    escaped = str(name).replace("~", "~0").replace("/", "~1")
                    waiting.append((each, f"{pointer}/{escaped}", base, not named and name in _NAMED))


def read_json(path: str, parse: Callable[[str], Any] = load_json) -> Any:
    """A JSON file; a byte order mark is accepted.

    :param parse: for a library, which may be nested deeper than other documents.
    :raises MobiusError: it is not JSON, or not a regular file.
    :raises OSError: it cannot be read.
    """
    with open_regular(path) as stream:
        data = stream.readall()
    try:
        return parse(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise MobiusError(f"It cannot be read as JSON: {error}", path, "correct it, or leave schema out") from error


def _resolved(base: str, reference: str) -> Optional[str]:
    """A reference relative to a URI; None where it is not a URI reference."""
    try:
        joined = urljoin(base, reference)
        urlsplit(joined)
    except ValueError:
        return None
    return joined


def _local_faults(place: _Place) -> Iterator[str]:
    at = place.pointer or "/"
    types = place.schema.get("type")
    for each in types if isinstance(types, list) else [types]:
        if each is not None and (not isinstance(each, str) or each not in _TYPES):
            yield f"{each!r} at {at} is not a type"
    patterns = [place.schema.get("pattern")]
    named = place.schema.get("patternProperties")
    patterns += list(named) if isinstance(named, dict) else []
    for pattern in patterns:
        try:
            if isinstance(pattern, str):
                re.compile(pattern)
        except (re.error, ValueError, OverflowError, RecursionError) as error:
            yield f"the pattern {pattern!r} at {at} is not a regular expression: {error}"


def _points_to_something(document: Any, pointer: str) -> bool:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and _INDEX.fullmatch(name) and int(name) < len(document):
            document = document[int(name)]
        else:
            return False
    return True
