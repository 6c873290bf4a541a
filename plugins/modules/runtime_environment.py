#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: runtime_environment
short_description: Make the Python environment that hashing runs in
version_added: 1.0.0
description:
  - Makes a virtual environment with exactly the requirements given, each pinned by its hash, and leaves it alone for as
    long as the requirements and the Python are the same and its modules load.
  - A new one is built beside the old one and takes its place in one step, when it works. O(path) is a link to it.
  - C(pip) honours the C(PIP_*) variables and the settings of the host (indexes, proxies, certificates).
  - With O(source=system) nothing is made, and the modules have to load from the host's own packages.
options:
  source:
    description: Where the packages come from.
    type: str
    choices: [venv, system]
    default: venv
  path:
    description: Where the virtual environment is found. Required with O(source=venv).
    type: path
  requirements:
    description: Text of a requirements file with hashes. Required with O(source=venv).
    type: str
  imports:
    description: Modules that have to load.
    type: list
    elements: str
    default: []
  python:
    description:
      - Python to make the environment from, or, with O(source=system), the one that has the packages.
      - Without it, the one that runs this module; when that is in a virtual environment itself, the one below it.
    type: path
  find_links:
    description: Folder of wheels on the host to install from, in place of any index.
    type: path
  environment:
    description:
      - Variables for pip, such as C(PIP_INDEX_URL) or C(HTTPS_PROXY). Their values are never shown.
      - The keyword C(environment) of a task would put them on the command line of the host.
    type: dict
    default: {}
extends_documentation_fragment:
  - mobius.dhash.attributes
author:
  - Mobius contributors (@mobius)
"""

EXAMPLES = r"""
- name: The environment of the role runtime
  mobius.dhash.runtime_environment:
    path: /opt/mobius-dhash/venv
    requirements: "{{ lookup('ansible.builtin.file', 'lean.txt') }}"
    imports: [PIL.Image]

- name: Check the host's own packages
  mobius.dhash.runtime_environment:
    source: system
    imports: [json]
"""

RETURN = r"""
python:
  description: The Python to hash with. In check mode it may still be to come.
  returned: success
  type: str
  sample: /opt/mobius-dhash/venv/bin/python
path:
  description: Where the environment is found; empty with O(source=system).
  returned: success
  type: str
  sample: /opt/mobius-dhash/venv
versions:
  description: Version by distribution.
  returned: success
  type: dict
  sample: {"pillow": "12.3.0"}
reason:
  description: Why the environment was made; empty when it was right.
  returned: success
  type: str
  sample: there is none yet
missing:
  description: In check mode, C(ensurepip) when the Python cannot make environments yet; empty otherwise.
  returned: success
  type: str
  sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.environment import Wanted, ensure, of_the_system

SPEC = {
    "source": {"type": "str", "choices": ["venv", "system"], "default": "venv"},
    "path": {"type": "path"},
    # Long, not secret: hundreds of hashes have no place in the log of the host.
    "requirements": {"type": "str", "no_log": True},
    "imports": {"type": "list", "elements": "str", "default": []},
    "python": {"type": "path"},
    "find_links": {"type": "path"},
    "environment": {"type": "dict", "default": {}, "no_log": True},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC, required_if=[("source", "venv", ["path", "requirements"])], supports_check_mode=True
    )
    module.no_log_values.clear()
    params = module.params
    text = params.pop("requirements")
    variables = {str(name): str(value) for name, value in params.pop("environment").items()}
    # An empty variable stands for one that is not set.
    python = params["python"] or None

    def make():
        if params["source"] == "system":
            return of_the_system(python, params["imports"])
        wanted = Wanted(params["path"], text, params["imports"], python, params["find_links"] or None, variables)
        return ensure(wanted, module.check_mode)

    finish(module, make)


if __name__ == "__main__":
    main()
