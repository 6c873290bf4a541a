# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment takes back when its migration could not say what it did: what it replaced, and nothing else."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Dict, Optional

from ..backups.choose import DIGEST
from ..backups.restore import restore
from ..storage import state
from ..storage.lock import fence, writing
from ..storage.paths import resolve_library
from ..storage.replace import read_version
from ..storage.state import DamagedState


def take_back(
    path: str,
    backup_dir: Optional[str],
    backup: str,
    *,
    deployment: str,
    check_mode: bool = False,
    **ownership: Any,
) -> Dict[str, Any]:
    """Restore what the migration of ``deployment`` replaced; where that is nothing, the library stays as it is.

    :param backup: what is restored where there is no library, or the record cannot be read.
    :returns: as :func:`..backups.restore.restore`.
    """
    # The migration may still be at work. Fenced off it replaces nothing more, so that what it noted is final; without a
    # lock there is no fence, and it is waited for.
    fenced = not check_mode and fence(path, deployment)
    with nullcontext() if check_mode or fenced else writing(path, deployment):
        wanted = _before(path, deployment) or backup
        return restore(path, backup_dir, wanted, check_mode=check_mode, deployment=deployment, **ownership)


def _before(path: str, deployment: str) -> Optional[str]:
    try:
        sha256 = state.replaced_by(path, deployment) or read_version(resolve_library(path)).sha256
    except (OSError, DamagedState):
        # The restore tells of it.
        return None
    return f"{DIGEST}{sha256}"
