#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_history
short_description: Read and verify the history of the runs on a library
version_added: 1.0.0
description:
  - Each run appends one entry to C(history.jsonl) in the state folder beside the library. Each entry carries the
    SHA-256 of the one before.
  - Returns the entries, and what was changed, removed or reordered since they were written. It does not fail because of
    that; no other module depends on the history.
  - Needs nothing on the host but its own Python, and writes nothing.
options:
  last:
    description: How many entries are returned, the newest ones; V(0) for all.
    type: int
    default: 0
extends_documentation_fragment:
  - mobius.dhash.attributes.info
  - mobius.dhash.library
seealso:
  - module: mobius.dhash.deployment_status
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Read the history
  mobius.dhash.deployment_history:
    path: /srv/mobius/library.json
    last: 20
  register: history

- name: Fail where it was tampered with
  ansible.builtin.assert:
    that: history.valid
"""

RETURN = r"""
entries:
  description:
    - The runs, oldest first, each with C(number), C(id), C(kind), C(status), C(started_at), C(ended_at), C(host),
      C(controller) (C(user), C(host) and C(job)), C(message), C(library), C(sha256) of the library at the end,
      C(backup), C(counts), C(versions), C(settings), C(report), C(previous) and its own C(sha256). What is not known is
      left out.
  returned: success
  type: list
  elements: dict
  sample: [{"number": 1, "id": "20240924T160000Z-1a2b3c", "kind": "deployment", "status": "deployed"}]
entry_count:
  description: How many entries there are.
  returned: success
  type: int
  sample: 1
problems:
  description: What was changed, removed or reordered.
  returned: success
  type: list
  elements: str
  sample: [entry 3 was changed]
notes:
  description: What is incomplete without having been tampered with, such as a line that a crash cut off.
  returned: success
  type: list
  elements: str
  sample: []
valid:
  description: Whether there are no problems.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.history import history_of


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(path=dict(type="path", required=True), last=dict(type="int", default=0)),
        supports_check_mode=True,
    )
    finish(module, lambda: history_of(module.params["path"], module.params["last"]))


if __name__ == "__main__":
    main()
