#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_evidence
short_description: Keep what a failed deployment leaves for people
version_added: 1.0.0
description:
  - Copies the library as it stands, the end of each log, the health samples and the timeline into one folder,
    before a rollback replaces them.
  - Folders get mode 0750 and files 0640. Secrets in URLs and in C(password=)-like words are masked.
options:
  path:
    description: The library, usually the rejected one.
    type: path
    required: true
  log_dir:
    description: Folder of the logs; the evidence becomes a folder in it.
    type: path
    required: true
  deployment:
    description: Id of the deployment; the folder is C(evidence-ID).
    type: str
    required: true
  failure:
    description: The failed step, task and message.
    type: dict
    default: {}
  timeline:
    description: Events in order, each with C(at) (UTC) and C(event).
    type: list
    elements: dict
    default: []
  samples:
    description: Samples of health and metrics that the judgement was made from.
    type: list
    elements: dict
    default: []
  logs:
    description: Files of which the last MiB is kept; one that does not exist is left out.
    type: list
    elements: path
    default: []
  units:
    description: systemd units of which the last 2000 lines of the journal are kept, where there is a journal.
    type: list
    elements: str
    default: []
  max_library_bytes:
    description: A library larger than this is named, not copied.
    type: int
    default: 1073741824
extends_documentation_fragment:
  - mobius.dhash.attributes
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Keep the evidence
  mobius.dhash.deployment_evidence:
    path: /srv/mobius/library.json
    log_dir: /srv/mobius/logs
    deployment: 20240924T160000Z-1a2b3c
    failure:
      step: health
      message: /health answered 503 three times
    logs:
      - /srv/mobius/logs/service.log
    units: [mobius-dhash]
"""

RETURN = r"""
folder:
  description: The folder of the evidence.
  returned: always
  type: str
  sample: /srv/mobius/logs/evidence-20240924T160000Z-1a2b3c
files:
  description: Names of the files in it.
  returned: always
  type: list
  elements: str
  sample: [failure.json, rejected-library.json, timeline.txt]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.evidence import keep_evidence


def journals(module: AnsibleModule) -> dict[str, str]:
    """What the journal says of each unit, by file name; one that cannot be read says why."""
    texts: dict[str, str] = {}
    program = module.get_bin_path("journalctl")
    for unit in module.params["units"] if program else []:
        command = [program, "--unit", unit, "--lines", "2000", "--no-pager", "--utc", "--output", "short-iso"]
        _code, out, err = module.run_command(command, errors="backslashreplace")
        name = "".join(letter if letter.isalnum() or letter in "._-@" else "_" for letter in unit)
        texts[f"journal-{name}.txt"] = out + err
    return texts


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            log_dir=dict(type="path", required=True),
            deployment=dict(type="str", required=True),
            failure=dict(type="dict", default={}),
            timeline=dict(type="list", elements="dict", default=[]),
            samples=dict(type="list", elements="dict", default=[]),
            logs=dict(type="list", elements="path", default=[]),
            units=dict(type="list", elements="str", default=[]),
            max_library_bytes=dict(type="int", default=1073741824),
        ),
        supports_check_mode=True,
    )
    given = {name: value for name, value in module.params.items() if name != "units"}
    finish(module, lambda: keep_evidence(**given, texts=journals(module), check_mode=module.check_mode))


if __name__ == "__main__":
    main()
