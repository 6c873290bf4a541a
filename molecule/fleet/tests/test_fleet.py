"""What a fleet run does to five real hosts where one of them turns bad, fails, or dies. Each story ends as it began."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

ROOT = Path(__file__).resolve().parents[3]
HOSTS_SCRIPT = ROOT / "molecule" / "shared" / "hosts.sh"
HOOKS = ROOT / "molecule" / "fleet" / "hooks"
HOSTS = [f"games-{number}" for number in range(1, 6)]
BATCHES = {"mobius_serial": [1, 2, 2]}
#: Versions of ansible-core beside the one of these tests, or none for that alone.
CORES: List[str] = os.environ.get("MOBIUS_FLEET_CORES", "").split() or [""]


@pytest.fixture(scope="session", params=CORES, ids=lambda core: core or "default")
def program(request: pytest.FixtureRequest) -> str:
    if not request.param:
        return str(Path(sys.executable).parent / "ansible-playbook")
    making = [sys.executable, "-B", str(ROOT / "tests" / "matrix" / "run.py"), "--program", request.param]
    return subprocess.run(making, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]


def run_in(host: str, *command: str) -> bytes:
    name = subprocess.run([HOSTS_SCRIPT, "container", host], check=True, capture_output=True, text=True).stdout.strip()
    return subprocess.run(
        ["podman", "--runtime", "runc", "exec", name, *command], check=True, capture_output=True
    ).stdout


def libraries() -> Dict[str, bytes]:
    return {host: run_in(host, "cat", "/srv/mobius/library.json") for host in HOSTS}


def files(host: str) -> bytes:
    """Every file of the library's folder, with its size and time of change."""
    listing = run_in(host, "find", "/srv/mobius", "-type", "f", "-printf", "%P %s %T@\\n")
    return b"\n".join(sorted(listing.splitlines()))


class Fleet:
    def __init__(self, program: str, fatal: bool) -> None:
        self.program, self.fatal = program, fatal

    def play(self, name: str, *arguments: str, **variables: Any) -> subprocess.CompletedProcess:
        command = [self.program, "-i", os.environ["MOLECULE_INVENTORY_FILE"], f"playbooks/{name}.yml", *arguments]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
            "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
            **{"ANSIBLE_HOST_KEY_CHECKING": "0", "ANSIBLE_PIPELINING": "1", "ANSIBLE_TIMEOUT": "5"},
            **{"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_SHOW_CUSTOM_STATS": "1"},
            **{"ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
            **({"ANSIBLE_ANY_ERRORS_FATAL": "1"} if self.fatal else {}),
        }
        extra = ["-e", json.dumps(variables)]
        return subprocess.run(
            [*command, *extra], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False
        )

    def deploy(self, scope: str, hook: Dict[str, str], **variables: Any) -> Dict[str, Any]:
        """A deployment that fails; what the next job is given."""
        hooks = {name: str(HOOKS / file) for name, file in hook.items()}
        given = {**BATCHES, "mobius_rollback_scope": scope, "mobius_hooks": hooks, **variables}
        done = self.play("deploy", **given)
        assert done.returncode != 0, done.stdout + done.stderr
        found = re.search(r"CUSTOM STATS: \*+\s+RUN: (\{.*\})", done.stdout, re.S)
        assert found, done.stdout + done.stderr
        made = json.JSONDecoder().raw_decode(found.group(1))[0]["mobius_rollout"]
        return {**made, "output": done.stdout + done.stderr}


@pytest.fixture(params=[False, True], ids=["", "any_errors_fatal"])
def fleet(request: pytest.FixtureRequest, program: str) -> Fleet:
    for host in HOSTS:
        run_in(host, "cp", "/srv/metrics/good.json", "/srv/metrics/metrics.json")
    return Fleet(program, request.param)


def outcomes(made: Dict[str, Any]) -> List[str]:
    return [made["hosts"][host]["outcome"] for host in HOSTS]


def test_only_the_canary_was_touched_where_its_metrics_turn_bad_while_it_is_watched(fleet: Fleet) -> None:
    before, others = libraries(), {host: files(host) for host in HOSTS[1:]}
    watch = {"mobius_batch_watch": 10, "mobius_monitor_interval": 1, "mobius_limits_over": {}}
    made = fleet.deploy("fleet", {"after_health": "metrics_turn_bad.yml"}, **watch)
    assert outcomes(made) == ["rolled back", *["not started"] * 4], made["output"]
    assert made["hosts"]["games-1"]["verdict"] == "fail"
    assert "avg_hash_time" in " ".join(made["hosts"]["games-1"]["reasons"])
    assert libraries() == before
    assert {host: files(host) for host in HOSTS[1:]} == others


def test_all_hosts_hold_their_old_bytes_where_the_fourth_fails_with_scope_fleet(fleet: Fleet) -> None:
    before = libraries()
    made = fleet.deploy("fleet", {"after_migrate": "fail.yml"})
    assert outcomes(made) == ["rolled back"] * 5, made["output"]
    assert libraries() == before
    assert all(run_in(host, "systemctl", "is-active", "mobius-dhash").strip() == b"active" for host in HOSTS)


@pytest.mark.parametrize(
    "scope, expected",
    [
        ("host", ["deployed", "deployed", "ROLLBACK FAILED", "not started", "not started"]),
        ("fleet", ["rolled back", "rolled back", "ROLLBACK FAILED", "not started", "not started"]),
    ],
)
def test_a_host_that_dies_is_named_with_its_command_and_rolled_back_later(
    fleet: Fleet, scope: str, expected: List[str]
) -> None:
    if (scope == "fleet") != fleet.fatal:
        pytest.skip("each scope is shown in one of the two ways")
    before = libraries()
    try:
        made = fleet.deploy(scope, {"after_migrate": "die.yml"}, mobius_reconnect_timeout=5)
    finally:
        subprocess.run([HOSTS_SCRIPT, "revive", "games-3"], check=True)
    assert outcomes(made) == expected, made["output"]
    assert "unreachable  games-3 may hold what was deployed" in made["output"]
    named = [command for command in made["next"] if "playbooks/rollback.yml" in command and "games-3" in command]
    assert named and f"mobius_fleet={made['fleet']}" in named[0], made["next"]
    now = libraries()
    left = [host for host in HOSTS if now[host] != before[host]]
    assert left == [host for host, outcome in zip(HOSTS, expected) if outcome in ("deployed", "ROLLBACK FAILED")]
    back = fleet.play("rollback", mobius_fleet=made["fleet"])
    assert back.returncode == 0, back.stdout + back.stderr
    assert libraries() == before
