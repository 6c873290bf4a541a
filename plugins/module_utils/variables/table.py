# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every public variable of the collection, and its accepted values."""

from __future__ import annotations

import re
from typing import Any, Dict, FrozenSet

from ..errors import MobiusError
from ..gate.health import HealthRules
from ..gate.samples import METRICS
from ..library.selectors import parse_selectors
from ..maintenance.window import parse_window
from .answered import to_list, to_mapping
from .kinds import Choice, Kind, Number, Path, Text, Url, mapping, one_line, truth, whole, words

_STEPS = (
    *("all", "start", "reach", "prepare", "preflight", "lock", "backup"),
    *("dry-run", "confirm", "migrate", "verify", "restart", "health"),
)
_RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-z]+")
_CODES = "a list of HTTP statuses, such as 200, 204, 200-299 or 2xx"
_SECONDS = Number(0, 10_000_000)
_KEPT = whole(0, 100_000)


def _selectors(value: Any) -> str:
    expected = words(value)
    if expected:
        return expected
    try:
        parse_selectors(to_list(value) or None)
    except MobiusError as error:
        return f"a list of selectors; {error.where} is invalid: {error.remedy}"
    return ""


def _status_codes(value: Any) -> str:
    codes = to_list(value)
    codes = codes if isinstance(codes, list) else [codes]
    if any(isinstance(code, (bool, dict, list)) for code in codes):
        return _CODES
    try:
        HealthRules.of(codes, None)
    except MobiusError:
        return _CODES
    return ""


def _window(value: Any) -> str:
    if value in ("", {}):
        return ""
    value = to_mapping(value)
    if not isinstance(value, dict):
        return 'a mapping, such as {start: "22:00", end: "04:00", timezone: Europe/Berlin, days: [mon, tue]}'
    try:
        parse_window(value)
    except MobiusError as error:
        return f"a window. {error}"
    return ""


def _mode(value: Any) -> str:
    # YAML reads a bare on and off as true and false.
    good = isinstance(value, bool) or str(value).lower() in ("on", "off", "status", "true", "false")
    return "" if good else "on, off or status"


def _lock_break(value: Any) -> str:
    of_a_run = isinstance(value, str) and _RUN_ID.fullmatch(value)
    return "" if of_a_run else truth(value) and "true, false, or the id of the run whose lock is broken"


def _auto_or_truth(value: Any) -> str:
    return "" if value == "auto" else truth(value) and "auto, true or false"


def _stays_on_after(value: Any) -> str:
    known = (*_STEPS, "rollback", "after_rollback")
    good = not words(value) and all(part in known for part in to_list(value))
    return "" if good or value == "" else f"a list of {', '.join(known)}"


def _metrics_to(number: Number) -> Kind:
    def check(value: Any) -> str:
        expected = f"a mapping of {', '.join(METRICS)} to numbers"
        value = to_mapping(value)
        good = isinstance(value, dict) and all(
            name in METRICS and (given is None or not number(given)) for name, given in value.items()
        )
        return "" if good else expected

    return check


def _backup(value: Any) -> str:
    expected = "deployment, latest, sha256: and 64 hexadecimal digits, or a file"
    if isinstance(value, str) and value.startswith("sha256:"):
        return Text(expected, "sha256:[0-9a-f]{64}")(value)
    return "" if value == "" else Text(expected)(value)


def _fleet(value: Any) -> str:
    fleet = Text("the id of a fleet run, as status.yml shows it", r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")(value)
    return "" if value == "" else fleet


def _hooks(value: Any) -> str:
    value = to_mapping(value)
    good = isinstance(value, dict) and all(isinstance(file, str) and file for file in value.values())
    return "" if good or value == "" else "a mapping of before_STEP and after_STEP to task files"


def _channels(value: Any) -> str:
    value = to_list(value, split=False)
    good = isinstance(value, list) and all(isinstance(channel, dict) for channel in value)
    return "" if good or value == "" else "a list of channels, as in the README of the role notify"


def _command(value: Any) -> str:
    command = to_list(value, split=False)
    good = not one_line(command) if isinstance(command, str) else words(command) == "" and all(command)
    return "" if good else "a command as a list of words or as a string"


def _or_empty(kind: Kind) -> Kind:
    return lambda value: "" if value == "" else kind(value)


_user = Text("the name of a system user or group", r"[a-z_][a-z0-9_-]{0,31}")


def _account(value: Any) -> str:
    expected = _user(value)
    return "" if value == "" else expected or ("a user other than root" if value == "root" else "")


#: By name of the variable in an inventory.
VARIABLES: Dict[str, Kind] = {
    "mobius_library_path": Path(or_empty=False),
    "mobius_image_root": Path(),
    "mobius_items": _selectors,
    "mobius_image_key": Text("the name of a member, such as image"),
    "mobius_backup_dir": Path(),
    "mobius_log_dir": Path(),
    "mobius_metrics_file": Path(suffix=".prom"),
    "mobius_dry_run_report": Path(),
    "mobius_python": one_line,
    "mobius_schema": Path(),
    "mobius_workers": whole(0, 4096),
    "mobius_image_timeout": Number(0.01, 86_400),
    "mobius_max_pixels": whole(1, 1 << 40),
    "mobius_max_failure_rate": Number(0, 100),
    "mobius_confidence_threshold": Number(0, 1),
    "mobius_hash_mode": Choice(("exact", "fast")),
    "mobius_rehash": Choice(("missing", "changed", "all")),
    "mobius_strip_reviews": truth,
    "mobius_dry_run_sample": whole(1, 1_000_000_000),
    "mobius_hash_workers_least": _SECONDS,
    "mobius_hash_workers_root": Path(),
    "mobius_hash_workers_send": truth,
    "mobius_hash_workers_timeout": _SECONDS,
    "mobius_hash_workers_sample": whole(0, 1_000_000_000),
    "mobius_verify_sample": whole(0, 1_000_000_000),
    "mobius_fleet": _fleet,
    "mobius_rollback_scope": Choice(("host", "batch", "fleet")),
    "mobius_batch_watch": _SECONDS,
    "mobius_batch_inconclusive": Choice(("hold", "rollback", "fail", "continue")),
    "mobius_hooks": _hooks,
    "mobius_history_last": whole(0, 100_000),
    "mobius_history_format": Choice(("table", "json")),
    "mobius_ci_provider": _or_empty(Choice(("github", "gitlab"))),
    "mobius_ci_url": Url(),
    "mobius_ci_repository": _or_empty(Text("a repository such as owner/name", r"[^/\s]+(/[^/\s]+)+")),
    "mobius_ci_commit": _or_empty(Text("the SHA of a commit", r"[0-9a-fA-F]{7,64}")),
    "mobius_ci_token": one_line,
    "mobius_ci_contexts": words,
    "mobius_ci_timeout": Number(0.05, 3600),
    "mobius_ci_ca_path": Path(),
    "mobius_ci_validate_certs": truth,
    "mobius_confirm": truth,
    "mobius_lock_ttl": whole(1, 31_536_000),
    "mobius_lock_break": _lock_break,
    "mobius_lock_wait": Number(0, 86_400),
    "mobius_reconnect_timeout": whole(0, 86_400),
    "mobius_backup": _backup,
    "mobius_backup_keep_days": _KEPT,
    "mobius_backup_keep_last": whole(1, 100_000),
    "mobius_backup_keep_daily": _KEPT,
    "mobius_backup_keep_weekly": _KEPT,
    "mobius_backup_keep_monthly": _KEPT,
    "mobius_log_keep_days": _KEPT,
    "mobius_log_keep_last": _KEPT,
    "mobius_evidence_max_bytes": whole(0, 1 << 62),
    "mobius_runtime_source": Choice(("venv", "wheels", "system")),
    "mobius_runtime_venv": Path(),
    "mobius_runtime_lean": truth,
    "mobius_runtime_heif": truth,
    "mobius_runtime_turbo": truth,
    "mobius_runtime_wheels": one_line,
    "mobius_runtime_python": one_line,
    "mobius_runtime_packages": words,
    "mobius_runtime_environment": mapping,
    "mobius_become": truth,
    "mobius_staging_days": Number(0, 3650),
    "mobius_service_enabled": truth,
    "mobius_service_host": Text("a name or an address to listen on", r"[0-9A-Za-z.:_-]+"),
    "mobius_service_port": whole(1, 65_535),
    "mobius_service_manager": Choice(("auto", "systemd", "process")),
    "mobius_service_unit": Text(
        "the name of a systemd unit, without .service", r"[0-9A-Za-z][0-9A-Za-z:_.@-]*(?<!\.service)"
    ),
    "mobius_service_user": _user,
    "mobius_service_dir": Path(),
    "mobius_owner": _account,
    "mobius_group": _account,
    "mobius_owner_home": Path(),
    "mobius_owner_shell": Path(),
    "mobius_service_state": Choice(("started", "stopped", "restarted")),
    "mobius_restart_command": _command,
    "mobius_health_check": truth,
    "mobius_health_before": truth,
    "mobius_health_url": Url(or_empty=False),
    "mobius_metrics_url": Url(),
    "mobius_health_status_codes": _status_codes,
    "mobius_health_words": words,
    "mobius_health_consecutive": whole(1, 10_000),
    "mobius_health_interval": Number(0.05, 86_400),
    "mobius_health_timeout": Number(0, 86_400),
    "mobius_health_headers": mapping,
    "mobius_health_username": one_line,
    "mobius_health_password": one_line,
    "mobius_health_ca_path": Path(),
    "mobius_health_client_cert": Path(),
    "mobius_health_client_key": Path(),
    "mobius_health_validate_certs": truth,
    "mobius_monitor_from": Choice(("host", "controller")),
    "mobius_monitor_timeout": Number(0.05, 86_400),
    "mobius_monitor_duration": _SECONDS,
    "mobius_monitor_interval": Number(0.05, 86_400),
    "mobius_monitor_slow_after": _SECONDS,
    "mobius_monitor_slow_interval": Number(0.05, 86_400),
    "mobius_monitor_consecutive": whole(1, 10_000),
    "mobius_monitor_window": Number(0, 10_000_000, or_empty=True),
    "mobius_monitor_progress": truth,
    "mobius_progress": _auto_or_truth,
    "mobius_limits": _metrics_to(Number(0)),
    "mobius_limits_over": _metrics_to(_SECONDS),
    "mobius_baseline": Number(0, or_empty=True),
    "mobius_spike_absolute": Number(0),
    "mobius_spike_relative": Number(0),
    "mobius_failures_in_a_row": whole(0, 10_000),
    "mobius_figures": mapping,
    "mobius_on_inconclusive": Choice(("hold", "rollback", "fail")),
    "mobius_evidence_dest": one_line,
    "mobius_report_dest": one_line,
    "mobius_maintenance": _mode,
    "mobius_maintenance_window": _window,
    "mobius_maintenance_ignore_window": truth,
    "mobius_maintenance_enabled": truth,
    "mobius_maintenance_flag": Path(),
    "mobius_maintenance_stays_on_after": _stays_on_after,
    "mobius_notify": _channels,
    "mobius_notify_timeout": Number(0.05, 86_400),
    "mobius_review_format": Choice(("html", "csv", "json")),
    "mobius_review_dest": Path(),
    "mobius_review_images": truth,
    "mobius_review_hook": one_line,
    "mobius_review_decisions": one_line,
    "mobius_review_by": one_line,
    "mobius_duplicates_distance": whole(0, 10),
    "mobius_duplicates_format": Choice(("html", "csv", "json")),
    "mobius_duplicates_dest": Path(),
    "mobius_duplicates_images": truth,
}

#: Variables whose value is never shown, not even an invalid one.
SECRET: FrozenSet[str] = frozenset(
    (
        "mobius_ci_token",
        "mobius_notify",
        "mobius_health_headers",
        "mobius_health_password",
        "mobius_runtime_environment",
    )
)

#: Known but not checked: read before any task, or internal to the play.
OTHERS: FrozenSet[str] = frozenset(
    (
        "mobius_hosts",
        "mobius_serial",
        "mobius_home",
        "mobius_deployment",
        "mobius_deployment_status",
        "mobius_runtime_found",
        "mobius_hash_workers",
        "mobius_rollout",
        "mobius_dry_run",
        "mobius_review_count",
        "mobius_review_file",
        "mobius_staging",
        "mobius_awx",
        "mobius_awx_update_secrets",
    )
)

#: Without a default.
REQUIRED: FrozenSet[str] = frozenset(("mobius_library_path",))

#: Roles whose actions a rollback cannot undo: an unknown name is an error there, and a warning elsewhere.
IRREVERSIBLE: FrozenSet[str] = frozenset(("account", "cleanup", "rollback"))
