#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_verify
short_description: Prove that a library is intact, and that a migration changed nothing else
version_added: 1.0.0
description:
  - Reads the library as strict JSON. Duplicate keys, NaN, trailing commas or text, wrong encodings and the like are
    problems, each with its line and column.
  - Checks what the migration wrote, that each dHash has its form, each confidence is a number from 0 to 1, and each
    item without a dHash has a reason.
  - With O(against), proves on the bytes that nothing but the migration's own members differs from a backup, and that
    the migration left no item out.
  - If a migration of the library is known, reports each item that has neither a dHash nor a reason.
  - With O(sample), hashes items again by ImageHash itself.
  - Changes nothing.
options:
  against:
    description:
      - The earlier library, V(latest) for the newest backup, V(deployment) for the backup from before the last
        deployment, or a file. A relative path is resolved in the library's folder, else in O(backup_dir).
      - A backup that does not match its checksum is refused. A file without a checksum is used unverified.
    type: str
  complete:
    description:
      - Whether every item must be migrated. An item that is not migrated has neither a dHash nor a reason.
      - V(auto) requires it if a migration is known, by the document's block, the state beside the library, or
        O(against). Then an item that lost its dHash is an error, and so is one that was added later; a library that was
        never migrated is valid.
      - V(always) also requires that there was a migration.
      - V(never) is for a library with new items that are not migrated yet.
    type: str
    choices: [auto, always, never]
    default: auto
  schema:
    description:
      - A file with a JSON Schema that the library must satisfy. Needs the Python library C(jsonschema), and about
        ten times the size of the library in memory.
      - References to other files are followed; nothing is fetched from the network.
    type: path
  sample:
    description:
      - How many items to hash again, spread evenly over those that have a dHash. Needs Pillow and, for an independent
        result, ImageHash.
    type: int
    default: 0
  image_root:
    description: Folder that the items' image paths resolve under. Required with O(sample).
    type: path
  items:
    description:
      - Where the items are, as selectors such as V(components[]), V(games[].components[]) or V([]).
      - When omitted or empty, the default selectors are tried.
    type: list
    elements: str
  image_key:
    description: Member of an item that names its image.
    type: str
    default: image
  python:
    description:
      - Python on the host that has Pillow. Handled on the controller, where it overrides the variable
        C(ansible_python_interpreter), even one set as an extra variable; when omitted, that variable applies.
    type: path
  image_timeout:
    description: Time limit for one image of the sample, in seconds.
    type: float
    default: 30
  max_pixels:
    description: Limit of pixels of an image of the sample.
    type: int
    default: 178956970
  fail_on_problems:
    description: Whether the task fails when the library is not valid. The results are the same.
    type: bool
    default: true
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.attributes.info
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.library.real_path
seealso:
  - module: mobius.dhash.dhash_migrate
  - module: mobius.dhash.library_backup_info
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Prove that the last deployment changed nothing but its own members
  mobius.dhash.library_verify:
    path: /srv/mobius/library.json
    against: deployment

- name: Hash twenty items again, by ImageHash
  mobius.dhash.library_verify:
    path: /srv/mobius/library.json
    image_root: /srv/mobius/images
    sample: 20

- name: Check that the library is migrated, by any run
  mobius.dhash.library_verify:
    path: /srv/mobius/library.json
    complete: always

- name: Look at a library's problems without failing
  mobius.dhash.library_verify:
    path: /srv/mobius/library.json
    schema: /srv/mobius/library.schema.json
    fail_on_problems: false
  register: verification

- name: Show them
  ansible.builtin.debug:
    var: verification.problems
"""

RETURN = r"""
valid:
  description: Whether no problem of severity V(error) was found.
  returned: always
  type: bool
  sample: true
item_count:
  description: How many items the library has; null if it is not JSON or none was found.
  returned: always
  type: int
  sample: 60
with_dhash:
  description: How many of them have a dHash.
  returned: always
  type: int
  sample: 58
unmigrated:
  description: How many of them were not migrated yet.
  returned: always
  type: int
  sample: 0
problems:
  description: The first fifty problems, errors before warnings.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: A stable word for the kind of problem, such as V(duplicate-key), V(changed) or V(second-opinion).
      type: str
    severity:
      description: V(error), or V(warning) for what does not make the library invalid.
      type: str
    pointer:
      description: JSON pointer of the item or value, where there is one.
      type: str
    line:
      description: Line in the file, from 1, where it is known.
      type: int
    column:
      description: Column in characters, from 1, where it is known.
      type: int
    message:
      description: One sentence.
      type: str
  sample:
    - kind: duplicate-key
      severity: error
      line: 12
      column: 7
      message: duplicate key "id" in one object
errors:
  description: How many problems of severity V(error) there are, including those that are not listed.
  returned: always
  type: int
  sample: 0
sampled:
  description: How many items were hashed again.
  returned: always
  type: int
  sample: 20
second_opinion:
  description: ImageHash with its version, or why there was no second opinion; null without a sample.
  returned: always
  type: str
  sample: ImageHash 4.3.2
against:
  description: The file that the library was compared with; null when there was none.
  returned: always
  type: str
  sample: /srv/mobius/backups/library.json.bak.20240924T160000Z
lines:
  description: A summary for people with the first ten problems.
  returned: always
  type: list
  elements: str
  sample:
    - library   /srv/mobius/library.json (sha256 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae)
    - "items     60: 58 with a dHash, 0 not migrated"
    - problems  none
sha256:
  description: SHA-256 of the library that was verified.
  returned: always
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, verify, verify_or_fail


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            against=dict(type="str"),
            complete=dict(type="str", choices=["auto", "always", "never"], default="auto"),
            backup_dir=dict(type="path"),
            schema=dict(type="path"),
            sample=dict(type="int", default=0),
            image_root=dict(type="path"),
            items=dict(type="list", elements="str"),
            image_key=dict(type="str", default="image", no_log=False),
            # The action plugin acts on this one.
            python=dict(type="path"),
            image_timeout=dict(type="float", default=30),
            max_pixels=dict(type="int", default=178_956_970),
            fail_on_problems=dict(type="bool", default=True),
            expected_real_path=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    given = dict(module.params)
    fail_on_problems = given.pop("fail_on_problems")
    given.pop("python")

    finish(module, lambda: (verify_or_fail if fail_on_problems else verify)(Request(**given)))


if __name__ == "__main__":
    main()
