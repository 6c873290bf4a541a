#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_lock
short_description: Lock a library, so that deployments do not overlap
version_added: 1.0.0
description:
  - Takes, renews or releases the lock of a library. While it is held, modules that are not called with its holder as
    O(mobius.dhash.library_backup#module:deployment) refuse to write.
  - The lock expires when its holder does not renew it for O(ttl) seconds; every writing module of the holder renews it.
    A lock tied to a process by O(pid) is released as soon as that process has ended, also after a reboot or when its
    pid is reused.
  - A module of the holder that is still running when its lock is released, broken or taken over, for example after a
    task timeout, no longer replaces anything.
options:
  holder:
    description:
      - Id of the holder, usually that of a deployment.
    type: str
    required: true
  state:
    description:
      - V(present) takes or renews the lock, and fails while someone else holds it.
      - V(absent) releases it; another holder's lock is left alone unless O(force) is set.
    type: str
    choices: [present, absent]
    default: present
  purpose:
    description:
      - What the lock is for; shown to others.
    type: str
    default: deployment
  ttl:
    description:
      - Seconds without a renewal after which the lock expires.
    type: int
    default: 900
  pid:
    description:
      - Process on this host; the lock is released as soon as it ends.
    type: int
  force:
    description:
      - Take or remove the lock of any holder. The run that held it fails when it continues.
    type: bool
    default: false
  wait:
    description:
      - Seconds to wait for another holder to release the lock, and for a module that is still writing to end. A warning
        names the holder that was waited for.
    type: float
    default: 0
  holder_info:
    description:
      - Details of the holder, such as the id and URL of its AWX or CI job, the user who started it and the commit. Kept
        with the lock and shown to others; a URL loses its user info and query.
    type: dict
    default: {}
  expected_real_path:
    description:
      - The required path of O(path), links followed, as this module and M(mobius.dhash.library_preflight) return it in
        C(real_path).
      - If a link on the path has changed since, V(present) fails, and V(absent) releases the lock of the library that
        was held.
    type: path
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Hold the library for a deployment
  mobius.dhash.library_lock:
    path: /srv/mobius/library.json
    holder: 20240924T160000Z-1a2b3c

- name: Wait for up to two minutes for a run that is ending, and say who holds it now
  mobius.dhash.library_lock:
    path: /srv/mobius/library.json
    holder: 20240924T160000Z-1a2b3c
    wait: 120
    holder_info:
      awx_job: "{{ awx_job_id }}"

- name: Give it back
  mobius.dhash.library_lock:
    path: /srv/mobius/library.json
    holder: 20240924T160000Z-1a2b3c
    state: absent
"""

RETURN = r"""
holder:
  description: Who holds the lock afterwards; none if it is free.
  returned: always
  type: dict
  contains:
    id:
      description: The holder.
      type: str
    host:
      description: The host that the lock was taken on.
      type: str
    user:
      description: The user that took it.
      type: str
    purpose:
      description: What it is for.
      type: str
    pid:
      description: The process it is tied to, or none.
      type: int
    ttl:
      description: Seconds without a renewal after which it expires.
      type: int
    taken_at:
      description: When it was taken, UTC.
      type: str
    expires_at:
      description: When it expires unless renewed, UTC.
      type: str
    info:
      description: O(holder_info) from when it was taken.
      type: dict
  sample:
    id: 20240924T160000Z-1a2b3c
    host: app1
    user: deploy
    purpose: deployment
    pid: null
    ttl: 900
    taken_at: "2024-09-24T16:00:00Z"
    expires_at: "2024-09-24T16:15:00Z"
    info:
      awx_job: "42"
      url: https://awx.example.org/#/jobs/playbook/42
taken_over_from:
  description: The former holder whose lock had ended or was broken, in the form of RV(holder); else none.
  returned: always
  type: dict
  sample: null
waited:
  description: Seconds that were spent waiting for another holder.
  returned: always
  type: float
  sample: 0.0
waited_for:
  description: The holder that was waited for, in the form of RV(holder); else none.
  returned: always
  type: dict
  sample: null
real_path:
  description: The library, links followed.
  returned: always
  type: str
  sample: /srv/mobius/releases/7/library.json
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import hold


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            holder=dict(type="str", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            purpose=dict(type="str", default="deployment"),
            ttl=dict(type="int", default=900),
            pid=dict(type="int"),
            force=dict(type="bool", default=False),
            wait=dict(type="float", default=0),
            holder_info=dict(type="dict", default={}),
            expected_real_path=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: hold(
            given["path"],
            given["holder"],
            present=given["state"] == "present",
            purpose=given["purpose"],
            ttl=given["ttl"],
            pid=given["pid"],
            force=given["force"],
            wait=given["wait"],
            info=given["holder_info"],
            expected_real_path=given["expected_real_path"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
