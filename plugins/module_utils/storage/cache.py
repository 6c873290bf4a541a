# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small JSON files in the state folder that may be lost at any time; no result depends on them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict

from ..errors import MobiusError
from ..json import load_object
from .paths import state_dir
from .replace import FILE_MODE, open_regular


def cache_path(library_path: str, name: str) -> str:
    """Return the path of the cache file ``name``."""
    return str(Path(state_dir(library_path)) / name)


def read_cache(library_path: str, name: str) -> Dict[str, Any]:
    """Return the document; empty when it is missing or unreadable."""
    try:
        with open_regular(cache_path(library_path, name), follow=False) as stream:
            return load_object(stream.read())
    except (OSError, MobiusError, ValueError):
        return {}


def write_cache(library_path: str, name: str, document: Dict[str, Any]) -> None:
    """Replace the document without fsync; failures are ignored."""
    path = cache_path(library_path, name)
    temporary = f"{path}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(OSError):
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        try:
            with open(os.open(temporary, flags, FILE_MODE), "w", encoding="ascii") as stream:  # noqa: PTH123
                json.dump(document, stream)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
