"""Global settings of operators, in ansible.cfg and the environment, do not change how a run ends."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.mobius.dhash.tests.support.gate_server import METRICS, document, serving, url_of
from ansible_collections.mobius.dhash.tests.support.playbooks import draw

# Each of these alone; all of them with SETTINGS=1 (make settings).
ALONE = {
    "any_errors_fatal": {"ANSIBLE_ANY_ERRORS_FATAL": "1"},
    "strategy_free": {"ANSIBLE_STRATEGY": "free"},
    "strategy_host_pinned": {"ANSIBLE_STRATEGY": "host_pinned"},
    "strategy_debug": {"ANSIBLE_STRATEGY": "debug"},
    "task_debugger": {"ANSIBLE_ENABLE_TASK_DEBUGGER": "True"},
    "task_timeout": {"ANSIBLE_TASK_TIMEOUT": "1"},
    "one_fork": {"ANSIBLE_FORKS": "1"},
    "force_handlers": {"ANSIBLE_FORCE_HANDLERS": "True"},
    "max_fail_percentage": {"ANSIBLE_MAX_FAIL_PERCENTAGE": "100"},
    "undefined_allowed": {"ANSIBLE_ERROR_ON_UNDEFINED_VARS": "False"},
    "gathering_explicit": {"ANSIBLE_GATHERING": "explicit"},
    "gathering_smart": {"ANSIBLE_GATHERING": "smart"},
    "facts_not_injected": {"ANSIBLE_INJECT_FACT_VARS": "False"},
    "facts_cached": {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": "{place}/facts"},
    "mappings_merged": {"ANSIBLE_HASH_BEHAVIOUR": "merge"},
    "native_templates": {"ANSIBLE_JINJA2_NATIVE": "True"},
    "private_role_vars": {"ANSIBLE_PRIVATE_ROLE_VARS": "True"},
    "no_log": {"ANSIBLE_NO_LOG": "True"},
    "no_target_syslog": {"ANSIBLE_NO_TARGET_SYSLOG": "True"},
    "diff_always": {"ANSIBLE_DIFF_ALWAYS": "True"},
    "become": {"ANSIBLE_BECOME": "True"},
    "pipelining": {"ANSIBLE_PIPELINING": "True"},
    "temporary_folders": {"ANSIBLE_REMOTE_TMP": "{place}/some where/tmp", "ANSIBLE_LOCAL_TEMP": "{place}/local tmp"},
    "files_kept": {"ANSIBLE_KEEP_REMOTE_FILES": "True"},
    "interpreter_discovered": {"ANSIBLE_PYTHON_INTERPRETER": "auto_silent"},
    "interpreter_fallback": {"ANSIBLE_INTERPRETER_PYTHON_FALLBACK": "['/nowhere/python']"},
    "module_compression": {"ANSIBLE_MODULE_COMPRESSION": "ZIP_STORED"},
    "unsafe_writes": {"ANSIBLE_UNSAFE_WRITES": "True"},
    "callback_minimal": {"ANSIBLE_STDOUT_CALLBACK": "minimal"},
    "callback_oneline": {"ANSIBLE_STDOUT_CALLBACK": "oneline"},
    "callback_tree": {"ANSIBLE_CALLBACKS_ENABLED": "tree", "ANSIBLE_CALLBACK_TREE_DIR": "{place}/tree"},
    "results_in_yaml": {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_CALLBACK_FORMAT_PRETTY": "False"},
    "failures_to_stderr": {"ANSIBLE_DISPLAY_FAILED_STDERR": "True", "ANSIBLE_SHOW_CUSTOM_STATS": "True"},
    "nothing_displayed": {"ANSIBLE_DISPLAY_OK_HOSTS": "False", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "False"},
    "arguments_displayed": {"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "True", "ANSIBLE_VERBOSITY": "3"},
    "no_warnings": {"ANSIBLE_DEPRECATION_WARNINGS": "False", "ANSIBLE_SYSTEM_WARNINGS": "False"},
    "color": {"ANSIBLE_FORCE_COLOR": "True", "ANSIBLE_NOCOLOR": ""},
    "log_file": {"ANSIBLE_LOG_PATH": "{place}/ansible.log"},
    "inventory_strict": {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"},
    "umask": {"ANSIBLE_LOCAL_TEMP": "{place}/tmp", "ANSIBLE_SYSTEM_TMPDIRS": "/tmp"},
}


def together(*names: str):
    return {name: value for each in names for name, value in ALONE[each].items()}


# What each make test runs.
TOGETHER = {
    "any_errors_fatal": ALONE["any_errors_fatal"],
    "flow": together("strategy_free", "one_fork", "force_handlers", "max_fail_percentage", "task_timeout"),
    "values": together(
        *("undefined_allowed", "gathering_smart", "facts_not_injected", "facts_cached", "mappings_merged"),
        *("native_templates", "private_role_vars", "diff_always", "become", "interpreter_discovered", "unsafe_writes"),
        "umask",
    ),
    "debugger_and_display": together(
        *("strategy_debug", "any_errors_fatal", "task_timeout"),
        *("callback_minimal", "nothing_displayed", "failures_to_stderr", "arguments_displayed", "color", "log_file"),
        *("temporary_folders", "pipelining", "files_kept", "no_warnings", "module_compression"),
    ),
}
SETTINGS = {**TOGETHER, **(ALONE if os.environ.get("SETTINGS") else {})}


@pytest.fixture
def two(site, tmp_path):
    """Two hosts in one batch; the service of the second is not healthy with any library."""

    class Two:
        def __init__(self):
            self.hosts = {}
            for name in "ab":
                home = tmp_path / name
                for number in range(2):
                    draw(home / "images" / f"{number}.png", number)
                items = [{"id": n, "image": f"images/{n}.png"} for n in range(2)]
                (home / "library.json").write_text(json.dumps({"components": items}))
                self.hosts[name] = {"mobius_library_path": str(home / "library.json")}
            self.before = self.library("a")

        def library(self, host):
            return (tmp_path / host / "library.json").read_bytes()

        def report(self, host, kind="deployment"):
            (report,) = (tmp_path / host / "logs").glob(f"{kind}-*.json")
            return json.loads(report.read_text())

        def is_free(self, host):
            return not (tmp_path / host / ".library.json.dhash" / "lock").exists()

        def play(self, name, health, *arguments, **variables):
            for host in "ab":
                self.hosts[host]["mobius_health_url"] = url_of(health, f"/{host}")
            general = {
                # What is to be seen is a rollback.
                "mobius_health_before": False,
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                "mobius_service_enabled": False,
                "mobius_metrics_url": url_of(health, "/metrics"),
                "mobius_health_consecutive": 1,
            }
            inventory = tmp_path / "two.json"
            inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": general}}))
            place = ("-i", str(inventory), "--limit", "a,b")
            return site.play(name, *place, *arguments, mobius_serial="2", mobius_health_timeout=1, **variables)

        def cleanly_ended(self):
            assert self.library("a") != self.before
            assert self.library("b") == self.before
            assert self.report("a")["status"] == "deployed"
            assert self.report("b")["status"] == "rolled_back"
            assert self.is_free("a") and self.is_free("b")
            assert list((tmp_path / "b" / "logs").glob("evidence-*"))

    return Two()


ANSWERS = {"/a": document({"status": "ok"}), "/b": document({}, 503), "/metrics": document(METRICS)}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_global_setting_does_not_change_the_outcome(site, two, name, tmp_path):
    site.environment = {key: value.replace("{place}", str(tmp_path)) for key, value in SETTINGS[name].items()}
    hook = tmp_path / "slow.yml"
    hook.write_text("- ansible.builtin.command: sleep 2\n  changed_when: false\n")
    # A task timeout would end it.
    slow = {"mobius_hooks": {"after_migrate": str(hook)}} if "ANSIBLE_TASK_TIMEOUT" in SETTINGS[name] else {}
    with serving(ANSWERS) as health:
        run = two.play("deploy", health, **slow)
        assert run.code != 0, run.output
        assert "Rolled back" in run.output and "timed out" not in run.output, run.output
        two.cleanly_ended()
        if name not in TOGETHER:
            return
        # The restore succeeds on both; the service of the second is ill with these bytes, too.
        back = two.play("rollback", health)
    assert back.code != 0, back.output
    assert two.library("a") == two.library("b") == two.before
    assert two.report("a", "rollback")["status"] == "restored"
    assert two.report("b", "rollback")["status"] in ("refused", "unhealthy")
    assert two.is_free("a") and two.is_free("b")
