# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors: paths to the items of a document, such as ``games[].components[]``.

selector = part *( "." part )
part     = [ name ] *"[]"        the first part may be a bare "[]": the elements of a list at the root
name     = any text without . [ ] " and outer white space, or a JSON string in double quotes
"""

from __future__ import annotations

import json
import re
from typing import List, Optional, Sequence, Tuple

from ..errors import MobiusError

Steps = Tuple[Optional[str], ...]
"""A selector as steps from the root: a name steps into a member, None into every element of a list."""

#: The common shapes; each applies where the document has it.
DEFAULTS = ("[]", "components[]", "games[]", "games[].components[]", "images[]")
_MOST_STEPS = 32
_part = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^."\[\]]*)\s*((?:\[\]\s*)*)')


def parse_selectors(texts: Optional[Sequence[str]] = None) -> List[Steps]:
    """Return the steps of each selector without duplicates; those of ``DEFAULTS`` if there are none.

    :raises MobiusError: one does not follow the grammar.
    """
    return list(dict.fromkeys(parse_selector(text) for text in (texts or DEFAULTS)))


def parse_selector(text: str) -> Steps:
    """Return the steps of one selector.

    :raises MobiusError: it does not follow the grammar, or selects the root.
    """
    steps: List[Optional[str]] = []
    at = 0
    while True:
        part = _part.match(text, at)
        name, lists = (part.group(1).strip(), part.group(2).count("[")) if part else ("", 0)
        if part is None or not (name or (lists and not at)) or len(steps) + lists > _MOST_STEPS:
            raise _refused(text)
        if name:
            steps.append(_unquoted(name, text))
        steps += [None] * lists
        at = part.end()
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            raise _refused(text)
        at += 1


def _unquoted(name: str, text: str) -> str:
    if not name.startswith('"'):
        return name
    try:
        return str(json.loads(name))
    except ValueError as error:
        raise _refused(text) from error


def _refused(text: str) -> MobiusError:
    return MobiusError(
        "Invalid selector of items",
        repr(text),
        'write it like [], components[], games[].components[] or "odd.name"[]',
    )
