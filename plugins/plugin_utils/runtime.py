# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages the Python environment of a host has to hold, from the locks of the role runtime."""

from __future__ import annotations

from pathlib import Path
from typing import List, NamedTuple

_LOCKS = Path(__file__).resolve().parents[2] / "roles" / "runtime" / "files"


class Packages(NamedTuple):
    """``sets``: locks without their ``.txt``. ``imports``: modules that have to load."""

    sets: List[str]
    imports: List[str]

    @property
    def requirements(self) -> str:
        """Text of a requirements file with a hash for every package."""
        return "".join((_LOCKS / f"{name}.txt").read_text(encoding="utf-8") for name in self.sets)


def choose(
    *, source: str = "venv", lean: bool = False, turbo: bool = False, heif: bool = False, with_service: bool = True
) -> Packages:
    """The packages for these options of the role.

    ``source`` system has Pillow alone: Debian has no package of the others, and those that the host has are used.
    """
    sets = ["lean" if lean else "hashing"]
    imports = ["PIL.Image"]
    if source != "system":
        imports += [] if lean else ["imagehash"]
        imports += ["pillow_heif"] if heif else []
    if turbo:
        sets.append("turbo")
    if heif:
        sets.append("heif")
    if with_service:
        sets.append("service")
        imports += ["starlette.applications", "uvicorn", "prometheus_client"]
    return Packages(sets, imports)
