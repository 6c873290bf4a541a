"""The dHash of a file by its definition and by this project."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import imagehash
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import PictureError, hash_picture
from PIL import Image


def definition(path: Path) -> Optional[str]:
    """The hash of ImageHash itself, None where it raises."""
    try:
        with Image.open(path) as image:
            return str(imagehash.dhash(image, hash_size=8))
    except Exception:
        return None


def ours(path: Path) -> Optional[str]:
    try:
        return hash_picture(str(path)).dhash
    except PictureError:
        return None
