#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: runtime_environment
short_description: Build the Python environment for hashing
version_added: 1.0.0
description:
  - Builds a virtual environment with exactly the packages that the role C(mobius.dhash.runtime) has locked, each pinned
    by its hash, and keeps it while the pins and the Python are unchanged and its modules load.
  - A new one is built beside the old one and takes its place in one step, when it works. O(venv) is a link to it.
  - C(pip) honors the C(PIP_*) variables and the settings of the host (indexes, proxies, certificates).
  - With O(source=system) nothing is built, and the modules must load from the host's own packages.
options:
  find_links:
    description: Folder of wheels on the host to install from instead of an index.
    type: path
  environment:
    description:
      - Variables for pip, such as C(PIP_INDEX_URL) or C(HTTPS_PROXY). Their values are never shown.
      - The keyword C(environment) of a task would put them on the command line of the host.
    type: dict
    default: {}
extends_documentation_fragment:
  - mobius.dhash.runtime
  - mobius.dhash.attributes
attributes:
  action:
    description: An action plugin adds what only the controller has, the pinned packages.
    support: full
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Make the environment of the role runtime
  mobius.dhash.runtime_environment:
    venv: /opt/mobius-dhash/venv
    lean: true

- name: Check the host's own packages
  mobius.dhash.runtime_environment:
    source: system
"""

RETURN = r"""
python:
  description: The Python to hash with. In check mode it may not exist yet.
  returned: success
  type: str
  sample: /opt/mobius-dhash/venv/bin/python
path:
  description: Path of the environment; empty with O(source=system).
  returned: success
  type: str
  sample: /opt/mobius-dhash/venv
versions:
  description: Version by distribution.
  returned: success
  type: dict
  sample: {"pillow": "12.3.0"}
reason:
  description: Why the environment was built; empty if it was as required.
  returned: success
  type: str
  sample: there is none yet
missing:
  description: In check mode, C(ensurepip) if the Python cannot create environments yet; empty otherwise.
  returned: success
  type: str
  sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish, take_params
from ansible_collections.mobius.dhash.plugins.module_utils.runtime import host
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.arguments import PACKAGES, SPEC, runtime_of
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.environment import Wanted, ensure
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.look import check_packages

OWN = {
    "find_links": {"type": "path"},
    "environment": {"type": "dict", "default": {}, "no_log": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **OWN, **PACKAGES}, supports_check_mode=True)
    params = take_params(module)
    # Their values are secret, but a word such as "1" must not be masked in the result.
    variables = {str(name): str(value) for name, value in module.params.pop("environment").items()}
    runtime = runtime_of(params)

    def make():
        if runtime.source == "system":
            return check_packages(runtime)
        wanted = Wanted(
            path=runtime.path(host.look()),
            requirements=runtime.requirements,
            imports=runtime.imports,
            # An empty variable stands for one that is not set.
            python=runtime.python or None,
            find_links=params["find_links"] or None,
            variables=variables,
        )
        return ensure(wanted, module.check_mode)

    finish(module, make)


if __name__ == "__main__":
    main()
