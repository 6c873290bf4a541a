"""What each variable may hold, as people, surveys and -e give it."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.variables.answered import is_unanswered
from ansible_collections.mobius.dhash.plugins.module_utils.variables.check import _RENAMED, check, variable_of
from ansible_collections.mobius.dhash.plugins.module_utils.variables.table import OTHERS, REQUIRED, SECRET, VARIABLES
from ansible_collections.mobius.dhash.tests.support.places import ROOT

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "meta/argument_specs.yml").is_file())
SPECS = {
    role: yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    for role in ROLES
}

# An address alone is no URL: what is made of it is checked instead. Each number of the retention is checked by itself.
MADE_OF_OTHERS = ("monitor_address", "monitor_base_url", "deploy_retention")

NO_NUMBERS = ["", " ", "abc", "NaN", "nan", "inf", "-Infinity", "1,5", "5 %", "30s", "1_000", "0x10", "٣", "5 ", " 5"]
NO_NUMBERS += ["1e999", True, None, [], [1], {}, {"a": 1}, float("nan"), float("inf"), "{{ 1 }}", 10**400, "9" * 400]
NOT_WHOLE = [*NO_NUMBERS, "1.5", 1.5, "1e3", "5.0"]
NO_TRUTH = ["", "maybe", "ja", "wahr", 2, -1, "2", None, [], {}, "tru", " true"]
NO_PATH = ["library.json", "./library.json", "~/library.json", "$HOME/library.json", "/srv/$HOME/x", "/srv/${X}/x"]
NO_PATH += [
    "/srv/a\nb",
    "/srv/a\x00b",
    "/srv/\x1b[31mred",
    "/srv/\udcff",
    7,
    None,
    ["/srv"],
    {"a": 1},
    True,
    "/" + "x" * 5000,
]
GOOD_PATH = [
    "/srv/library.json",
    '/srv/with space/it\'s "x".json',
    "/srv/a;touch x/$(id)/`id`|&<>*?.json",
    "/srv/{ x }/é\u4e2d",
]
NO_URL = [
    "127.0.0.1:5001/health",
    "ftp://x/",
    "file:///etc/passwd",
    "http://",
    "http:///x",
    "http://x/ y",
    "http://x/\n",
]
NO_URL += ["http://[::1/health", "http://x:99999/", "http://x:0/", 7, None, ["http://x"], "javascript:alert(1)"]
NO_LINE = ["a\nb", "a\x00", "\x1b[2J", 7, None, ["a"], {"a": 1}]

TABLE = {
    "mobius_library_path": (GOOD_PATH, [*NO_PATH, ""]),
    **{
        f"mobius_{name}": (["", *GOOD_PATH], NO_PATH)
        for name in (
            "image_root",
            "backup_dir",
            "log_dir",
            "dry_run_report",
            "schema",
            "runtime_venv",
            "service_dir",
            "hash_workers_root",
        )
        + (
            "owner_home",
            "owner_shell",
            "health_ca_path",
            "health_client_cert",
            "health_client_key",
            "maintenance_flag",
            "review_dest",
            "duplicates_dest",
        )
    },
    "mobius_metrics_file": (["", "/var/lib/node/mobius.prom"], [*NO_PATH, "/var/lib/node/mobius.txt"]),
    "mobius_items": (
        ["", [], "components[]", "games[],components[]", ["[]"]],
        ["components[", 7, [7], {"a": 1}, "a..b"],
    ),
    "mobius_image_key": (["image", "bild datei", "{ x }"], ["", *NO_LINE]),
    **{
        f"mobius_{name}": (["", "text", "with 'quotes' $(id)"], NO_LINE)
        for name in (
            "python",
            "runtime_wheels",
            "runtime_python",
            "health_username",
            "health_password",
            "evidence_dest",
            "report_dest",
            "review_decisions",
            "review_by",
        )
    },
    "mobius_workers": ([0, "0", 4096, "+2"], [*NOT_WHOLE, -1, "-1", 4097]),
    "mobius_image_timeout": ([30, "30", "0.5", 0.01, "1e1"], [*NO_NUMBERS, 0, "-1", 86_401]),
    "mobius_max_pixels": ([1, "178956970"], [*NOT_WHOLE, 0, -1]),
    "mobius_max_failure_rate": ([0, "0", "5", "0.7", 100, "100"], [*NO_NUMBERS, -1, "-0.1", 100.1, "101"]),
    "mobius_confidence_threshold": ([0, 1, "0.7", "1.0"], [*NO_NUMBERS, -0.1, "1.1", 70]),
    "mobius_hash_mode": (["exact", "fast"], ["", "Fast", "slow", None]),
    "mobius_rehash": (["missing", "changed", "all"], ["", "ALL", "none", 7, None, []]),
    "mobius_dry_run_sample": ([1, "200"], [*NOT_WHOLE, 0, -1]),
    "mobius_verify_sample": ([0, "20"], [*NOT_WHOLE, -1]),
    "mobius_hooks": (["", {}, {"before_migrate": "x.yml"}], ["x.yml", ["x.yml"], {"before_migrate": 7}, {"a": ""}, 7]),
    "mobius_rollback_scope": (["host", "batch", "fleet"], ["", "all", 7]),
    "mobius_batch_watch": ([0, "300", 1.5], [-1, "long", True]),
    "mobius_batch_inconclusive": (["hold", "rollback", "fail", "continue"], ["", "pass", 7]),
    "mobius_fleet": (["", "20240924T160000Z-1a2b3c"], ["a b", "../x", 7]),
    "mobius_lock_ttl": ([1, "900"], [*NOT_WHOLE, 0, -1]),
    "mobius_lock_wait": ([0, "90", 0.5, 86_400], [*NO_NUMBERS, -1, "-1", 86_401]),
    "mobius_health_status_codes": (
        ["", [], 200, [200, "2xx"], "200,204", "200-299", ["200-299", 418]],
        ["ok", ["200", "good"], "99", "600", "9xx", True, {"a": 1}],
    ),
    "mobius_health_words": (["", [], "ok", "ok,ready", ["laeuft gut"]], [7, [7], {"a": 1}, ["a\nb"]]),
    "mobius_reconnect_timeout": ([0, "300"], [*NOT_WHOLE, -1]),
    "mobius_backup": (
        ["", "deployment", "latest", "library.json.bak.20240924T160000Z", "/srv/b c/x", "sha256:" + "a" * 64],
        ["sha256:", "sha256:abc", "sha256:" + "A" * 64, *NO_LINE],
    ),
    "mobius_backup_keep_last": ([1, "7"], [*NOT_WHOLE, 0, -1]),
    **{
        f"mobius_backup_keep_{name}": ([0, "7", 100_000], [*NOT_WHOLE, -1, "-7", 100_001])
        for name in ("days", "daily", "weekly", "monthly")
    },
    "mobius_runtime_source": (["venv", "wheels", "system"], ["", "pip", 7, None]),
    "mobius_runtime_packages": (["", [], "a,b", ["a"]], [7, [7], {"a": 1}, ["a\nb"]]),
    "mobius_runtime_environment": ([{}, {"PIP_INDEX_URL": "https://x/"}], ["A", ["A=1"], 7]),
    **{
        f"mobius_{name}": ([True, False, "true", "False", "yes", "no", "on", "OFF", 1, 0, "1", "0"], NO_TRUTH)
        for name in (
            "confirm",
            "lock_break",
            "strip_reviews",
            "runtime_heif",
            "runtime_turbo",
            "runtime_lean",
            "become",
            "service_enabled",
            "health_check",
        )
        + (
            "hash_workers_send",
            "health_validate_certs",
            "monitor_progress",
            "maintenance_ignore_window",
            "maintenance_enabled",
            "review_images",
            "duplicates_images",
        )
    },
    **{f"mobius_hash_workers_{name}": ([0, "60", 1.5], [*NO_NUMBERS, -1, "-1"]) for name in ("least", "timeout")},
    "mobius_hash_workers_sample": ([0, "20"], [*NOT_WHOLE, -1]),
    "mobius_progress": (["auto", True, "false"], [*NO_TRUTH, "Auto"]),
    "mobius_log_keep_last": ([0, "7"], [*NOT_WHOLE, -1]),
    "mobius_log_keep_days": ([0, "30"], [*NOT_WHOLE, -1]),
    "mobius_evidence_max_bytes": ([0, "1048576"], [*NOT_WHOLE, -1]),
    "mobius_service_host": (
        ["127.0.0.1", "::1", "0.0.0.0", "games-1.example.org"],
        ["", "a b", "a/b", "a;b", *NO_LINE],
    ),
    "mobius_service_port": ([1, "5001", 65_535], [*NOT_WHOLE, 0, -1, 65_536, "http"]),
    "mobius_service_manager": (["auto", "systemd", "process"], ["", "upstart", None]),
    "mobius_service_unit": (["mobius-dhash", "games@1"], ["", "../x", "a b", "a/b", "x.service", "-x", *NO_LINE]),
    "mobius_service_user": (["mobius", "_mobius-1"], ["", "Mobius", "a b", "a:b", "-a", "1a", "x" * 33, *NO_LINE]),
    **{
        f"mobius_{name}": (["", "mobius-deploy"], ["root", "Mobius", "a b", "a:b", "-a", "x" * 33, *NO_LINE])
        for name in ("owner", "group")
    },
    "mobius_service_state": (["started", "stopped", "restarted"], ["", "running", None]),
    "mobius_restart_command": (
        ["", [], ["systemctl", "restart", "games"], "systemctl restart games"],
        [7, [7], {"a": 1}, ["a", ""], "a\nb"],
    ),
    "mobius_health_url": (["http://127.0.0.1:5001/health", "https://u:p@[::1]/x"], ["", *NO_URL]),
    "mobius_metrics_url": (["", "http://127.0.0.1:5001/metrics/dhash"], NO_URL),
    "mobius_health_consecutive": ([1, "3"], [*NOT_WHOLE, 0, -1]),
    "mobius_monitor_consecutive": ([1, "3"], [*NOT_WHOLE, 0, -1]),
    "mobius_failures_in_a_row": ([0, "2"], [*NOT_WHOLE, -1]),
    **{
        f"mobius_{name}": ([0.05, "1", "30", 60], [*NO_NUMBERS, 0, "0", -1])
        for name in (
            "health_interval",
            "monitor_interval",
            "monitor_slow_interval",
            "monitor_timeout",
            "notify_timeout",
        )
    },
    **{
        f"mobius_{name}": ([60, "1800", "10.5"], [*NO_NUMBERS, -1, "-1"])
        for name in ("health_timeout", "monitor_duration", "monitor_slow_after", "spike_absolute", "spike_relative")
    },
    **{
        f"mobius_{name}": (["", 0, "4"], [each for each in NO_NUMBERS if each != ""] + [-1])
        for name in ("monitor_window", "baseline")
    },
    "mobius_health_headers": ([{}, {"X": "y"}], ["", "X: y", ["X: y"], 7]),
    "mobius_figures": ([{}, {"avg_hash_time": "timing.mean"}], ["", "x", ["x"], 7]),
    "mobius_monitor_from": (["host", "controller"], ["", "here", None]),
    "mobius_limits": (
        [{}, {"avg_hash_time": "50"}, {"p95_hash_time": 200, "avg_hash_time": None}],
        [
            "",
            "avg_time=50",
            "avg_hash_time=fast",
            [],
            {"avg_time": 50},
            {"avg_hash_time": "fast"},
            {"avg_hash_time": -1},
        ],
    ),
    "mobius_limits_over": ([{}, {"p95_hash_time": "900"}], ["", "900", {"p95": 900}, {"p95_hash_time": "15 min"}]),
    "mobius_on_inconclusive": (["hold", "rollback", "fail"], ["", "pass", None]),
    "mobius_maintenance": (["on", "off", "status", True, False, "ON"], ["", "maybe", 7, None]),
    "mobius_maintenance_window": (
        [
            "",
            {},
            {"start": "22:00", "end": "04:00"},
            {"start": "1:00", "end": "2:00", "timezone": "UTC", "days": "mon,tue"},
        ],
        ["22:00-04:00", [], 7, {"start": 1320, "end": "04:00"}, {"start": "22:00"}, {"start": "25:00", "end": "04:00"}]
        + [{"start": "22:00", "end": "04:00", "timezone": "Mars/Base"}, {"begin": "22:00", "end": "04:00"}],
    ),
    "mobius_maintenance_stays_on_after": (
        ["", [], "all", "rollback,all", ["rollback", "dry-run"]],
        ["lunch", ["lunch"], 7, "rollback,lunch"],
    ),
    "mobius_notify": (["", [], [{"type": "slack"}]], ["https://x/", {"type": "slack"}, ["https://x/"], 7]),
    "mobius_ci_provider": (["github", "gitlab"], ["GitHub", "jenkins", 7, True]),
    "mobius_ci_url": (["", "https://git.example.org", "http://127.0.0.1:3000"], NO_URL),
    "mobius_ci_repository": (["games/library", "games/tools/library"], ["library", "/library", "games/", "a b/c", 7]),
    "mobius_ci_commit": (["4a1fabc", "a" * 40, "B" * 64], ["main", "4a1f", "a" * 65, 1234567, "4a1fabc/.."]),
    "mobius_ci_token": (["", "glpat-x"], [7, ["x"], "a\nb"]),
    "mobius_ci_contexts": (["", [], "ci", "ci,build", ["ci / build"]], [7, [7], {"a": 1}]),
    "mobius_ci_timeout": ([10, "0.5"], [*NO_NUMBERS, 0, "-1", 3601]),
    "mobius_ci_ca_path": (["", "/etc/ssl/own.pem"], NO_PATH),
    "mobius_ci_validate_certs": ([True, "no"], NO_TRUTH),
    "mobius_staging_days": ([0, "7", 0.5], [*NO_NUMBERS, -1, 3651]),
    "mobius_health_before": ([False, "yes"], NO_TRUTH),
    "mobius_history_last": ([0, "20"], [*NOT_WHOLE, -1, 100_001]),
    "mobius_history_format": (["table", "json"], ["yaml", "JSON", 7]),
    "mobius_review_format": (["html", "csv", "json"], ["", "pdf", "HTML", None]),
    "mobius_review_hook": (["", "hooks/upload_review.yml"], NO_LINE),
    "mobius_duplicates_format": (["html", "csv", "json"], ["", "pdf", "HTML", None]),
    "mobius_duplicates_distance": ([0, "3", 10], [*NOT_WHOLE, -1, 11]),
}


@pytest.mark.parametrize("name", TABLE)
def test_valid_values_pass(name):
    others = {"mobius_health_timeout": 86_400} if name != "mobius_health_timeout" else {}
    for value in TABLE[name][0]:
        assert check({**others, name: value})["warnings"] == []


@pytest.mark.parametrize("name", TABLE)
def test_invalid_values_are_refused_with_name_value_and_remedy(name):
    for value in TABLE[name][1]:
        if is_unanswered(value) and name not in REQUIRED:
            continue  # means the default: test_answered.py
        with pytest.raises(MobiusError) as refusal:
            check({name: value})
        text = str(refusal.value)
        assert text.startswith(f"{name} is "), text
        assert "must be " in text and ". Next: correct it" in text and "nothing was changed" in text
        assert text.isprintable() and len(text) < 600, text
        if isinstance(value, int) and not isinstance(value, bool) and name not in SECRET:
            assert str(value)[:60] in text


def test_the_table_has_every_variable():
    assert set(TABLE) == set(VARIABLES)


@pytest.mark.parametrize("role", ROLES)
def test_every_option_of_a_role_that_comes_from_the_inventory_is_judged(role):
    for name, option in SPECS[role]["options"].items():
        described = option["description"] if isinstance(option["description"], str) else " ".join(option["description"])
        for reported in re.findall(r"From C\((mobius_\w+)\)", described):
            assert reported in VARIABLES, f"{reported} is judged by nobody: give it a line in variables/table.py"
            if name not in MADE_OF_OTHERS:
                assert variable_of(role, name) == reported, f"{name}: see _RENAMED in variables/check.py"


def test_every_name_that_differs_is_a_variable_of_a_role():
    assert set(_RENAMED) - {name for spec in SPECS.values() for name in spec["options"]} == set()


def test_every_variable_that_the_documents_and_the_playbooks_name_is_known():
    known = {*VARIABLES, *OTHERS, "mobius_dhash"}
    texts = [*(ROOT / "playbooks").glob("*.yml"), *ROOT.glob("inventories/*/group_vars/*.yml"), *ROOT.glob("docs/*.md")]
    texts += [ROOT / "README.md", *ROOT.glob("roles/*/README.md"), *ROOT.glob("roles/*/defaults/main.yml")]
    named = {name for text in texts for name in re.findall(r"\bmobius_[a-z_]+[a-z]\b", text.read_text())}
    unknown = {name for name in named - known if not any(each.startswith(f"{name}_") for each in known)}
    assert {name for name in unknown if not name.startswith("mobius_dhash")} == set()


def test_all_are_reported_at_once():
    with pytest.raises(MobiusError, match='mobius_max_failure_rate is "abc".*; mobius_verify_sample is -1'):
        check({"mobius_verify_sample": -1, "mobius_max_failure_rate": "abc", "mobius_workers": "2"})


def test_a_role_s_own_variable_is_judged_where_the_role_takes_part():
    with pytest.raises(MobiusError, match=r"^mobius_verify_sample \(deploy_verify_sample\) is -1, "):
        check({"deploy_verify_sample": -1}, "deploy")
    with pytest.raises(MobiusError, match="^deploy_verify_sample is -1, "):
        check({"deploy_verify_sample": -1, "mobius_verify_sample": 20}, "deploy")
    assert check({"deploy_verify_sample": -1}, "rollback")["checked"] == 0
    assert check({"deploy_of_my_own": object(), "deploy_user": 7}, "deploy")["checked"] == 0


def test_an_unset_library_is_reported_by_its_name():
    with pytest.raises(MobiusError, match=r"^mobius_library_path \(deploy_library_path\) is empty, "):
        check({"deploy_library_path": "", "service_library_path": ""}, "deploy")


def test_a_gate_that_could_never_pass_is_reported_up_front():
    with pytest.raises(MobiusError, match="conflict: 100 good answers .* only 61 fit into 60 s"):
        check({"mobius_health_consecutive": "100"})


@pytest.mark.parametrize("name", sorted(SECRET))
def test_a_secret_is_not_shown(name):
    for value in ("hunter2\n", ["hunter2"], 7.5):
        with pytest.raises(MobiusError, match="a secret, which is not shown") as refusal:
            check({name: value})
        assert "hunter2" not in str(refusal.value)


def test_the_password_in_a_url_is_not_shown():
    with pytest.raises(MobiusError) as refusal:
        check({"mobius_health_url": "ftp://me:hunter2@example.org/?token=hunter3"})
    assert "hunter" not in str(refusal.value)


def test_a_name_that_is_nearly_right_is_reported():
    (warning,) = check({"mobius_max_failure_rates": 7, "mobius_token": "x", "mobius_hosts": "all"})["warnings"]
    assert warning == (
        "mobius_max_failure_rates is not a variable of this collection. Did you mean mobius_max_failure_rate?"
    )


@pytest.mark.parametrize(
    "name, refused",
    [
        ("Mobius_backup", True),
        ("MOBIUS_BACKUP", True),
        ("mobius-backup", True),
        ("mobius.backup", True),
        ("mobiusbackup", True),
        ("mobius_backp", True),
        ("mobius_nothing_like_it", True),
        ("backup", False),
        ("my_mobius_backup", False),
        ("mobius_deployment", False),
    ],
)
def test_an_extra_var_that_is_nearly_one_refuses_a_rollback(name, refused):
    given = {"mobius_library_path": "/srv/library.json"}
    if refused:
        with pytest.raises(
            MobiusError, match="is not a variable of this collection(, see|. Did you mean mobius_backup[?] Next)"
        ):
            check(given, "rollback", extra_vars={name})
    else:
        assert check(given, "rollback", extra_vars={name})["warnings"] == []
