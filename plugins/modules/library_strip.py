#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_strip
short_description: Remove the members of the migration from a library
version_added: 1.0.0
description:
  - Undoes M(mobius.dhash.dhash_migrate) when no backup from before it is left, or when later edits must stay.
  - C(dhash), C(dhash_confidence) and C(dhash_reasons) are removed from every item, C(dhash_legacy) becomes C(dhash)
    again, and the document's C(dhash_migration) is removed. Every other byte stays, which is proven before the library
    is replaced; if the migration only added members, the result is identical to the library before it.
  - A verified backup of the previous bytes is made first, and the library is replaced atomically and durably. To
    undo it, restore with O(mobius.dhash.library_restore#module:backup=deployment).
  - Needs only the host's own Python.
options:
  items:
    description:
      - Where the items are, as selectors such as C(components[]) or C(games[].components[]); the same as for the
        migration.
      - When empty, the default selectors are tried.
    type: list
    elements: str
    default: []
  image_key:
    description: Member of an item that names its image.
    type: str
    default: image
  reviews:
    description: Also remove C(dhash_review), the decisions of reviewers.
    type: bool
    default: false
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.library.deployment
  - mobius.dhash.library.real_path
seealso:
  - module: mobius.dhash.library_restore
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Take the migration out again and keep every edit made since
  mobius.dhash.library_strip:
    path: /srv/mobius/library.json

- name: See what would change
  mobius.dhash.library_strip:
    path: /srv/mobius/library.json
  check_mode: true
  diff: true
"""

RETURN = r"""
item_count:
  description: How many items the library has.
  returned: success
  type: int
  sample: 60
stripped_items:
  description: How many of them had members of the migration.
  returned: success
  type: int
  sample: 60
restored_values:
  description: How many of those got their former C(dhash) back from C(dhash_legacy).
  returned: success
  type: int
  sample: 1
block_removed:
  description: Whether the document had a C(dhash_migration).
  returned: success
  type: bool
  sample: true
sha256_before:
  description: SHA-256 of the library before.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
sha256_after:
  description: SHA-256 of the library afterwards, in check mode too.
  returned: success
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
backup:
  description: The verified backup of the previous bytes.
  returned: when the library was changed
  type: dict
  sample:
    path: /srv/mobius/backups/library.json.bak.20240924T160000Z
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    size: 14532
    created: "2024-09-24T16:00:00Z"
real_path:
  description: The library, links followed.
  returned: success
  type: str
  sample: /srv/mobius/releases/7/library.json
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.migration.strip import strip


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            items=dict(type="list", elements="str", default=[]),
            image_key=dict(type="str", default="image", no_log=False),
            reviews=dict(type="bool", default=False),
            backup_dir=dict(type="path"),
            deployment=dict(type="str"),
            expected_real_path=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    given = dict(module.params)
    path = given.pop("path")
    finish(module, lambda: strip(path, check_mode=module.check_mode, **given))


if __name__ == "__main__":
    main()
