# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explain why nearly all pictures are missing: a file system that is not mounted, or the wrong image root."""

from __future__ import annotations

import os
from typing import Iterable, List, NamedTuple, Optional

from .mounts import fstab_points, is_mounted
from .paths import is_below

#: From this share on, the cause is the folder rather than single files.
_NEARLY_ALL = 0.95
#: Fewer pictures than these may all be missing independently of each other.
_FEW = 5


class Absence(NamedTuple):
    """``gone`` when nothing is in the image root; a limit on failures does not apply then."""

    what: str
    remedy: str
    gone: bool


def is_bare(root: str) -> bool:
    """Whether the image root cannot have files: it is missing, or holds nothing but what a new file system holds."""
    try:
        return not _visible(os.listdir(root))
    except (FileNotFoundError, NotADirectoryError):
        return not os.path.lexists(root)
    except OSError:
        return False


def _visible(names: Iterable[str]) -> List[str]:
    return sorted(name for name in names if name != "lost+found" and not name.startswith("."))


def absence(root: str, missing: int, named: int, fstab: str = "/etc/fstab") -> Optional[Absence]:
    """Return why nearly all pictures are missing; None when they are not.

    :param root: the image root.
    :param missing: how many of ``named`` pictures do not exist or cannot be accessed.
    """
    if not named or missing < _NEARLY_ALL * named:
        return None
    count = (
        f"All {named:,} pictures are missing" if missing == named else f"{missing:,} of {named:,} pictures are missing"
    )
    remedy = f"mount it and run again (findmnt {root}), or set mobius_image_root to the folder that holds the pictures"
    point = _unmounted(root, fstab)
    if point is not None:
        what = f"{count}: the file system at {point} is in {fstab} and not mounted"
        return Absence(what, f"mount {point}, then run again", gone=missing == named)
    try:
        names = _visible(os.listdir(root))
    except OSError as error:
        what = f"{count}: the image root cannot be read ({error.strerror or error}); its file system may be gone"
        return Absence(what, remedy, gone=missing == named)
    if not names:
        what = f"{count}: the image root is empty; its file system may not be mounted"
        return Absence(what, remedy, gone=missing == named)
    if named < _FEW:
        return None
    shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    what = f"{count}: the image root holds other files ({shown}); it may be the wrong folder, or lack a mount"
    return Absence(what, "set mobius_image_root to the folder that the images are relative to, or mount it", gone=False)


def _unmounted(root: str, fstab: str) -> Optional[str]:
    """Return a mount point above, at or below the image root that is in fstab but not mounted."""
    real = os.path.realpath(root)
    for point in fstab_points(fstab, at_boot=True):
        near = point == real or is_below(real, point) or is_below(point, real)
        if near and point != "/" and not is_mounted(os.path.realpath(point)):
            return point
    return None
