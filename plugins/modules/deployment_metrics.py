#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_metrics
short_description: Write the figures of the last deployment for node_exporter
version_added: 1.0.0
description:
  - Writes a C(.prom) file for the textfile collector of node_exporter, replaced whole, mode 0644, in base units.
  - What was not measured is left out.
options:
  dest:
    description:
      - The file, ending in C(.prom), in the folder of the collector. The folder has to exist.
      - It may not be the library, a backup of it or a part of its state.
    type: path
    required: true
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Let Prometheus know
  mobius.dhash.deployment_metrics:
    path: /srv/mobius/library.json
    dest: /var/lib/prometheus/node-exporter/mobius_dhash.prom
"""

RETURN = r"""
dest:
  description: The file.
  returned: always
  type: str
  sample: /var/lib/prometheus/node-exporter/mobius_dhash.prom
text:
  description: What is in it.
  returned: always
  type: str
  sample: "# HELP mobius_dhash_deployment_items Items in the library.\\n"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.textfile import write_textfile


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(path=dict(type="path", required=True), dest=dict(type="path", required=True)),
        supports_check_mode=True,
    )
    given = module.params
    finish(module, lambda: write_textfile(given["path"], given["dest"], check_mode=module.check_mode))


if __name__ == "__main__":
    main()
