# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Pillow and ImageHash; importable without either."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import Dict, Optional

from ..errors import MobiusError


def versions() -> Dict[str, Optional[str]]:
    """Return ``{"pillow": "12.3.0", "imagehash": "4.3.2"}``; ImageHash is None if it is not installed.

    ``pillow_heif`` is added if that package is installed, because the hashes of HEIC pictures depend on it.

    :raises MobiusError: Pillow is missing; the remedy is the command that installs it.
    """
    try:
        from PIL import __version__ as pillow
    except ImportError as error:
        raise MobiusError(
            f"this step needs Pillow, which this Python does not have ({error})",
            sys.executable,
            f"{sys.executable} -m pip install Pillow ImageHash, or set mobius_runtime_source so that the role runtime"
            " installs it",
        ) from error
    found = {"pillow": pillow, "imagehash": _installed("ImageHash")}
    heif = _installed("pillow-heif")
    return found if heif is None else {**found, "pillow_heif": heif}


def _installed(package: str) -> Optional[str]:
    """Return the version of a distribution without importing it (ImageHash imports NumPy)."""
    # pip installs the metadata in a folder of this name; importing importlib.metadata takes ten times as long.
    pattern = re.compile(re.sub("[-_.]", "[-_.]", package) + r"-([^-]+)\.dist-info", re.IGNORECASE)
    for folder in sys.path:
        with suppress(OSError):
            for name in os.listdir(folder or "."):
                found = pattern.fullmatch(name)
                if found:
                    return found[1]
    return _from_metadata(package)


def _from_metadata(package: str) -> Optional[str]:
    """Return the version of a distribution installed in another way, such as an egg or an old system package."""
    # Extras are usually missing, so search only if a package of that name can be imported.
    if find_spec(package.lower().replace("-", "_")) is None:
        return None
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
