#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_process
short_description: Run a program in the background on a host with no service manager
version_added: 1.0.0
description:
  - Starts, stops and restarts a program that stays in the foreground by itself, in a session of its own, so that it
    outlives the task and the connection.
  - The pid file holds the pid with the time that the process was started, so that a pid that was given to another
    process since is never taken for the program and never killed.
  - Hosts with systemd are better served by a unit.
options:
  state:
    description:
      - V(started) starts what is not running, and restarts what runs with another command, environment or O(watch).
      - V(stopped) asks it to end, and kills its process group when it does not within O(stop_timeout).
      - V(restarted) always restarts.
    type: str
    choices: [started, stopped, restarted]
    default: started
  argv:
    description: Program and arguments, word by word; the program as an absolute path.
    type: list
    elements: str
    required: true
  pid_file:
    description: File that says which process it is. Its folder is made with mode 0750 when absent.
    type: path
    required: true
  log_file:
    description: File that standard output and error go to, with mode 0640.
    type: path
    required: true
  log_limit:
    description: Bytes over which the log is put aside as C(.1) before a start.
    type: int
    default: 1048576
  environment:
    description:
      - Variables for the program.
      - Of the environment of the task it gets C(PATH), C(HOME), C(LANG), C(LC_ALL) and C(TZ) alone.
    type: dict
    default: {}
  chdir:
    description: Folder to run in; C(/) without it.
    type: path
  watch:
    description: Files whose content belongs to the program, such as its settings. When one changed since the start,
      V(started) restarts.
    type: list
    elements: path
    default: []
  host:
    description: Address that the program listens on.
    type: str
    default: 127.0.0.1
  port:
    description:
      - Port that the program listens on. With it a start waits until something listens there, and refuses a port that
        another program has. Without it a start waits half a second for the program to fail.
    type: int
  start_timeout:
    description: Seconds that the program may take until it listens.
    type: float
    default: 20.0
  stop_timeout:
    description: Seconds that the program may take to end by itself.
    type: float
    default: 15.0
extends_documentation_fragment:
  - mobius.dhash.attributes
author:
  - Mobius contributors (@mobius)
"""

EXAMPLES = r"""
- name: Start
  mobius.dhash.service_process:
    argv: [/usr/bin/python3, -m, http.server, --bind, 127.0.0.1, "5999"]
    pid_file: /tmp/example/run/server.pid
    log_file: /tmp/example/server.log
    port: 5999

- name: Stop
  mobius.dhash.service_process:
    argv: [/usr/bin/python3, -m, http.server, --bind, 127.0.0.1, "5999"]
    pid_file: /tmp/example/run/server.pid
    log_file: /tmp/example/server.log
    state: stopped
"""

RETURN = r"""
state:
  description: V(started) or V(stopped).
  returned: success
  type: str
  sample: started
pid:
  description: Pid of the process; null when it is stopped, or in check mode when it would be another one.
  returned: success
  type: int
  sample: 4711
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.process.supervise import Program, ensure

SPEC = {
    "state": {"type": "str", "choices": ["started", "stopped", "restarted"], "default": "started"},
    "argv": {"type": "list", "elements": "str", "required": True},
    "pid_file": {"type": "path", "required": True},
    "log_file": {"type": "path", "required": True},
    "log_limit": {"type": "int", "default": 1048576},
    "environment": {"type": "dict", "default": {}},
    "chdir": {"type": "path"},
    "watch": {"type": "list", "elements": "path", "default": []},
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int"},
    "start_timeout": {"type": "float", "default": 20.0},
    "stop_timeout": {"type": "float", "default": 15.0},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    options = {name: value for name, value in module.params.items() if name != "state"}
    options["environment"] = {str(name): str(value) for name, value in options["environment"].items()}
    finish(module, lambda: ensure(Program(**options), module.params["state"], module.check_mode))


if __name__ == "__main__":
    main()
