#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_tree
short_description: Keep a folder at exactly the files given
version_added: 1.0.0
description:
  - Brings a folder to exactly the files given, in one step for any number of them, files with mode 0640 and folders
    with 0750. Files that are not given are removed.
  - Only a folder that is new, empty or made by this module is touched.
  - Made for the code and the settings of the service, which come with the collection.
options:
  dest:
    description: The folder.
    type: path
    required: true
  files:
    description: Text of each file by its path relative to O(dest); a value that is no text is written as JSON.
    type: dict
    required: true
  stamps:
    description: Other files on the host whose content counts as part of the folder.
    type: list
    elements: path
    default: []
  group:
    description: Group of the files and folders; left as it is without it.
    type: str
extends_documentation_fragment:
  - mobius.dhash.attributes
author:
  - Mobius contributors (@mobius)
"""

EXAMPLES = r"""
- name: Settings and a script
  mobius.dhash.service_tree:
    dest: /tmp/example/app
    files:
      settings.json:
        port: 5001
      bin/run.sh: |
        #!/bin/sh
        echo run
"""

RETURN = r"""
added:
  description: Files that were not there, relative to O(dest).
  returned: success
  type: list
  elements: str
  sample: [settings.json]
modified:
  description: Files that had another content.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: Files that were there and are not given.
  returned: success
  type: list
  elements: str
  sample: []
fingerprint:
  description: Changes with the files and the stamps.
  returned: success
  type: str
  sample: 0a6c1a35f6c1b0b8f2a0d2ec0d2d3a1c7f60e23cbe4dd8f2c1d9a0c5a8e1f3b7
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.tree import ensure

SPEC = {
    "dest": {"type": "path", "required": True},
    # Long, not secret: whole source files have no place in the log of the host.
    "files": {"type": "dict", "required": True, "no_log": True},
    "stamps": {"type": "list", "elements": "path", "default": []},
    "group": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    # Kept out of the log above; in the result its values would mask every equal word.
    module.no_log_values.clear()
    files = module.params.pop("files")
    params = module.params
    finish(
        module, lambda: ensure(params["dest"], files, params["stamps"], params["group"], check_mode=module.check_mode)
    )


if __name__ == "__main__":
    main()
