# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface between AnsibleModule and the plain Python below it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple, Union

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.parsing.convert_bool import boolean

# Imported for its effect on what is imported after it.
from . import compile_once  # noqa: F401  pylint: disable=unused-import
from .errors import MobiusError, failure
from .process.identity import start_of
from .storage.journal import Step
from .text import printable, redact
from .utf8_mode import run_in_utf8_mode

Result = Dict[str, Any]
Call = Callable[[], Result]
# The options whose real path is in a result.
_RETURNED = ("path", "backup_dir", "log_dir")


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
    """Parse the option ``lock_break``: whether to break any holder's lock, or the id of the only one to break."""
    try:
        return bool(boolean(text or False))
    except TypeError:
        return text.strip()


def refuse_unprintable(params: Mapping[str, Any]) -> None:
    """Stop where a link leads to a path that no result can carry: JSON is UTF-8, and ansible-core 2.19 checks it.

    The work would be done, and the task would fail all the same.

    :raises MobiusError: the path behind the links of one of the options is not UTF-8.
    """
    for option in _RETURNED:
        given = params.get(option)
        real = os.path.realpath(given) if isinstance(given, str) and given and "\0" not in given else ""
        try:
            real.encode("utf-8")
        except UnicodeEncodeError:
            raise MobiusError(
                f"The real path of the option {option} is not UTF-8: {printable(real, None)}",
                printable(str(given)),
                "rename that folder or file, and point the link at the new name; nothing was changed",
            ) from None


@dataclass(frozen=True)
class Further:
    """A further step in the process of a module: its name in the journal of the run, and the member of the result."""

    step: str
    member: str
    call: Call


def finish(module: AnsibleModule, call: Call, then: Optional[Callable[[Result], Iterator[Further]]] = None) -> None:
    """Run ``call`` and exit with its result, or with a redacted error that has state, place and next step.

    :param then: given a result that did not fail, the steps that follow at once; each result is nested in the previous
        step's. Whether one fails is in its own result: the controller takes it as the result of the step.
    """
    step = Step.from_environment(check_mode=module.check_mode)
    path = str(module.params.get("path") or "")

    def checked() -> Result:
        refuse_unprintable(module.params)
        return call()

    result, is_error = _noted(step, checked, path)
    if is_error:
        module.fail_json(**result)
    before = result
    for further in then(result) if then is not None and not result.get("failed") else ():
        began = time.monotonic()
        before[further.member] = _noted(step.following(further.step), further.call, path)[0]
        before = before[further.member]
        before["step_seconds"] = round(time.monotonic() - began, 3)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


def _noted(step: Step, call: Call, path: str) -> Tuple[Result, bool]:
    """The result of a step, which is noted in the journal of the run, and whether it is an error that was raised."""
    try:
        run_in_utf8_mode()
        step.begin(start_of(os.getpid()))
        result = call()
    except (MobiusError, OSError) as error:
        failed: Result = redact(failure(error, path))
        step.end("failed", str(failed["msg"]))
        return failed, True
    outcome = "failed" if result.get("failed") else "changed" if result.get("changed") else "ok"
    step.end(outcome, redact(str(result.get("msg") or "")), **result.pop("journal", {}))
    if "warnings" in result:
        result["warnings"] = [redact(warning) for warning in result["warnings"]]
    return result, False
