# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The seam between AnsibleModule and the plain Python below it."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible.module_utils.basic import AnsibleModule

from .errors import MobiusError
from .text import redact
from .utf8_mode import run_in_utf8_mode


def take_params(module: AnsibleModule) -> Dict[str, Any]:
    """The parameters, with those of the action plugin (``_NAME``) taken out of what the module returns and logs.

    They are long, not secret: Ansible would mask every equal word in the result.
    """
    module.no_log_values.clear()
    params = dict(module.params)
    for name in [name for name in params if name.startswith("_")]:
        del module.params[name]
    return params


def finish(module: AnsibleModule, call: Callable[[], Dict[str, Any]]) -> None:
    """Run ``call`` and exit with its result, or with an error: what failed, where, what next; without secrets."""
    try:
        run_in_utf8_mode()
        result = call()
    except MobiusError as error:
        shown = {name: redact(value) for name, value in (("where", error.where), ("remedy", error.remedy))}
        module.fail_json(msg=redact(str(error)), **shown, **error.details)
    except OSError as error:
        module.fail_json(
            msg=redact(f"{error.strerror or error}: {error.filename or module.params.get('path')}"),
            where=error.filename,
            remedy="check the owner, mode and free space of that path",
        )
    for warning in result.pop("warnings", []):
        module.warn(redact(warning))
    module.exit_json(**result)
