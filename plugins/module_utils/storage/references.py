# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide which image references that look like URLs are local files."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

# A colon alone does not make a URL: "Catan: Seafarers.png" is a file.
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|(?:data|blob):|file:[/\\]", re.IGNORECASE)
_FILE = re.compile(r"file:(//)?", re.IGNORECASE)
_THIS_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])?(?=/|$)", re.IGNORECASE)
# The first part of "//HOST/path": a name with a dot, with a port or user, or the host itself.
_HOST = re.compile(r"(?:[^/]*[.:@][^/]*|localhost)/", re.IGNORECASE)


class Local(NamedTuple):
    """A path, percent-decoded.

    ``certain`` unless it could mean another host; ``anchored`` when it starts at the root directory.
    """

    path: str
    certain: bool
    anchored: bool


def is_url(reference: str) -> bool:
    """Whether a reference is spelled like a URL."""
    return _URL.match(reference) is not None


def local_path(url: str) -> Optional[Local]:
    """The path that a URL (see :func:`is_url`) names on this host; None for one that is remote.

    ``file:`` URLs are RFC 8089's, and ``file://folder/name`` too, which is common and means a relative path.
    ``//name`` is a path with one slash too many, or else a URL without its scheme.
    """
    scheme = _FILE.match(url)
    if scheme:
        from urllib.parse import unquote  # slow to import, rarely needed

        rest = unquote(url[scheme.end() :].replace("\\", "/"), errors="surrogateescape")
        host = _THIS_HOST.match(rest) if scheme[1] else None
        path = rest[host.end() :] if host else rest
        anchored = path.startswith("/")
        return Local("/" + path.lstrip("/") if anchored else path, certain=True, anchored=anchored)
    if url.startswith("//"):
        path = url.lstrip("/")
        return Local("/" + path, certain=_HOST.match(path) is None, anchored=False)
    return None
