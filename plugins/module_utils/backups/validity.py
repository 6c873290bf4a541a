# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check whether a backup holds a valid library: a broken one is backed up too, but never chosen automatically."""

from __future__ import annotations

from typing import Dict

from ..library.validate import find_problems
from ..storage.cache import read_cache, write_cache
from ..storage.replace import open_regular

NAME = "validity.json"
# JSON parsers accept a duplicate key, so a library with one still works.
_HARMLESS = {"duplicate-key"}
_MOST_PROBLEMS = 1000
_MOST_KNOWN = 100
_HEAD = 65536


def problem_of(path: str) -> str:
    """Return why a file is not a library, as a sentence without a period; empty if it is one.

    A library is JSON whose root is an object or a list.

    :raises OSError: it cannot be read.
    """
    with open_regular(path, follow=False) as stream:
        head = stream.read(_HEAD)
    if not head:
        return "it is empty (0 bytes)"
    if not head.strip(b"\0"):
        return "it begins with NUL bytes, as after a power cut"
    for found in find_problems(path, _MOST_PROBLEMS, warnings=False):
        if found["kind"] not in _HARMLESS:
            return f"it is not valid JSON, line {found['line']} column {found['column']}: {found['message']}"
    return "" if _first(path) in (b"{", b"[") else "its root is neither an object nor a list"


def _first(path: str) -> bytes:
    """The first byte of the root of a file that is JSON; blanks before it may be of any length."""
    with open_regular(path, follow=False) as stream:
        for block in iter(lambda: stream.read(_HEAD), b""):
            text = block.lstrip(b"\xef\xbb\xbf \t\r\n")
            if text:
                return text[:1]
    return b""


def judge(path: str, sha256: str, library_path: str) -> str:
    """Return :func:`problem_of`, cached by a preflight of the same bytes because a large library takes long to read.

    :param path: a file with the bytes of ``sha256``.
    """
    known = _known(library_path).get(sha256)
    return problem_of(path) if known is None else known


def note(library_path: str, sha256: str, problem: str = "") -> None:
    """Cache the result of a strict read of these bytes, so their backup need not read them again."""
    known = _known(library_path)
    if known.get(sha256) != problem:
        known[sha256] = problem
        _remember(library_path, known)


def _known(library_path: str) -> Dict[str, str]:
    known = read_cache(library_path, NAME).get("known")
    return {str(sha256): str(problem) for sha256, problem in known.items()} if isinstance(known, dict) else {}


def _remember(library_path: str, known: Dict[str, str]) -> None:
    write_cache(library_path, NAME, {"version": 1, "known": dict(list(known.items())[-_MOST_KNOWN:])})
