#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_info
short_description: Collect facts of a host that a deployment needs
version_added: 1.0.0
description:
  - Checks the user, the system, the Python environment for hashing and the service in one call, and changes nothing.
  - If both parts are ready, the roles C(mobius.dhash.runtime) and C(mobius.dhash.service) have nothing to do.
options:
  parts:
    description: The parts to check, besides the user and the system.
    type: list
    elements: str
    choices: [runtime, service]
    default: [runtime, service]
extends_documentation_fragment:
  - mobius.dhash.runtime
  - mobius.dhash.service
  - mobius.dhash.attributes.info
attributes:
  action:
    description: An action plugin adds what only the controller has, the pinned packages and the service's code.
    support: full
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Inspect the host
  mobius.dhash.host_info:
    library_path: /srv/mobius/library.json
  register: host

- name: Make the Python environment where it is not ready
  ansible.builtin.include_role:
    name: mobius.dhash.runtime
  when: not host.runtime.ready

- name: Look at the environment alone
  mobius.dhash.host_info:
    parts: [runtime]
    lean: true
"""

RETURN = r"""
user:
  description: The user that the module ran as.
  returned: success
  type: dict
  sample: {"uid": 1000, "name": "deploy", "home": "/home/deploy"}
os_family:
  description: Family of the system as Ansible names it; empty when it is not a known one.
  returned: success
  type: str
  sample: Debian
service_manager:
  description: V(systemd), or V(other).
  returned: success
  type: str
  sample: systemd
python:
  description: The Python to hash with. It may not exist yet. Empty without the part V(runtime).
  returned: success
  type: str
  sample: /opt/mobius-dhash/venv/bin/python
ready_roles:
  description: Which of the roles C(mobius.dhash.runtime) and C(mobius.dhash.service) have nothing left to do.
  returned: success
  type: list
  elements: str
  sample: [mobius.dhash.runtime]
runtime:
  description: The Python environment for hashing.
  returned: with the part V(runtime)
  type: dict
  contains:
    path:
      description: The virtual environment; empty with O(source=system).
      type: str
    python:
      description: Its Python.
      type: str
    ready:
      description: Whether it has what hashing needs.
      type: bool
    reason:
      description: Why it is not ready; empty when it is.
      type: str
    missing:
      description: What the host lacks, C(ensurepip) or C(packages); empty if nothing, or if unknown.
      type: str
    remedy:
      description: The next step, where there is one.
      type: str
  sample:
    path: /opt/mobius-dhash/venv
    python: /opt/mobius-dhash/venv/bin/python
    ready: false
    reason: it does not exist yet
    missing: ""
    remedy: ""
service:
  description: The service.
  returned: with the part V(service)
  type: dict
  contains:
    manager:
      description: V(systemd) or V(process).
      type: str
    ready:
      description: Whether it is installed as required, running, started at boot (with systemd), and answering with the
        installed code.
      type: bool
    reason:
      description: Why it is not ready; empty when it is.
      type: str
    installed:
      description: Whether the files, the user and the unit are as required.
      type: bool
    running:
      description: Whether its process or unit is up.
      type: bool
    answering:
      description: Whether this service answers, and not another program.
      type: bool
    user_exists:
      description: Whether the host has the user of the unit; true where there is no unit.
      type: bool
    pid:
      description: Its process; null when it is not running.
      type: int
    unit:
      description: Name of the unit; empty where it is a process.
      type: str
    url:
      description: Its health endpoint as seen from the host.
      type: str
    instance:
      description: Its name in its own answers.
      type: str
    log:
      description: Command that shows its log.
      type: str
  sample:
    manager: systemd
    ready: true
    reason: ""
    installed: true
    running: true
    answering: true
    user_exists: true
    pid: 4711
    unit: mobius-dhash
    url: http://127.0.0.1:5001/health
    instance: 0a6c1a35f6c1b0b8
    log: journalctl -u mobius-dhash
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish, take_params
from ansible_collections.mobius.dhash.plugins.module_utils.runtime import arguments as runtime
from ansible_collections.mobius.dhash.plugins.module_utils.service import arguments as service
from ansible_collections.mobius.dhash.plugins.module_utils.service.host_info import collect

SPEC = {
    "parts": {
        "type": "list",
        "elements": "str",
        "choices": ["runtime", "service"],
        "default": ["runtime", "service"],
    },
    **runtime.SPEC,
    **service.SPEC,
    **runtime.PACKAGES,
    **service.CODE,
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = take_params(module)
    finish(
        module,
        lambda: collect(
            runtime.runtime_of(params) if "runtime" in params["parts"] else None,
            service.options_of(params) if "service" in params["parts"] else None,
            params["_code"] or {},
            module.run_command,
        ),
    )


if __name__ == "__main__":
    main()
