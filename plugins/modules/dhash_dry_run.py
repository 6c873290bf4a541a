#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dhash_dry_run
short_description: Predict what a migration would do and how long it would take
version_added: 1.0.0
description:
  - Checks every item and the file of every image, hashes a sample, and does not change the library.
  - If the sample covers every image to hash, RV(exact) is true and all counts are those of the migration. Otherwise
    RV(expected_failure_rate) and RV(projected_seconds) are estimated from the sample.
  - RV(would_fail) depends only on certain failures, which are items whose image is missing or cannot be read, and
    images that failed in the sample or in an earlier run because of their content. Extrapolated failures, and those
    by a limit of time or memory, do not count.
  - The report and the log are not managed state, so the module never reports a change.
options:
  report:
    description:
      - File to write the report to, as JSON; C(migrate-dryrun.json) beside the library when omitted.
      - It may not be the library, a backup of it or a part of its state.
    type: path
  sample:
    description: Number of images to hash at most, evenly spaced over those that the migration would hash.
    type: int
    default: 200
  fail_on_refusal:
    description: Whether the task fails if RV(would_fail) is true. Handled on the controller.
    type: bool
    default: false
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.attributes.info
  - mobius.dhash.library
  - mobius.dhash.hashing
  - mobius.dhash.hashing.images
  - mobius.dhash.hashing.items
  - mobius.dhash.hashing.engine
seealso:
  - module: mobius.dhash.dhash_migrate
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: See what a migration would do
  mobius.dhash.dhash_dry_run:
    path: /srv/mobius/library.json
    image_root: /srv/mobius/images
  register: dry_run

- name: Show how long it would take
  ansible.builtin.debug:
    msg: "{{ dry_run.to_hash }} of {{ dry_run.item_count }} items, about {{ dry_run.projected_seconds }} s"
"""

RETURN = r"""
item_count:
  description: How many items the library has.
  returned: success
  type: int
  sample: 60
to_hash:
  description: Items whose image would be hashed.
  returned: success
  type: int
  sample: 59
pictures_to_hash:
  description: Images that would be hashed; items may share one.
  returned: success
  type: int
  sample: 59
bytes_to_read:
  description: Size of these images in bytes.
  returned: success
  type: int
  sample: 181230
unchanged:
  description: Items whose image does not have to be hashed again.
  returned: success
  type: int
  sample: 0
without_picture:
  description: Items that name no image, or a remote one.
  returned: success
  type: int
  sample: 0
failed_items:
  description: Items known to get no dHash, including those of the sample.
  returned: success
  type: int
  sample: 2
with_dhash:
  description: Items known to get or keep a dHash, including those of the sample.
  returned: success
  type: int
  sample: 58
low_confidence:
  description: Items known to be under O(confidence_threshold), including those of the sample.
  returned: success
  type: int
  sample: 4
sampled:
  description: Images that were hashed.
  returned: success
  type: int
  sample: 59
exact:
  description: Whether the sample covers every image that would be hashed.
  returned: success
  type: bool
would_change:
  description: Items that would be edited for certain.
  returned: success
  type: int
  sample: 60
may_change:
  description: Items with a dHash whose image changed and is not in the sample.
  returned: success
  type: int
  sample: 0
projected_seconds:
  description: Time that the migration would take on this host, from the sample.
  returned: success
  type: float
  sample: 0.31
expected_failure_rate:
  description: Failures to expect, in percent of the items that name an image.
  returned: success
  type: float
  sample: 3.333
max_failure_rate:
  description: Same as O(max_failure_rate).
  returned: success
  type: float
  sample: 5.0
would_fail:
  description: Whether the migration would fail because of certain failures, unless those images are fixed.
  returned: success
  type: bool
  sample: false
refusal:
  description: The error message of that migration; empty if RV(would_fail) is false.
  returned: success
  type: str
  sample: ""
lines:
  description: A summary for people. Not in the report.
  returned: success
  type: list
  elements: str
  sample:
    - "items     60: 59 to hash, 0 as before, 2 known to get no dHash, 60 to edit"
    - failures  3.33 % expected, the limit is 5 %
    - time      about 1 s for the migration
    - report    /srv/mobius/migrate-dryrun.json
failures:
  description: The first 100 known failures, in the order of the library.
  returned: success
  type: list
  elements: dict
  sample:
    - pointer: /components/12
      image: images/torn.png
      reason: truncated
      message: the file ends before the picture does
sha256:
  description: SHA-256 of the library.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
library:
  description: Same as O(path).
  returned: success
  type: str
  sample: /srv/mobius/library.json
made_at:
  description: When the dry run was made, in UTC.
  returned: success
  type: str
  sample: "2024-09-24T16:00:00Z"
tool:
  description: This collection and its version.
  returned: success
  type: str
  sample: mobius.dhash 1.0.0
pillow:
  description: Version of Pillow.
  returned: success
  type: str
  sample: 12.3.0
imagehash:
  description: Version of ImageHash; null where it is not installed.
  returned: success
  type: str
  sample: 4.3.2
pillow_heif:
  description: Version of pillow-heif, which opens HEIC images.
  returned: when it is installed
  type: str
  sample: 1.8.1
mode:
  description: How images are read, O(mode).
  returned: success
  type: str
  sample: exact
report:
  description: The file of the report, which holds the values above. Not written in check mode.
  returned: success
  type: str
  sample: /srv/mobius/migrate-dryrun.json
log:
  description: The log; null in check mode.
  returned: success
  type: str
  sample: /srv/mobius/logs/dry-run-20240924T160002Z.log
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import HASHING, options_of
from ansible_collections.mobius.dhash.plugins.module_utils.migration.dry_run import dry_run


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            HASHING,
            report=dict(type="path"),
            sample=dict(type="int", default=200),
            # The action plugin acts on this one.
            fail_on_refusal=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: dry_run(
            options_of(given),
            report=given["report"],
            sample=given["sample"],
            log_dir=given["log_dir"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
