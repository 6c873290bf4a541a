# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read JSON that anybody may have written: a file on a host, a response, a variable.

Whatever is wrong with a document is a :class:`ValueError`. The library itself has readers of its own, in ``library``.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Union

if TYPE_CHECKING:
    # Python 3.10 and later.
    from typing import TypeGuard

#: How deep a document may be nested. The parser takes more, and how many depends on the version of Python; code that
#: walks the document would end in a RecursionError.
MAX_DEPTH = 100
#: The largest whole number of a document that has a meaning here: more fits neither a file offset nor a database.
MAX_WHOLE = 2**63 - 1
#: The largest process id: its type has 32 bits.
MAX_PID = 2**31 - 1

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


def load_json(data: Union[str, bytes, bytearray], *, strict: bool = False) -> Any:
    """Parse a document.

    :param data: text, or bytes in UTF-8, UTF-16 or UTF-32.
    :param strict: refuse NaN and Infinity, which are not JSON, but which Python and others write.
    :raises ValueError: it is not JSON, or nested deeper than :data:`MAX_DEPTH`.
    """
    try:
        document = json.loads(data, parse_constant=_refuse_constant) if strict else json.loads(data)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _may_be_deep(data) and _is_deep(document):
        raise ValueError(_TOO_DEEP)
    return document


def load_object(data: Union[str, bytes, bytearray]) -> Dict[str, Any]:
    """Parse a document that has to be an object.

    :raises ValueError: as :func:`load_json`, or it is something else.
    """
    document = load_json(data)
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number that a float can hold: neither NaN nor infinite, and not true or false."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # Compared, because math.isfinite fails for an integer that no float can hold.
    return abs(value) <= sys.float_info.max


def is_whole(value: Any, least: int = 0, most: int = MAX_WHOLE) -> TypeGuard[int]:
    """Whether a value is an integer from ``least`` to ``most``, and not true or false."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_texts(value: Any) -> TypeGuard[List[str]]:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _may_be_deep(data: Union[str, bytes, bytearray]) -> bool:
    if isinstance(data, str):
        return data.count("[") + data.count("{") > MAX_DEPTH
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH


def _is_deep(document: Any) -> bool:
    level: List[Any] = [document]
    for _unused in range(MAX_DEPTH):
        level = [
            each
            for parent in level
            if isinstance(parent, (dict, list))
            for each in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(each, (dict, list))
        ]
        if not level:
            return False
    return True
