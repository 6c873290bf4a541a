#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_control
short_description: Start, stop or restart the service of a host
version_added: 1.0.0
description:
  - Brings the service of the collection, a systemd unit or a background process, into the requested state, and waits
    until it answers at C(/health).
  - Restarts a host's own service by O(command).
options:
  state:
    description:
      - V(started) installs code, settings and unit if they are missing or differ, starts the service if it is not
        running, and restarts it if it runs other code or does not answer. The user of the unit must exist.
      - V(stopped) terminates the service, and kills it if it does not end.
      - V(restarted) always restarts what is installed.
    type: str
    choices: [started, stopped, restarted]
    default: started
  enabled:
    description: Whether the service of the collection is the one of this host.
    type: bool
    default: true
  command:
    description:
      - Command that restarts the host's own service, as a list of words or a string, run with O(state=restarted) and
        without a shell.
      - With O(enabled=true) it is run after the restart of the service of the collection.
    type: raw
  timeout:
    description: Seconds to wait for the service's answer.
    type: float
    default: 20.0
extends_documentation_fragment:
  - mobius.dhash.service
  - mobius.dhash.attributes
attributes:
  action:
    description: An action plugin adds what only the controller has, the code of the service.
    support: full
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Install and start
  mobius.dhash.service_control:
    library_path: /srv/mobius/library.json
    python: /opt/mobius-dhash/venv/bin/python

- name: Restart a service of the host's own
  mobius.dhash.service_control:
    state: restarted
    enabled: false
    command: [sudo, -n, /usr/bin/systemctl, restart, games.service]

- name: Stop
  mobius.dhash.service_control:
    library_path: /srv/mobius/library.json
    state: stopped
"""

RETURN = r"""
state:
  description: V(started) or V(stopped).
  returned: with O(enabled)
  type: str
  sample: started
manager:
  description: V(systemd) or V(process).
  returned: with O(enabled)
  type: str
  sample: systemd
pid:
  description: Process of the service; null if it is stopped, or in check mode if it would change.
  returned: with O(enabled)
  type: int
  sample: 4711
unit:
  description: Name of the unit; empty where it is a process.
  returned: with O(enabled)
  type: str
  sample: mobius-dhash
url:
  description: Its health endpoint as seen from the host.
  returned: with O(enabled)
  type: str
  sample: http://127.0.0.1:5001/health
instance:
  description: Its name in its own answers.
  returned: with O(enabled)
  type: str
  sample: 0a6c1a35f6c1b0b8
log:
  description: Command that shows its log.
  returned: with O(enabled)
  type: str
  sample: journalctl -u mobius-dhash
command:
  description: Words of O(command).
  returned: when a command was run, or would be
  type: list
  elements: str
  sample: [sudo, -n, /usr/bin/systemctl, restart, games.service]
rc:
  description: Exit code of the command.
  returned: when a command was run
  type: int
  sample: 0
stdout:
  description: The end of its standard output.
  returned: when a command was run
  type: str
  sample: ""
stderr:
  description: The end of its standard error.
  returned: when a command was run
  type: str
  sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish, take_params
from ansible_collections.mobius.dhash.plugins.module_utils.runtime import host
from ansible_collections.mobius.dhash.plugins.module_utils.service import control
from ansible_collections.mobius.dhash.plugins.module_utils.service.arguments import CODE, SPEC, options_of
from ansible_collections.mobius.dhash.plugins.module_utils.service.manager import manager_of
from ansible_collections.mobius.dhash.plugins.module_utils.service.plan import resolve

OWN = {
    "state": {"type": "str", "choices": ["started", "stopped", "restarted"], "default": "started"},
    "enabled": {"type": "bool", "default": True},
    "command": {"type": "raw"},
    "timeout": {"type": "float", "default": 20.0},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**OWN, **SPEC, **CODE}, supports_check_mode=True)
    params = take_params(module)

    def run(words):
        return module.run_command(words, handle_exceptions=False)

    def call():
        result = {"changed": False}
        if params["enabled"]:
            service = resolve(options_of(params), host.look())
            request = control.Request(params["state"], params["_code"], params["timeout"])
            result = control.control(service, request, manager_of(service, run), module.check_mode)
        if params["command"] and params["state"] == "restarted":
            result.update(control.run_command(params["command"], run, module.check_mode))
            if result.get("rc"):
                module.fail_json(msg=control.failure_of(result), **result)
        return result

    finish(module, call)


if __name__ == "__main__":
    main()
