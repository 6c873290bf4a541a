#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_backup_prune
short_description: Remove old backups of a library
version_added: 1.0.0
description:
  - Removes the backups and snapshots that no rule keeps, and gives the reason for each one kept and removed.
  - Regardless of the rules, the newest backup that verifies and holds a valid library stays, and so do those that a
    rollback of the last deployment needs, those dated in the future (the clock was set back), unreadable files, and
    copies without a checksum, such as those of C(cp), because they cannot be verified.
  - Only a proven age counts. Each run notes the clock and the time since boot; setting the clock does not age any file,
    and while the clock is not trusted, nothing is removed and a warning gives the reason.
  - A backup that does not verify, or that holds an invalid library or a rolled-back deployment, never counts toward
    the number kept.
    One that differs from its checksum stays while it is young, or while nothing newer verifies.
  - Checksums and sidecars without a backup, and temporary files of killed runs, are removed.
options:
  keep_days:
    description:
      - Days, counted back from now, for which every backup and snapshot stays.
    type: int
    default: 7
  keep_last:
    description:
      - How many of the newest backups that verify stay at any age. The newest stays even with V(0).
    type: int
    default: 1
  keep_daily:
    description:
      - Number of days of which the last backup that verifies stays; days (UTC) without a backup do not count.
    type: int
    default: 0
  keep_weekly:
    description:
      - Number of weeks (ISO, UTC) of which the last backup that verifies stays.
    type: int
    default: 0
  keep_monthly:
    description:
      - Number of months (UTC) of which the last backup that verifies stays.
    type: int
    default: 0
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.library.deployment
seealso:
  - module: mobius.dhash.library_backup
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Keep two weeks of backups
  mobius.dhash.library_backup_prune:
    path: /srv/mobius/library.json
    keep_days: 14

- name: Keep a week of backups, then one a day for a month and one a month for a year
  mobius.dhash.library_backup_prune:
    path: /srv/mobius/library.json
    keep_days: 7
    keep_daily: 30
    keep_monthly: 12
"""

RETURN = r"""
removed:
  description: What was removed, newest first, with the reason.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
    size:
      description: Its size in bytes.
      type: int
    reason:
      description: Why it was removed.
      type: str
    created:
      description: The time in its name, UTC. Not for a checksum file without its backup.
      type: str
    kind:
      description: V(backup) or V(snapshot). Not for a checksum file without its backup.
      type: str
    sha256:
      description: SHA-256 of its bytes. Not for a checksum file without its backup.
      type: str
    verified:
      description: Whether its bytes matched its checksum. Not for a checksum file without its backup.
      type: bool
  sample:
    - path: /srv/mobius/backups/library.json.bak.20240901T160000Z
      size: 1048576
      reason: older than 7 days
      created: "2024-09-01T16:00:00Z"
      kind: backup
      sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
      verified: true
kept:
  description: What was kept, newest first, with the reason.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The backup.
      type: str
    sha256:
      description: SHA-256 of its bytes.
      type: str
    size:
      description: Its size in bytes.
      type: int
    created:
      description: The time in its name, UTC.
      type: str
    kind:
      description: V(backup), or V(snapshot) for what a restore replaced.
      type: str
    verified:
      description: Whether its bytes match its checksum file.
      type: bool
    reason:
      description: Why it was kept.
      type: str
  sample:
    - path: /srv/mobius/backups/library.json.bak.20240924T160000Z
      size: 1048576
      reason: the newest one that verifies
      created: "2024-09-24T16:00:00Z"
      kind: backup
      sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
      verified: true
freed:
  description: Bytes that were freed.
  returned: always
  type: int
  sample: 1048576
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.backups.prune import Rules, prune


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            deployment=dict(type="str"),
            keep_days=dict(type="int", default=7),
            keep_last=dict(type="int", default=1),
            keep_daily=dict(type="int", default=0),
            keep_weekly=dict(type="int", default=0),
            keep_monthly=dict(type="int", default=0),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: prune(
            given["path"],
            given["backup_dir"],
            rules=Rules(**{name: given[f"keep_{name}"] for name in ("days", "last", "daily", "weekly", "monthly")}),
            check_mode=module.check_mode,
            deployment=given["deployment"],
        ),
    )


if __name__ == "__main__":
    main()
