#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_duplicates
short_description: Find the items of a library whose images look alike
version_added: 1.0.0
description:
  - Groups the items of a migrated library by their dHashes, first those with equal dHashes, then those that differ by
    at most O(distance) bits. The library is not changed.
  - Any two items of a group are within the distance. An item that is near only part of a group is in another group with
    that part, so no item with a duplicate is missing.
  - Items whose dHash is all zero are listed separately. It means that the image has no brightness steps, not that two
    images are similar.
  - Items that name the same file are not duplicates of each other and are listed separately. Two spellings of one path
    are one file; links are not resolved.
  - With O(dest), writes an HTML page for people, CSV for spreadsheets or JSON for programs. All text of the library
    is shown as text. The page needs no script and no network.
options:
  distance:
    description:
      - Maximum number of bits, of 64, by which the dHashes of two items of a group differ, from V(0) to V(10).
      - V(0) finds equal dHashes, V(3) also most scaled and recompressed copies; beyond V(6) images that only
        resemble each other are found as well.
    type: int
    default: 0
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
  image_root:
    description:
      - Folder that the items' image paths resolve under, for images in the page, and to recognize that an absolute
        and a relative path are one file.
      - When omitted, the folder of the library.
    type: path
  dest:
    description:
      - File to write. Missing folders are created with mode 0750.
      - It may not be the library, a backup of it or a part of its state.
    type: path
  format:
    description: What to write to O(dest).
    type: str
    choices: [html, csv, json]
    default: html
  include_images:
    description: Put thumbnails of the images into an HTML page. Needs Pillow; without it the page has a note.
    type: bool
    default: false
  service_url:
    description:
      - Address of the HTTP service of this library, such as V(http://127.0.0.1:5001).
      - Each item of the page then links to C(GET /similar) for its dHash.
    type: str
  limit:
    description:
      - Maximum number of groups in an HTML page, exact ones first; V(0) for all.
      - CSV and JSON always have all.
    type: int
    default: 1000
  image_timeout:
    description: Time limit for one image of a page, in seconds.
    type: float
    default: 10
  max_pixels:
    description: Limit of pixels of an image to show.
    type: int
    default: 178956970
  python:
    description:
      - Python on the host that has Pillow. Handled on the controller, where it overrides the variable
        C(ansible_python_interpreter), even one set as an extra variable; when omitted, that variable applies.
    type: path
  owner:
    description: User that owns the file, by name or number.
    type: str
  group:
    description: Group that owns the file, by name or number.
    type: str
  mode:
    description: Mode of the file. Quote it, so that YAML does not read it as a number.
    type: str
    default: "0640"
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
notes:
  - NumPy is used if the Python that runs the module has it, as every Python with ImageHash does. Without it the result
    is the same but takes several times as long.
seealso:
  - module: mobius.dhash.dhash_migrate
  - module: mobius.dhash.review_export
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Find copies of the same image
  mobius.dhash.library_duplicates:
    path: /srv/mobius/library.json
  register: duplicates

- name: Write a page of images that are nearly alike
  mobius.dhash.library_duplicates:
    path: /srv/mobius/library.json
    distance: 3
    dest: /srv/mobius/duplicates.html
    include_images: true
    image_root: /srv/mobius/images
    service_url: http://127.0.0.1:5001
    python: /opt/mobius-dhash/bin/python

- name: Write all groups as CSV
  mobius.dhash.library_duplicates:
    path: /srv/mobius/library.json
    distance: 3
    dest: /srv/mobius/duplicates.csv
    format: csv
"""

RETURN = r"""
groups:
  description: The groups, exact ones first, then by distance and size. The first 10000.
  returned: success
  type: list
  elements: dict
  contains:
    distance:
      description: The largest distance between two members, in bits; 0 for equal dHashes.
      type: int
    members:
      description: The items, in the order of the library.
      type: list
      elements: dict
      contains:
        pointer:
          description: JSON pointer of the item.
          type: str
        image:
          description: The image that it names.
          type: str
        dhash:
          description: Its dHash.
          type: str
  sample:
    - distance: 0
      members:
        - {pointer: /components/3, image: tokens/orc.png, dhash: 0c1c3e7e3c1c0c04}
        - {pointer: /components/9, image: tokens/orc-copy.png, dhash: 0c1c3e7e3c1c0c04}
pairs:
  description:
    - How many pairs of different image files are within the distance, including equal dHashes.
    - All-zero dHashes are left out.
  returned: success
  type: int
  sample: 1
group_count:
  description: How many groups there are, including those that RV(groups) leaves out.
  returned: success
  type: int
  sample: 1
exact_group_count:
  description: How many of them have equal dHashes.
  returned: success
  type: int
  sample: 1
flat:
  description: Items whose dHash is all zero, as members are. The first 10000.
  returned: success
  type: list
  elements: dict
  sample: []
flat_count:
  description: How many items have a dHash that is all zero.
  returned: success
  type: int
  sample: 0
same_file:
  description: Files that several items name, with those items. The first 10000.
  returned: success
  type: list
  elements: dict
  contains:
    image:
      description: The file, as the first of the items names it.
      type: str
    members:
      description: The items.
      type: list
      elements: dict
  sample: []
same_file_count:
  description: How many files several items name.
  returned: success
  type: int
  sample: 0
truncated:
  description: Whether one of the lists was cut. A file at O(dest) has all.
  returned: success
  type: bool
  sample: false
distance:
  description: Same as O(distance).
  returned: success
  type: int
  sample: 0
item_count:
  description: How many items the library has.
  returned: success
  type: int
  sample: 60
compared:
  description: How many of them have a dHash and name an image.
  returned: success
  type: int
  sample: 58
library_sha256:
  description: SHA-256 of the library.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
dest:
  description: The file that was written, as an absolute path.
  returned: when O(dest) is set
  type: str
  sample: /srv/mobius/duplicates.html
sha256:
  description: SHA-256 of that file.
  returned: when O(dest) is set
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.find import find
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.model import Request
from ansible_collections.mobius.dhash.plugins.module_utils.storage.metadata import parse_mode


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            distance=dict(type="int", default=0),
            items=dict(type="list", elements="str"),
            image_key=dict(type="str", default="image", no_log=False),
            image_root=dict(type="path"),
            dest=dict(type="path"),
            format=dict(type="str", choices=["html", "csv", "json"], default="html"),
            include_images=dict(type="bool", default=False),
            service_url=dict(type="str"),
            limit=dict(type="int", default=1000),
            image_timeout=dict(type="float", default=10),
            max_pixels=dict(type="int", default=178956970),
            python=dict(type="path"),
            owner=dict(type="str"),
            group=dict(type="str"),
            mode=dict(type="str", default="0640"),
        ),
        supports_check_mode=True,
    )
    given = dict(module.params)
    given.pop("python")

    def call() -> Dict[str, Any]:
        result = find(Request(**{**given, "mode": parse_mode(given["mode"])}), check_mode=module.check_mode)
        if not module._diff:
            result.pop("diff", None)
        return result

    finish(module, call)


if __name__ == "__main__":
    main()
