#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dhash_migrate
short_description: Give every image of a library its dHash
version_added: 1.0.0
description:
  - Hashes the image of every item and splices C(dhash), C(dhash_confidence) and, where there are some, C(dhash_reasons)
    into the text of the library. Every other byte stays, which is proven before the library is replaced.
  - An item without an image that can be hashed gets no C(dhash), a confidence of 0 and the reason. A former C(dhash)
    that is not a dHash, or whose image no longer exists, is kept under C(dhash_legacy) in its original spelling.
  - If the root of the library is an object, it gains C(dhash_migration) with the tool, time and versions of the
    migration. It changes only when an item does. If the root is a list, only the state beside the library has it.
  - In place, a verified backup of exactly the previous bytes is made first, and the library is replaced atomically
    and durably.
  - The outcome of each image is kept beside the library, so unchanged images are not hashed again and a killed run
    continues where it stopped.
options:
  output:
    description:
      - Write the result to this file and leave the library alone; no backup is made and the state stays the same.
      - A file that differs only in the time of migration is left as it is.
      - It may not be the library, a backup of it or a part of its state.
    type: path
  progress:
    description:
      - Run in the background on the host, and report the progress every few seconds.
      - When the play ends early, by Ctrl-C or a lost connection, the migration cancels itself within O(patience) and
        leaves the library as it is.
      - It needs a few more round trips, so it pays off for libraries that take longer than those.
      - In check mode, and with C(async) on the task, this has no effect.
    type: bool
    default: false
  timeout:
    description:
      - Seconds after which the migration is ended; V(0) for no limit. It runs in the background then, as with
        O(progress).
      - The library is then either the old one or the new one, and images that were hashed are not hashed again by
        the next run.
    type: int
    default: 0
  patience:
    description:
      - Idle timeout. Seconds without a query of its progress (see M(mobius.dhash.dhash_progress)) after which a
        migration that is hashing cancels itself; V(0) for never.
      - Set to 60 by O(progress) and O(timeout).
    type: float
    default: 0
  verify:
    description:
      - Verify the library at once, as M(mobius.dhash.library_verify) does, against the backup of this migration; not
        when omitted. For RV(verified).
      - With O(output), O(progress) or O(timeout), and in check mode, this has no effect.
extends_documentation_fragment:
  - mobius.dhash.hashing.verify
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.library.deployment
  - mobius.dhash.library.real_path
  - mobius.dhash.hashing
  - mobius.dhash.hashing.images
  - mobius.dhash.hashing.items
  - mobius.dhash.hashing.engine
seealso:
  - module: mobius.dhash.dhash_dry_run
  - module: mobius.dhash.dhash_progress
  - module: mobius.dhash.library_verify
  - module: mobius.dhash.library_restore
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Give every image its dHash
  mobius.dhash.dhash_migrate:
    path: /srv/mobius/library.json
    image_root: /srv/mobius/images
    items:
      - games[].components[]
  vars:
    ansible_python_interpreter: /opt/mobius-dhash/bin/python

- name: See what would change
  mobius.dhash.dhash_migrate:
    path: /srv/mobius/library.json
  check_mode: true
  diff: true

- name: Migrate a large library and see how far it is, for six hours at most
  mobius.dhash.dhash_migrate:
    path: /srv/mobius/library.json
    progress: true
    timeout: 21600

- name: Write the result elsewhere
  mobius.dhash.dhash_migrate:
    path: /srv/mobius/library.json
    output: /srv/mobius/library.dhash.json
    rehash: all
"""

RETURN = r"""
item_count:
  description: How many items the library has. They are hashed, unchanged, failed or without an image.
  returned: success
  type: int
  sample: 60
hashed:
  description: Items whose image was hashed by this run.
  returned: success
  type: int
  sample: 58
unchanged:
  description: Items whose image did not have to be hashed again.
  returned: success
  type: int
  sample: 0
failed_items:
  description: Items that name an image and have no dHash.
  returned: success
  type: int
  sample: 2
without_picture:
  description: Items that name no image, or a remote one.
  returned: success
  type: int
  sample: 0
with_dhash:
  description: Items that have a dHash now.
  returned: success
  type: int
  sample: 58
low_confidence:
  description: Items under O(confidence_threshold), the review queue, including those without a dHash.
  returned: success
  type: int
  sample: 4
changed_items:
  description: Items that were edited, or would be.
  returned: success
  type: int
  sample: 60
failures:
  description: The first 100 failures, in the order of the library.
  returned: success
  type: list
  elements: dict
  sample:
    - pointer: /components/12
      image: images/torn.png
      reason: truncated
      message: the file ends before the picture does
metrics:
  description: The metrics of the whole library.
  returned: success
  type: dict
  contains:
    avg_hash_time:
      description: Mean time that an image took when it was last hashed, in ms; null when none was.
      type: float
    p95_hash_time:
      description: The time that 95 % of the images did not exceed, in ms; null when none was hashed.
      type: float
    extraction_failures_rate:
      description: Failures in percent of the items that name an image.
      type: float
    low_confidence_queue_length:
      description: Same as RV(low_confidence).
      type: int
  sample:
    avg_hash_time: 1.4
    p95_hash_time: 3.1
    extraction_failures_rate: 3.333
    low_confidence_queue_length: 4
hash_times:
  description: Distribution of the times behind RV(metrics); empty when none is known.
  returned: success
  type: dict
  contains:
    bounds:
      description: Upper bounds in ms.
      type: list
      elements: int
    counts:
      description: Images up to each bound and above the one before it; the last counts those above all bounds.
      type: list
      elements: int
  sample:
    bounds: [1, 2, 5]
    counts: [20, 30, 6, 2]
versions:
  description: Versions of Pillow and ImageHash, and the mode; C(imagehash) is null if it is not installed.
  returned: success
  type: dict
  sample:
    pillow: 12.3.0
    imagehash: 4.3.2
    mode: exact
sha256_before:
  description: SHA-256 of the library before.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
sha256_after:
  description:
    - SHA-256 of the library, or of O(output), afterwards.
    - Null in check mode when something would change, because the time of migration is part of the bytes.
  returned: success
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
adopted:
  description:
    - Whether the library needed no change but had bytes that the state did not know, for example after an edit by hand.
      The state has them now, and a backup of them is the rollback target.
  returned: success
  type: bool
  sample: false
backup:
  description: The verified backup of the previous bytes.
  returned: when the library was changed in place or RV(adopted)
  type: dict
  sample:
    path: /srv/mobius/backups/library.json.bak.20240924T160000Z
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    size: 14532
    created: "2024-09-24T16:00:00Z"
verified:
  description:
    - The result of M(mobius.dhash.library_verify), failed or not, and C(step_seconds). The task does not fail with it.
  returned: with O(verify), when the migration succeeded
  type: dict
  sample: {"valid": true, "step_seconds": 0.3}
output:
  description: Same as O(output).
  returned: when O(output) is set
  type: str
  sample: /srv/mobius/library.dhash.json
log:
  description: The log of this run; null when nothing changed.
  returned: success
  type: str
  sample: /srv/mobius/logs/migration-20240924T160003Z.log
"""

from typing import Any, Dict, Iterator

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import Further, finish
from ansible_collections.mobius.dhash.plugins.module_utils.migration.apply import migrate
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import HASHING, VERIFY, options_of
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import verify_migrated


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            HASHING,
            output=dict(type="path"),
            backup_dir=dict(type="path"),
            deployment=dict(type="str"),
            expected_real_path=dict(type="path"),
            # The plugin on the controller acts on these two.
            progress=dict(type="bool", default=False),
            timeout=dict(type="int", default=0),
            patience=dict(type="float", default=0),
            verify=dict(type="dict", options=VERIFY),
        ),
        supports_check_mode=True,
    )
    given = module.params
    verifies = given["verify"] is not None and not given["output"] and not module.check_mode

    def further(migrated: Dict[str, Any]) -> Iterator[Further]:
        if verifies:
            yield Further("verify", "verified", lambda: verify_migrated(given, migrated))

    finish(
        module,
        lambda: migrate(
            options_of(given),
            output=given["output"],
            backup_dir=given["backup_dir"],
            log_dir=given["log_dir"],
            deployment=given["deployment"],
            expected_real_path=given["expected_real_path"],
            check_mode=module.check_mode,
            idle_timeout=given["patience"],
            timeout=given["timeout"],
        ),
        further,
    )


if __name__ == "__main__":
    main()
