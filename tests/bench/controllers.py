"""What a run costs the controller, beside a playbook of one ``ping`` and beside Ansistrano deploying one file.

All hosts have local connections, so that the CPU of the modules is counted too; each has its own copy of the sample
library and no service.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import places
from playbook_run import Broken, play

COUNTS = (1, 10)
PING, ANSISTRANO, FIRST, UNCHANGED = "one ping", "Ansistrano, one file", "deploy.yml, first", "deploy.yml, unchanged"
PLAYS: Dict[str, List[Dict[str, Any]]] = {
    PING: [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": None}]}],
    ANSISTRANO: [
        {
            "hosts": "all",
            "gather_facts": False,
            "roles": ["ansistrano.deploy"],
            "vars": {
                "ansistrano_deploy_via": "copy",
                "ansistrano_keep_releases": 3,
                "ansistrano_allow_anonymous_stats": False,
                "ansistrano_display_funding": False,
            },
        }
    ],
}


def measure(rounds: int) -> Dict[str, Any]:
    """Rows by number of hosts, then by playbook: the results of each round, and how many modules a host executed."""
    folder = places.CACHE / "controller"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        missing = {} if has_ansistrano() else {ANSISTRANO: "the role archive could not be fetched"}
        _draw(folder / "sample")
        return {"missing": missing, "rows": {count: _of(count, folder, rounds, missing) for count in COUNTS}}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_ansistrano() -> bool:
    roles = places.CACHE / "roles"
    if not (roles / "ansistrano.deploy").is_dir():
        galaxy = str(places.ROOT / ".cache" / "controller" / "bin" / "ansible-galaxy")
        command = [galaxy, "role", "install", "ansistrano.deploy", "--roles-path", str(roles)]
        subprocess.run(command, capture_output=True, timeout=120, check=False)
    return (roles / "ansistrano.deploy").is_dir()


def _draw(folder: Path) -> None:
    variables = {"mobius_home": str(folder), "mobius_runtime_venv": str(places.CACHE / "runtime")}
    play("sample", places.ROOT / "inventories" / "local", variables)


def _of(count: int, folder: Path, rounds: int, missing: Dict[str, str]) -> Dict[str, Any]:
    inventory = folder / f"{count}.json"
    hosts = {f"h{number}": {"mobius_home": str(folder / f"h{number}")} for number in range(count)}
    inventory.write_text(
        json.dumps({"all": {"hosts": hosts, "vars": {"ansible_connection": "local", **variables()}}}), "utf-8"
    )
    runs: Dict[str, Callable[[], None]] = {
        PING: lambda: None,
        ANSISTRANO: lambda: None,
        FIRST: lambda: _copy(folder, count),
        UNCHANGED: lambda: None,
    }
    rows: Dict[str, Any] = {}
    for name, prepare in runs.items():
        if name not in missing:
            # In a run of its own, which is not timed: the log costs time.
            prepare()
            modules = _run(name, inventory, count, folder, log=folder / "log")["modules"]
            rows[name] = {"modules": modules / count, "runs": []}
    # All playbooks within one round, so that a busy minute of the machine meets each of them.
    for _round in range(rounds):
        for name, row in rows.items():
            runs[name]()
            row["runs"].append(_run(name, inventory, count, folder))
            print(f"{count} hosts, {name}: {row['runs'][-1]}", file=sys.stderr, flush=True)
    return rows


def _copy(folder: Path, count: int) -> None:
    for number in range(count):
        shutil.rmtree(folder / f"h{number}", ignore_errors=True)
        shutil.copytree(folder / "sample", folder / f"h{number}")


def _run(name: str, inventory: Path, count: int, folder: Path, **options: Any) -> Dict[str, Any]:
    playbook = "deploy"
    if name in PLAYS:
        path = folder / f"{name.partition(',')[0].replace(' ', '-')}.yml"
        path.write_text(json.dumps(PLAYS[name]), "utf-8")
        playbook = str(path)
    result = play(playbook, inventory, {"mobius_serial": ["100%"]}, "--forks", str(count), **options)
    if name == UNCHANGED and result["changed"]:
        raise Broken(f"the unchanged run changed something: {result}")
    return result


def variables() -> Dict[str, Any]:
    """What every host of a measured playbook has, whatever its connection."""
    return {
        "ansible_python_interpreter": sys.executable,
        "mobius_library_path": "{{ mobius_home }}/library.json",
        "mobius_runtime_venv": str(places.CACHE / "runtime"),
        "mobius_service_enabled": False,
        "mobius_health_check": False,
        "ansistrano_deploy_from": str(places.ROOT / "README.md"),
        "ansistrano_deploy_to": "{{ mobius_home }}/www",
    }


def ratio(rows: Dict[str, Any], name: str) -> float:
    """CPU seconds as a multiple of the ping's, the median of the rounds."""
    return statistics.median(run["cpu"] / ping["cpu"] for run, ping in zip(rows[name]["runs"], rows[PING]["runs"]))
