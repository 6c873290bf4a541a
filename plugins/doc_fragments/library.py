# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that more than one module shares."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - The library, a C(library.json). A link to it is followed.
    type: path
    required: true
"""

    BACKUP_DIR = r"""
options:
  backup_dir:
    description:
      - Folder of the backups; C(backups) beside the library when omitted.
      - Libraries of the same name must not share one folder.
    type: path
"""

    DEPLOYMENT = r"""
options:
  deployment:
    description:
      - Id of the deployment that this call belongs to, the O(mobius.dhash.library_lock#module:holder) of the lock.
      - While someone else holds the lock, the module refuses to write.
    type: str
"""

    REAL_PATH = r"""
options:
  expected_real_path:
    description:
      - The required path of O(path), links followed, as M(mobius.dhash.library_preflight) and
        M(mobius.dhash.library_lock) return it in C(real_path).
      - If a link on the path has changed since, for example because another deployment switched the release, the module
        fails before it changes anything.
    type: path
"""

    OWNERSHIP = r"""
options:
  owner:
    description:
      - User that owns new files and folders, by name or number.
      - When omitted, the owner of the library if this user may assign it, else this user.
    type: str
  group:
    description:
      - Group that owns new files and folders, by name or number.
      - When omitted, the group of the library if this user may assign it, else this user's.
    type: str
  mode:
    description:
      - Mode of new files. Quote it, so that YAML does not read it as a number.
    type: str
    default: "0640"
"""
