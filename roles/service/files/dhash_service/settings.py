# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the service: one JSON file that the role writes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import List, Optional


@dataclass(frozen=True)
class Settings:
    """``items``: selectors, none for the shapes known by default. ``log_file``: None for standard error.

    ``instance`` names this very service in its answers, so that another program on the port is not taken for it;
    ``build`` names the code and settings that it was started with.
    """

    library_path: str
    items: List[str] = field(default_factory=list)
    image_key: str = "image"
    host: str = "127.0.0.1"
    port: int = 5001
    log_file: Optional[str] = None
    instance: str = ""
    build: str = ""


def load(path: str) -> Settings:
    """Read the settings; members that are unknown are an error, so that a typing error is not silently a default.

    :raises ValueError: with what is wrong.
    :raises TypeError: it is no object, or the library is not named.
    """
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    known = {entry.name for entry in fields(Settings)} - {"build"}
    unknown = sorted(set(document) - known)
    if unknown:
        raise ValueError(f"{path}: unknown settings {', '.join(unknown)}")
    settings = Settings(**document, build=_build(path))
    if not isinstance(settings.port, int) or not isinstance(settings.items, list):
        raise ValueError(f"{path}: port has to be a number, and items a list")
    return settings


def _build(path: str) -> str:
    """What was in place at the start, by the note that the role leaves beside the settings; empty without one."""
    try:
        note = Path(path).with_name(".tree.json").read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(note).hexdigest()[:16]
