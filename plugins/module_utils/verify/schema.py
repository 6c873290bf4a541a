# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A library against a JSON Schema, by the library ``jsonschema`` where this Python has it. Nothing is fetched."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import Any, Iterator, Tuple

from ..errors import MobiusError
from ..library.window import shown
from ..storage.replace import open_regular

try:
    import jsonschema
except ImportError:
    jsonschema = None


def check_schema(path: str, schema_path: str, limit: int) -> Iterator[Tuple[str, str]]:
    """The first ``limit`` violations, as pairs of a JSON pointer and a sentence.

    The library is parsed whole, which takes about ten times its size in memory.

    :raises MobiusError: ``jsonschema`` is missing, or the schema is none.
    """
    if jsonschema is None:
        raise MobiusError(
            "Checking against a schema needs the Python library jsonschema, which this Python has not got",
            sys.executable,
            f"{sys.executable} -m pip install jsonschema, or leave schema out",
        )
    schema = _loaded(schema_path)
    kind = jsonschema.validators.validator_for(schema)
    try:
        kind.check_schema(schema)
    except jsonschema.exceptions.SchemaError as error:
        raise MobiusError(f"The schema is no JSON Schema: {_short(error)}", schema_path, "mend the schema") from error
    errors = _validator(kind, schema).iter_errors(_loaded(path))
    try:
        for violation in islice(errors, limit):
            yield "".join(f"/{_escaped(part)}" for part in violation.absolute_path), _short(violation)
    except Exception as problem:  # jsonschema's versions raise different types for a reference that leads nowhere
        raise MobiusError(f"The schema cannot be applied: {problem}", schema_path, "mend the schema") from problem


def _loaded(path: str) -> Any:
    with open_regular(path) as stream:
        data = stream.readall()
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise MobiusError(f"It cannot be read as JSON: {error}", path, "mend it, or leave schema out") from error


def _validator(kind: Any, schema: Any) -> Any:
    try:
        from referencing import Registry
    except ImportError:
        # Before jsonschema 4.18: a resolver that refuses to fetch.
        resolver = jsonschema.RefResolver.from_schema(schema)
        resolver.resolve_remote = _refuse
        return kind(schema, resolver=resolver)
    return kind(schema, registry=Registry())


def _refuse(uri: str) -> None:
    raise LookupError(f"{uri} is not in the schema, and nothing is fetched")


def _short(error: Any) -> str:
    return shown(str(error.message).encode("utf-8", "backslashreplace"), 200)


def _escaped(part: Any) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
