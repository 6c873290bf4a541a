# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which Pillow and ImageHash hashes are made with; importable where neither is installed."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Dict, Optional

from ..errors import MobiusError


def versions() -> Dict[str, Optional[str]]:
    """Return ``{"pillow": "12.3.0", "imagehash": "4.3.2"}``; ImageHash is None where it is left out.

    ``pillow_heif`` is a third one only where that package is installed: HEIC pictures depend on it.

    :raises MobiusError: Pillow is missing; the remedy is the command that installs it.
    """
    try:
        from PIL import __version__ as pillow
    except ImportError as error:
        raise MobiusError(
            f"this step needs Pillow, which this Python has not got ({error})",
            sys.executable,
            f"{sys.executable} -m pip install Pillow ImageHash, or set mobius_runtime_source so that the role runtime"
            " installs it",
        ) from error
    found = {"pillow": pillow, "imagehash": _installed("ImageHash")}
    heif = _installed("pillow-heif")
    return found if heif is None else {**found, "pillow_heif": heif}


def _installed(package: str) -> Optional[str]:
    # From the metadata: importing ImageHash costs NumPy and SciPy.
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
