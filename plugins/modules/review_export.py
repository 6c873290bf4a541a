#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: review_export
short_description: Export the items whose dHash needs a review
version_added: 1.0.0
description:
  - Writes the review queue of a migrated library, the items whose confidence is under the threshold, lowest first,
    as an HTML page for people, as CSV for spreadsheets or as JSON for programs.
  - On the page a person decides on each item, by mouse or keyboard, and exports the decisions as one file for
    M(mobius.dhash.review_apply). In CSV and JSON the decisions are filled in at C(decision).
  - Items that a reviewer accepted or left out are not in the queue, until their dHash changes.
  - The page is self-contained and needs no network; without script it shows the queue. With O(include_images) it has
    thumbnails of the images, each made by a separate process under limits of time and memory.
  - All text of the library is shown as text. CSV cells that a spreadsheet would take for a formula start with an
    apostrophe. Users and passwords in URLs are left out.
  - The same library and the same images give the same bytes.
options:
  dest:
    description:
      - The file to write. Missing folders are created with mode 0750.
      - It may not be the library, a backup of it or a part of its state.
    type: path
    required: true
  format:
    description: What to write.
    type: str
    choices: [html, csv, json]
    default: html
  threshold:
    description: Items with a lower confidence are in the queue.
    type: float
    default: 0.7
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
  include_images:
    description: Put thumbnails of the images into an HTML page. Needs Pillow; without it the page has a note.
    type: bool
    default: false
  image_root:
    description: Folder that the items' image paths resolve under. Required with O(include_images).
    type: path
  limit:
    description:
      - Maximum number of items in an HTML page, lowest confidence first; V(0) for all.
      - CSV and JSON always have all.
    type: int
    default: 5000
  image_timeout:
    description: Time limit for one image, in seconds.
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
seealso:
  - module: mobius.dhash.review_apply
  - module: mobius.dhash.dhash_migrate
  - module: mobius.dhash.library_verify
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Write the review page with images
  mobius.dhash.review_export:
    path: /srv/mobius/library.json
    dest: /srv/mobius/review.html
    include_images: true
    image_root: /srv/mobius/images

- name: Write what a spreadsheet can read, with a stricter threshold
  mobius.dhash.review_export:
    path: /srv/mobius/library.json
    dest: /srv/mobius/review.csv
    format: csv
    threshold: 0.8
"""

RETURN = r"""
dest:
  description: The file, as an absolute path.
  returned: success
  type: str
  sample: /srv/mobius/review.html
item_count:
  description: How many items are in the queue.
  returned: success
  type: int
  sample: 4
library_items:
  description: How many items the library has.
  returned: success
  type: int
  sample: 60
unmigrated:
  description: How many items have no confidence yet and so cannot be judged.
  returned: success
  type: int
  sample: 0
settled:
  description: How many items under the threshold a reviewer's decision keeps out of the queue.
  returned: success
  type: int
  sample: 0
lowest:
  description:
    - The first 20 items of the queue, those of the lowest confidence, each with C(pointer), C(name), C(image),
      C(confidence) and C(reasons). Texts are cut after 200 characters.
    - With the counts and RV(dest) they are set as the artifact C(dhash_review) of a job of AWX, by host.
  returned: success
  type: list
  elements: dict
  sample:
    - pointer: /components/3
      name: Meeple
      image: images/meeple.png
      confidence: 0.42
      reasons: [near-ties]
library_sha256:
  description: SHA-256 of the library.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
sha256:
  description: SHA-256 of the file.
  returned: success
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.review.export import Request, export
from ansible_collections.mobius.dhash.plugins.module_utils.storage.metadata import parse_mode


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            dest=dict(type="path", required=True),
            format=dict(type="str", choices=["html", "csv", "json"], default="html"),
            threshold=dict(type="float", default=0.7),
            items=dict(type="list", elements="str"),
            image_key=dict(type="str", default="image", no_log=False),
            include_images=dict(type="bool", default=False),
            image_root=dict(type="path"),
            limit=dict(type="int", default=5000),
            image_timeout=dict(type="float", default=10),
            max_pixels=dict(type="int", default=178956970),
            python=dict(type="path"),
            owner=dict(type="str"),
            group=dict(type="str"),
            mode=dict(type="str", default="0640"),
        ),
        required_if=[("include_images", True, ("image_root",))],
        supports_check_mode=True,
    )
    given = dict(module.params)
    given.pop("python")

    def call() -> Dict[str, Any]:
        result = export(Request(**{**given, "mode": parse_mode(given["mode"])}), check_mode=module.check_mode)
        if not module._diff:
            del result["diff"]
        return result

    finish(module, call)


if __name__ == "__main__":
    main()
