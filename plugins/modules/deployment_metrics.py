#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_metrics
short_description: Write the metrics file of a library
version_added: 1.0.0
description:
  - Writes what is deployed, its metrics, and whether the backup that a rollback would restore verifies, for the
    textfile collector of node_exporter. M(mobius.dhash.run_finish) does the same at the end of each run.
  - The file is replaced as a whole, mode 0644, and left alone where nothing changed.
  - Needs nothing but the host's own Python.
options:
  dest:
    description: The file, ending in C(.prom). Its folder has to exist.
    type: path
    required: true
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
seealso:
  - module: mobius.dhash.run_finish
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Refresh the metrics file
  mobius.dhash.deployment_metrics:
    path: /srv/mobius/library.json
    dest: /var/lib/prometheus/node-exporter/mobius_dhash.prom
"""

RETURN = r"""
dest:
  description: Same as O(dest).
  returned: success
  type: str
  sample: /var/lib/prometheus/node-exporter/mobius_dhash.prom
text:
  description: What the file holds, or would hold.
  returned: success
  type: str
  sample: mobius_dhash_deployment_rolled_back{library="/srv/mobius/library.json"} 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.textfile import write_textfile


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            dest=dict(type="path", required=True),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: write_textfile(
            given["path"], given["dest"], backup_dir=given["backup_dir"], check_mode=module.check_mode
        ),
    )


if __name__ == "__main__":
    main()
