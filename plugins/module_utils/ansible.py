# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface between AnsibleModule and the plain Python below it."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Union

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.parsing.convert_bool import boolean

from .errors import MobiusError, failure
from .process.identity import start_of
from .storage.journal import Step
from .text import redact
from .utf8_mode import run_in_utf8_mode


def take_params(module: AnsibleModule) -> Dict[str, Any]:
    """Return the parameters, and keep the action plugin's own (``_NAME``) out of what the module returns and logs.

    They are long but not secret; with ``no_log``, Ansible would mask every equal word in the result.
    """
    module.no_log_values.clear()
    params = dict(module.params)
    for name in [name for name in params if name.startswith("_")]:
        del module.params[name]
    return params


def parse_break(text: str) -> Union[bool, str]:
    """What the option ``lock_break`` asks for: whether to take any holder's lock, or the id of the only one."""
    try:
        return bool(boolean(text or False))
    except TypeError:
        return text.strip()


def finish(module: AnsibleModule, call: Callable[[], Dict[str, Any]]) -> None:
    """Run ``call`` and exit with its result, or with a redacted error that has state, place and next step."""
    step = Step.from_environment(check_mode=module.check_mode)
    try:
        run_in_utf8_mode()
        step.begin(start_of(os.getpid()))
        result = call()
    except (MobiusError, OSError) as error:
        failed = redact(failure(error, str(module.params.get("path") or "")))
        step.end("failed", str(failed["msg"]))
        module.fail_json(**failed)
    outcome = "failed" if result.get("failed") else "changed" if result.get("changed") else "ok"
    step.end(outcome, redact(str(result.get("msg") or "")), **result.pop("journal", {}))
    for warning in result.pop("warnings", []):
        module.warn(redact(warning))
    module.exit_json(**result)
