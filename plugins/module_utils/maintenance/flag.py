# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance mode: a flag file that other services check."""

from __future__ import annotations

import json
import shlex
from typing import Any, Dict, NamedTuple, Optional

from ..clock import timestamp
from ..errors import MobiusError
from ..json import load_object
from ..storage.paths import refuse_target
from ..storage.replace import open_regular, remove_durably, replace_whole

# World-readable for web servers, which are not in the library's group.
_MODE = 0o644
_MEMBERS = {"reason", "deployment", "since"}


def read_flag(path: str) -> Dict[str, Any]:
    """Return the flag's content; empty when maintenance is off. A flag made by hand counts, whatever it contains."""
    return _read(path).content


class _Flag(NamedTuple):
    """``removable``: made by :func:`set_flag`, or an empty file made by hand."""

    content: Dict[str, Any]
    removable: bool


def _read(path: str) -> _Flag:
    try:
        with open_regular(path) as stream:
            text = (stream.read(65536) or b"").decode("utf-8", "replace")
    except FileNotFoundError:
        return _Flag({}, removable=False)
    try:
        document = load_object(text)
    except ValueError:
        document = {}
    if set(document) == _MEMBERS and all(isinstance(each, str) for each in document.values()):
        return _Flag(document, removable=True)
    return _Flag({"reason": "made by hand"}, removable=not text.strip())


def set_flag(
    path: str,
    *,
    on: Optional[bool],
    reason: str = "",
    deployment: str = "",
    library: str = "",
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Create or remove the flag. An existing flag stays unchanged, because it has the time since when it is on.

    :param on: None only reports.
    :param deployment: removes only the flag that it made; empty for a removal by hand.
    :param library: the library, which the flag must not be.
    :returns: ``changed``, ``on``, ``content`` (of the flag) and ``diff``.
    :raises MobiusError: the file to remove is not a flag of this collection.
    """
    if library:
        refuse_target(path, library, "The flag")
    found = _read(path)
    before = after = found.content
    if on and not before:
        since = timestamp()
        after = {"reason": reason, "deployment": deployment, "since": since}
    elif on is False and before and deployment in ("", before.get("deployment")):
        if not found.removable:
            what = "This file was not created by maintenance mode, so it was not removed"
            raise MobiusError(what, path, f"check it; if it is the flag: rm {shlex.quote(path)}")
        after = {}
    changed = before != after
    if changed and not check_mode:
        if after:
            data = (json.dumps(after, indent=2) + "\n").encode("ascii")
            replace_whole(path, lambda stream: stream.write(data), mode=_MODE)
        else:
            remove_durably(path)
    words = ["on\n" if state else "off\n" for state in (before, after)]
    return {"changed": changed, "on": bool(after), "content": after, "diff": {"before": words[0], "after": words[1]}}
