#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_prepare
short_description: Check the library, take its lock and back it up in one call
version_added: 1.0.0
description:
  - Does what M(mobius.dhash.library_preflight), M(mobius.dhash.library_lock) and M(mobius.dhash.library_backup) do, one
    after the other, and stops at the first that refuses. The role C(deploy) uses it to save round trips.
  - A library that is unchanged since the last deployment is not backed up again.
  - With the lock, the journal of the run begins on the host. RV(owed) returns what a killed run left undone.
options:
  steps:
    description: The steps to run, in this order.
    type: list
    elements: str
    choices: [preflight, lock, backup]
    default: [preflight, lock, backup]
  schema:
    description: As O(mobius.dhash.library_preflight#module:schema).
    type: path
  metrics_file:
    description: As O(mobius.dhash.library_preflight#module:metrics_file).
    type: path
  replaces:
    description: As O(mobius.dhash.library_preflight#module:replaces).
    type: list
    elements: path
    default: []
  health:
    description:
      - The health endpoint that has to be healthy before anything changes; none when omitted. It is not queried
        where an earlier run has left a restart undone.
    type: dict
    suboptions:
      url:
        description: Its address.
        type: str
        required: true
      timeout:
        description: Seconds for a response.
        type: float
        default: 5
      status_codes:
        description: As O(mobius.dhash.dhash_gate#module:health_status_codes).
        type: list
        elements: raw
        default: []
      words:
        description: As O(mobius.dhash.dhash_gate#module:health_words).
        type: list
        elements: raw
        default: []
      headers:
        description: Headers of the request.
        type: dict
        default: {}
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Its password.
        type: str
      ca_path:
        description: PEM file of the trusted certificate authorities.
        type: path
      client_cert:
        description: PEM file of the client certificate.
        type: path
      client_key:
        description: PEM file of its key.
        type: path
      validate_certs:
        description: Whether the certificate of the service must be valid.
        type: bool
        default: true
  dry_run:
    description:
      - Predict the migration at once, as M(mobius.dhash.dhash_dry_run) does; not when omitted. For RV(dry_run).
    type: dict
    suboptions:
      report:
        description: As O(mobius.dhash.dhash_dry_run#module:report).
        type: path
      sample:
        description: As O(mobius.dhash.dhash_dry_run#module:sample).
        type: int
        default: 200
  extras:
    description:
      - Whether the caller runs the tasks of the extras, see M(mobius.dhash.run_extras). If not, and a variable asks for
        one by now, the action plugin refuses to go on.
    type: bool
    default: true
  verify:
    description:
      - With O(dry_run), if the library is as deployed and nothing has changed since, migrate and verify it at once, as
        M(mobius.dhash.dhash_migrate) does, which changes nothing then; not when omitted. For RV(unchanged).
extends_documentation_fragment:
  - mobius.dhash.hashing.verify
  - mobius.dhash.attributes
  - mobius.dhash.run.lock
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.hashing
  - mobius.dhash.hashing.images
  - mobius.dhash.hashing.items
  - mobius.dhash.hashing.engine
seealso:
  - module: mobius.dhash.library_preflight
  - module: mobius.dhash.library_lock
  - module: mobius.dhash.library_backup
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Check, lock and back up
  mobius.dhash.run_prepare:
    path: /srv/mobius/library.json
    run:
      id: 20240924T160000Z-1a2b3c
      kind: deployment
"""

RETURN = r"""
preflight:
  description: The result of the preflight.
  returned: when it was requested and succeeded
  type: dict
  sample: {"sha256": "2c26b4…", "size": 12345, "as_deployed": false}
lock:
  description: The lock.
  returned: when it was requested and succeeded
  type: dict
  sample: {"holder": {"id": "20240924T160000Z-1a2b3c"}, "taken_over_from": null}
backup:
  description: The result of the backup; C(skipped) if the library is unchanged since the last deployment.
  returned: when it was requested and succeeded
  type: dict
  sample: {"backup": {"path": "/srv/mobius/backups/library.json.bak.20240924T160000Z", "sha256": "2c26b4…"}}
dry_run:
  description:
    - The result of M(mobius.dhash.dhash_dry_run), failed or not, and C(step_seconds).
    - With RV(unchanged), its C(migrated) is the result of M(mobius.dhash.dhash_migrate).
  returned: with O(dry_run), when the steps before succeeded
  type: dict
  sample: {"item_count": 60, "would_fail": false, "step_seconds": 0.4}
unchanged:
  description:
    - Whether the migration had nothing to change and the library is valid, so that dry run, migration and verification
      are done.
  returned: always
  type: bool
  sample: false
as_deployed:
  description: Whether the library is unchanged since the last deployment.
  returned: after the preflight
  type: bool
  sample: false
sha256:
  description: SHA-256 of the library.
  returned: after the preflight
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
real_path:
  description: The library, links followed.
  returned: after the preflight
  type: str
  sample: /srv/mobius/releases/7/library.json
real_folders:
  description: The folders C(backup_dir) and C(log_dir), links followed.
  returned: always
  type: dict
  sample: {"backup_dir": "/srv/mobius/backups", "log_dir": "/srv/mobius/logs"}
owed:
  description: What an earlier run left undone for this library, of C(verify), C(restart) and C(health).
  returned: always
  type: list
  elements: str
  sample: []
step:
  description: The step that refused.
  returned: when one refused
  type: str
  sample: lock
"""

import os
from functools import partial
from typing import Any, Dict, Iterator

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import Further, finish, parse_break
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prepare import (
    STEPS,
    has_nothing_to_change,
    migrate_nothing,
    prepare,
)
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import HASHING, VERIFY, options_of
from ansible_collections.mobius.dhash.plugins.module_utils.migration.dry_run import dry_run
from ansible_collections.mobius.dhash.plugins.module_utils.text import configured_secrets
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import verify_migrated

HEALTH = {
    "url": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 5.0},
    "status_codes": {"type": "list", "elements": "raw", "default": []},
    "words": {"type": "list", "elements": "raw", "default": []},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "validate_certs": {"type": "bool", "default": True},
}
CHECK = ("image_root", "items", "image_key", "log_dir", "schema", "metrics_file", "replaces")
DRY_RUN = {"report": {"type": "path"}, "sample": {"type": "int", "default": 200}}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            HASHING,
            backup_dir=dict(type="path"),
            steps=dict(type="list", elements="str", choices=list(STEPS), default=list(STEPS)),
            schema=dict(type="path"),
            metrics_file=dict(type="path"),
            replaces=dict(type="list", elements="path", default=[]),
            lock_ttl=dict(type="int", default=900),
            lock_break=dict(type="str", default="false"),
            lock_wait=dict(type="float", default=0),
            lock_pid=dict(type="int"),
            run=dict(type="dict"),
            health=dict(type="dict", options=HEALTH),
            dry_run=dict(type="dict", options=DRY_RUN),
            verify=dict(type="dict", options=VERIFY),
            # The plugin on the controller acts on it.
            extras=dict(type="bool", default=True),
        ),
        supports_check_mode=True,
    )
    given = {**module.params, **_defaults(module.params)}
    if given["health"]:
        # Of a URL only parts are secret; short ones would mask ordinary words.
        secrets = configured_secrets(given["health"]["url"])
        module.no_log_values.update(secret for secret in secrets if len(secret) >= 4)
        # A header such as "X-Api-Version: 2" would mask every number with a 2.
        module.no_log_values -= {value for value in map(str, given["health"]["headers"].values()) if len(value) < 4}
    finish(
        module,
        lambda: prepare(
            given["path"],
            run=given["run"],
            steps=given["steps"],
            check={name: given[name] for name in CHECK},
            lock={
                "ttl": given["lock_ttl"],
                "force": parse_break(given["lock_break"]),
                "pid": given["lock_pid"],
                "wait": given["lock_wait"],
            },
            backup_dir=given["backup_dir"],
            health=given["health"],
            check_mode=module.check_mode,
        ),
        partial(_further, given, module.check_mode),
    )


def _defaults(params: Dict[str, Any]) -> Dict[str, Any]:
    beside = os.path.dirname(params["path"])
    return {
        "image_root": params["image_root"] or beside,
        "backup_dir": params["backup_dir"] or os.path.join(beside, "backups"),
        "log_dir": params["log_dir"] or os.path.join(beside, "logs"),
        "run": params["run"] or {"id": "by hand", "kind": "deployment"},
    }


def _further(given: Dict[str, Any], check_mode: bool, prepared: Dict[str, Any]) -> Iterator[Further]:
    """The dry run; where it finds nothing to change, the migration and the verification as well."""
    if given["dry_run"] is None:
        return
    options, log_dir = options_of(given), given["log_dir"]
    yield Further(
        "dry-run", "dry_run", lambda: dry_run(options, log_dir=log_dir, check_mode=check_mode, **given["dry_run"])
    )
    if given["verify"] is None or check_mode or not has_nothing_to_change(prepared, given["rehash"]):
        return
    fixed = {**given, "expected_real_path": prepared["real_path"]}
    yield Further("migrate", "migrated", lambda: migrate_nothing(options, fixed))
    migrated = prepared["dry_run"]["migrated"]
    if not migrated.get("failed"):
        yield Further("verify", "verified", lambda: verify_migrated(fixed, migrated))


if __name__ == "__main__":
    main()
