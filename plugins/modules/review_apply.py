#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: review_apply
short_description: Write reviewers' decisions into a library
version_added: 1.0.0
description:
  - Reads the decisions that were made on the review page, or in the CSV or JSON that M(mobius.dhash.review_export)
    writes, and writes each into its item as C(dhash_review), with C(decision), C(by), C(at) and perhaps C(comment).
    Every other byte of the library stays, which is proven before the library is replaced.
  - V(accept) and V(leave_out) remove an item from the review queue, V(wrong_picture) leaves it there. A decision is
    valid until the item's dHash changes; the migration that changes it drops the decision.
  - A decision whose item no longer exists, or now has another dHash or image, is refused with its reason; the others
    are applied. If no decision fits, the module fails and nothing changes.
  - A verified backup of exactly the previous bytes is made first, and the library is replaced atomically and durably.
    A rollback (M(mobius.dhash.library_restore) with V(deployment)) undoes all decisions of this call.
  - The decisions of the page follow the JSON Schema C(docs/review-decisions.schema.json) of the collection. In CSV the
    columns C(key) and C(decision) count, with C(comment) and C(by) where they are filled in.
options:
  src:
    description: File of decisions on the host. Exactly one of O(src) and O(content) is needed.
    type: path
  content:
    description:
      - The decisions themselves, for example from C(lookup('file', ...)) on the controller.
      - Text or, if templating has parsed JSON already, the document.
    type: raw
  by:
    description: The reviewer, for decisions without one. Those of CSV files usually lack it.
    type: str
  threshold:
    description: Items with a lower confidence are in the queue. It changes counts, never what is written.
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
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.library.deployment
seealso:
  - module: mobius.dhash.review_export
  - module: mobius.dhash.library_restore
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Apply the decisions that the review page exported
  mobius.dhash.review_apply:
    path: /srv/mobius/library.json
    content: "{{ lookup('ansible.builtin.file', '~/Downloads/decisions.json') }}"

- name: See what a filled-in spreadsheet would change
  mobius.dhash.review_apply:
    path: /srv/mobius/library.json
    src: /srv/mobius/review.csv
    by: Ann
  check_mode: true
  diff: true
"""

RETURN = r"""
applied:
  description: How many items gained a decision, or another one.
  returned: success
  type: int
  sample: 10
unchanged:
  description: How many items hold their decision already.
  returned: success
  type: int
  sample: 0
refused:
  description: The decisions that were not applied.
  returned: success
  type: list
  elements: dict
  contains:
    pointer:
      description: JSON pointer of the item, or the place in the file.
      type: str
    decision:
      description: The decision.
      type: str
    reason:
      description: Why it does not fit the library.
      type: str
  sample:
    - pointer: /components/12
      decision: accept
      reason: its dHash has changed since, from 0c1c3e7e3c1c0c04 to 0c1c3e7e3c1c0c0c
queue_before:
  description: Length of the review queue before.
  returned: success
  type: int
  sample: 14
low_confidence:
  description: Length of the review queue afterwards, as C(low_confidence_queue_length) counts it.
  returned: success
  type: int
  sample: 4
item_count:
  description: How many items the library has.
  returned: success
  type: int
  sample: 60
same_library:
  description:
    - Whether the library still has the bytes that were reviewed; null if the file does not have their checksum.
    - That is not required, because each decision is checked by itself.
  returned: success
  type: bool
  sample: true
lines:
  description: A summary for people with the first fifty refused decisions.
  returned: success
  type: list
  elements: str
  sample:
    - "decisions 10 applied, 0 there already, 0 refused"
    - "queue     14 items before, 4 now"
sha256_before:
  description: SHA-256 of the library before.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
sha256_after:
  description: SHA-256 of the library afterwards; null in check mode when something would change.
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
"""

import json
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.review.apply import Request, apply, read_decisions


def _bytes(content: Any) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content)
    return text.encode("utf-8", "surrogatepass")


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            src=dict(type="path"),
            content=dict(type="raw"),
            by=dict(type="str"),
            threshold=dict(type="float", default=0.7),
            items=dict(type="list", elements="str"),
            image_key=dict(type="str", default="image", no_log=False),
            backup_dir=dict(type="path"),
            deployment=dict(type="str"),
        ),
        mutually_exclusive=[("src", "content")],
        required_one_of=[("src", "content")],
        supports_check_mode=True,
    )
    given = dict(module.params)
    src, content = given.pop("src"), given.pop("content")

    def call() -> Dict[str, Any]:
        decisions = read_decisions(src) if src else _bytes(content)
        request = Request(**{**given, "by": given["by"] or ""}, decisions=decisions, source=src or "the decisions")
        result = apply(request, check_mode=module.check_mode)
        if not module._diff:
            del result["diff"]
        return result

    finish(module, call)


if __name__ == "__main__":
    main()
