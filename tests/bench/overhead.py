"""What a deployment costs beside hashing: the sample library of 60 items here, and on ten hosts at once over ssh."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import controllers
import places
from playbook_run import Broken, ended, play

HOSTS = 10
_SCRIPT = str(places.ROOT / "molecule" / "shared" / "hosts.sh")
_PREPARE = str(places.ROOT / "molecule" / "default" / "prepare.yml")


def measure(rounds: int, limit: int) -> Dict[str, Any]:
    """
    :param limit: to try the bench: two hosts.
    """
    result: Dict[str, Any] = {"rounds": rounds, "local": _local(rounds), "ansible": _ansible_version()}
    try:
        result["hosts"] = _hosts(2 if limit else HOSTS)
    except Broken as error:
        result["hosts"] = {"missing": str(error)}
        print(f"the hosts were not measured: {error}", file=sys.stderr)
    result["controller"] = controllers.measure(rounds)
    return result


def _ansible_version() -> str:
    command = [str(places.ROOT / ".cache" / "controller" / "bin" / "ansible"), "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"core ([\d.]+)", text)
    return found.group(1) if found else "unknown"


def _local(rounds: int) -> Dict[str, Any]:
    """A first pair of runs makes the environment and counts modules; then new libraries, each deployed twice."""
    home = places.CACHE / "home"
    inventory = places.ROOT / "inventories" / "local"
    variables = {
        "mobius_home": str(home),
        "mobius_runtime_venv": str(places.CACHE / "runtime"),
        "mobius_service_port": _free_port(),
    }
    runs: Dict[str, List[Any]] = {"first": [], "again": []}
    modules = {}
    for number in range(rounds + 1):
        shutil.rmtree(home, ignore_errors=True)
        try:
            play("sample", inventory, variables)
            for name, kept in runs.items():
                log = None if number else places.CACHE / "modules.log"
                result = play("deploy", inventory, variables, log=log)
                _expect(name, result)
                if log:
                    modules[name] = result["modules"]
                else:
                    kept.append(result)
                    print(f"here, {name} run: {result}", file=sys.stderr, flush=True)
        finally:
            play("service", inventory, {**variables, "mobius_service_state": "stopped"})
            shutil.rmtree(home, ignore_errors=True)
    return {name: {**_median(kept), "modules": modules[name]} for name, kept in runs.items()}


def _expect(name: str, result: Dict[str, Any]) -> None:
    if name == "again" and result["changed"]:
        raise Broken(f"the unchanged run changed something: {result}")
    if name == "first" and not result["changed"]:
        raise Broken(f"the first run changed nothing: {result}")


def _median(runs: List[Dict[str, Any]]) -> Dict[str, Any]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _hosts(count: int) -> Dict[str, Any]:
    """Real hosts with systemd and sshd, made for this and removed; each has its service, and gets its library."""
    with _started(count) as inventory:
        variables = {"mobius_runtime_wheels": str(_wheels()), "mobius_serial": ["100%"]}
        runs = {}
        for name in ("first", "again"):
            runs[name] = play("deploy", inventory, variables, "--forks", str(count))
            _expect(name, runs[name])
            print(f"{count} hosts, {name} run: {runs[name]}", file=sys.stderr, flush=True)
    return {"count": count, **runs}


def _ran(command: List[str], environment: Optional[Dict[str, str]] = None) -> str:
    done = ended(command, environment)
    if done.returncode:
        raise Broken(f"{command[0]}: {(done.stdout + done.stderr).strip()[-400:]}")
    return done.stdout.strip()


@contextmanager
def _started(count: int) -> Iterator[Path]:
    """The inventory of the hosts: one is prepared, the others are its copies.

    :raises Broken: such hosts cannot be made here.
    """
    for step in ("check", "setup", "image"):
        _ran([_SCRIPT, step])
    folder = places.CACHE / "hosts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    key, inventory = folder / "key", folder / "hosts.yml"
    _ran(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    names = [f"bench-{number}" for number in range(count + 1)]
    environment = {**os.environ, "MOBIUS_TEST_IMAGE": f"localhost/{_ran([_SCRIPT, 'container', 'bench'])}"}
    try:
        print("preparing a host ...", file=sys.stderr, flush=True)
        port = int(_ran([_SCRIPT, "start", names[0], f"{key}.pub"]))
        inventory.write_text(json.dumps(_inventory({names[0]: port}, key)), "utf-8")
        play(_PREPARE, inventory, {"mobius_runtime_wheels": str(_wheels())})
        _copy(_ran([_SCRIPT, "container", names[0]]), environment["MOBIUS_TEST_IMAGE"])
        print(f"starting {count} hosts ...", file=sys.stderr, flush=True)
        ports = {name: int(_ran([_SCRIPT, "start", name, f"{key}.pub"], environment)) for name in names[1:]}
        inventory.write_text(json.dumps(_inventory(ports, key)), "utf-8")
        yield inventory
    finally:
        for name in names:
            _ran([_SCRIPT, "stop", name])
        _ran(["podman", "rmi", "--force", "--ignore", environment["MOBIUS_TEST_IMAGE"]])
        shutil.rmtree(folder, ignore_errors=True)


def _copy(container: str, image: str) -> None:
    _ran(["podman", "stop", "--time", "20", container])
    _ran(["podman", "commit", "--quiet", container, image])


def _inventory(ports: Dict[str, int], key: Path) -> Dict[str, Any]:
    """JSON is YAML."""
    variables = {
        "ansible_host": "127.0.0.1",
        "ansible_user": "deploy",
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        "ansible_python_interpreter": "/usr/bin/python3",
        "mobius_library_path": "/srv/mobius/library.json",
        "mobius_runtime_source": "wheels",
        "mobius_runtime_lean": True,
        "mobius_service_enabled": False,
        "mobius_restart_command": ["sudo", "-n", "/usr/bin/systemctl", "restart", "mobius-dhash.service"],
    }
    return {"all": {"hosts": {name: {"ansible_port": port} for name, port in ports.items()}, "vars": variables}}


def _wheels() -> Path:
    """What the hosts install, as they reach no package index."""
    folder = places.CACHE / "wheels"
    locks = [places.ROOT / "roles" / "runtime" / "files" / f"{name}.txt" for name in ("lean", "service")]
    text = "".join(lock.read_text("utf-8") for lock in locks)
    made = folder / "made-from.txt"
    if not made.exists() or made.read_text("utf-8") != text:
        shutil.rmtree(folder, ignore_errors=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "--quiet",
            "--disable-pip-version-check",
            "download",
            "--require-hashes",
        ]
        command += ["--only-binary", ":all:", "--python-version", "3.11", "--dest", str(folder)]
        for lock in locks:
            subprocess.run([*command, "-r", str(lock)], check=True)
        made.write_text(text, "utf-8")
    return folder
