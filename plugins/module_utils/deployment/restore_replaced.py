# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore what a deployment replaced when the result of its migration is unknown, and nothing else."""

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


def restore_replaced(
    path: str,
    backup_dir: Optional[str],
    backup: str,
    *,
    deployment: str,
    check_mode: bool = False,
    **ownership: Any,
) -> Dict[str, Any]:
    """Restore what the migration of ``deployment`` replaced; if it replaced nothing, the library stays as it is.

    :param backup: restored if there is no library, or if the state cannot be read.
    :returns: as :func:`..backups.restore.restore`.
    """
    # The migration may still be running. Once fenced, it cannot replace anything, so its notes are final; without a
    # lock there is no fence, so wait for it to end.
    fenced = not check_mode and fence(path, deployment)
    with nullcontext() if check_mode or fenced else writing(path, deployment):
        wanted = _before(path, deployment) or backup
        return restore(path, backup_dir, wanted, check_mode=check_mode, deployment=deployment, **ownership)


def _before(path: str, deployment: str) -> Optional[str]:
    try:
        sha256 = state.replaced_by(path, deployment) or read_version(resolve_library(path)).sha256
    except (OSError, DamagedState):
        # The restore reports it.
        return None
    return f"{DIGEST}{sha256}"
