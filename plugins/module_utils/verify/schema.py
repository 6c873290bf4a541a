# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a library against a JSON Schema with the Python package ``jsonschema``, if installed."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from itertools import islice
from typing import Any, Iterator, List, Tuple

from ..errors import MobiusError
from ..library.window import shown
from .schema_files import SchemaFiles, read_json


def _library() -> Any:
    """Return the package ``jsonschema`` or None; imported here because it is slow to import."""
    try:
        return import_module("jsonschema")
    except ImportError:
        return None


def check_schema(path: str, schema_path: str, limit: int) -> Iterator[Tuple[str, str]]:
    """The first ``limit`` violations, as pairs of a JSON pointer and a sentence.

    The library is parsed whole, which takes about ten times its size in memory.

    :raises MobiusError: ``jsonschema`` is missing, or the schema is invalid.
    """
    jsonschema = _library()
    if jsonschema is None:
        raise MobiusError(
            "Checking against a schema needs the Python library jsonschema, which this Python does not have",
            sys.executable,
            f"{sys.executable} -m pip install jsonschema, or leave schema out",
        )
    files = SchemaFiles(schema_path)
    for fault in schema_faults(files):
        raise MobiusError(f"The schema cannot be used: {fault}", schema_path, "correct the schema")
    kind = jsonschema.validators.validator_for(files.schema)
    errors = _validator(kind, files).iter_errors(read_json(path, json.loads))
    try:
        for violation in islice(errors, limit):
            yield "".join(f"/{_escaped(part)}" for part in violation.absolute_path), _short(violation)
    except Exception as problem:  # versions of jsonschema raise different types for a dangling reference
        raise MobiusError(f"The schema cannot be applied: {problem}", schema_path, "correct the schema") from problem


def schema_faults(files: SchemaFiles) -> List[str]:
    """Return why a schema cannot be used; without ``jsonschema``, only some faults are found."""
    faults, jsonschema = files.faults(), _library()
    if jsonschema is None or faults:
        return faults
    try:
        jsonschema.validators.validator_for(files.schema).check_schema(files.schema)
    except jsonschema.exceptions.SchemaError as error:
        return [f"it is not a JSON Schema: {_short(error)}"]
    except Exception as error:  # versions of jsonschema raise different types for a schema that is not an object
        return [f"it is not a JSON Schema: {error}"]
    return []


def _validator(kind: Any, files: SchemaFiles) -> Any:
    try:
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012
    except ImportError:
        # Before jsonschema 4.18.
        resolver = _library().RefResolver(files.uri, files.schema)
        resolver.resolve_remote = files.load
        return kind(files.schema, resolver=resolver)

    def retrieve(uri: str) -> Any:
        return Resource.from_contents(files.load(uri), default_specification=DRAFT202012)

    # A schema without an id gets its file's URI, so it can refer to files beside it.
    schema = files.schema
    if isinstance(schema, dict) and not {"$id", "id"} & set(schema):
        schema = {**schema, "$id": files.uri}
    registry: Any = Registry
    return kind(schema, registry=registry(retrieve=retrieve))


def _short(error: Any) -> str:
    return shown(str(error.message).encode("utf-8", "backslashreplace"), 200)


def _escaped(part: Any) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
