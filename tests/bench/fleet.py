"""From 1 to 100 hosts over ssh: what a fleet run costs the controller and the hosts, beside a ping and Ansistrano.

Each host is an sshd of its own on the loopback address, with its own port, home and library. The sshd are not started
by ansible-playbook, so that its CPU is that of the controller alone, and the CPU of each sshd that of its host.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import places
from ansible_collections.mobius.dhash.tests.support import remote
from controllers import ANSISTRANO, FIRST, PING, PLAYS, UNCHANGED, has_ansistrano, variables
from fresh import Sampler
from playbook_run import Broken, ended, play

COUNTS = (1, 10, 50, 100)
#: What is measured first, where the time is bounded.
_ORDER = ((PING, FIRST), (ANSISTRANO, UNCHANGED))
#: Hosts at a time; more of them only wait for the two processors.
FORKS = 25
SIMULATED = (100, 1000, 10000)


def measure(limit: int, seconds: float) -> Dict[str, Any]:
    """Rows by number of hosts, then by playbook.

    :param limit: to try the bench: 1 and 3 hosts.
    :param seconds: playbooks that would not end in this time, as the fewer hosts tell, are left out and named.
    """
    counts = (1, 3) if limit else COUNTS
    folder = Path(tempfile.mkdtemp(prefix="mobius-bench-"))
    missing = {} if has_ansistrano() else {ANSISTRANO: "the role archive could not be fetched"}
    began = time.monotonic()
    try:
        _draw(folder / "sample")
        with _serving(folder, counts[-1]) as hosts:
            rows, left_out = _rows(counts, hosts, folder, missing, began + seconds)
        simulated = {str(count): simulate(count) for count in SIMULATED[: 1 if limit else None]}
        return {"rows": rows, "missing": missing, "left_out": left_out, "forks": FORKS, "simulated": simulated}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rows(
    counts: Tuple[int, ...], hosts: Dict[str, Dict[str, Any]], folder: Path, missing: Dict[str, str], deadline: float
) -> Tuple[Dict[str, Any], List[str]]:
    rows: Dict[str, Any] = {str(count): {} for count in counts}
    left_out = []
    for count, name in ((count, name) for names in _ORDER for name in names for count in counts):
        if name in missing:
            continue
        known = [row[name]["seconds"] / int(number) for number, row in rows.items() if name in row]
        if known and time.monotonic() + known[-1] * count > deadline:
            left_out.append(f"{name} on {count} hosts")
            continue
        rows[str(count)][name] = _run(name, dict(list(hosts.items())[:count]), folder)
        print(f"{count} hosts, {name}: {rows[str(count)][name]}", file=sys.stderr, flush=True)
    return rows, left_out


def _draw(folder: Path) -> None:
    inventory = places.ROOT / "inventories" / "local"
    variables = {"mobius_home": str(folder), "mobius_runtime_venv": str(places.CACHE / "runtime")}
    play("sample", inventory, variables)
    # The environment for hashing is there before; a prediction makes it and changes no library.
    trial = {**variables, "mobius_service_enabled": False, "mobius_health_check": False}
    play("deploy", inventory, trial, "--tags", "prepare")
    for name in ("logs", ".library.json.dhash"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _run(name: str, hosts: Dict[str, Dict[str, Any]], folder: Path) -> Dict[str, Any]:
    """One run: wall seconds, CPU seconds of the controller and of the hosts, and the most memory of the controller."""
    inventory = folder / "inventory.json"
    listed = {host: known["variables"] for host, known in hosts.items()}
    inventory.write_text(json.dumps({"all": {"hosts": listed, "vars": variables()}}), "utf-8")
    playbook = "deploy"
    if name in PLAYS:
        path = folder / "play.yml"
        path.write_text(json.dumps(PLAYS[name]), "utf-8")
        playbook = str(path)
    if name == FIRST:
        for host in hosts:
            shutil.rmtree(folder / host / "site", ignore_errors=True)
            shutil.copytree(folder / "sample", folder / host / "site")
    before = sum(_cpu_of(host["pid"]) for host in hosts.values())
    sampler = Sampler(os.getpid(), 1, [host["pid"] for host in hosts.values()])
    try:
        found = play(playbook, inventory, {"mobius_serial": ["100%"]}, "--forks", str(min(FORKS, len(hosts))))
    finally:
        peak = sampler.end() - _own_memory()
    if name == UNCHANGED and found["changed"]:
        raise Broken(f"the unchanged run changed something: {found}")
    # A connection that is kept open has not been counted yet.
    for host in hosts.values():
        _close(host["variables"]["ansible_control_path"])
    time.sleep(0.5)
    on_hosts = sum(_cpu_of(host["pid"]) for host in hosts.values()) - before
    return {"seconds": found["seconds"], "cpu": found["cpu"], "host_cpu": on_hosts, "peak": peak}


@contextmanager
def _serving(folder: Path, count: int) -> Iterator[Dict[str, Dict[str, Any]]]:
    """``count`` hosts by name: ``pid`` of the sshd, and the ``variables`` of the inventory."""
    why = remote.unavailable()
    if why:
        raise Broken(why)
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        if ended(key).returncode:
            raise Broken("ssh-keygen failed")
    started: List[subprocess.Popen] = []
    try:
        hosts: Dict[str, Dict[str, Any]] = {}
        for number in range(count):
            name = f"h{number}"
            process, port = _sshd(folder, folder / name)
            started.append(process)
            hosts[name] = {"pid": process.pid, "variables": _connection(folder, folder / name, port)}
        for host in hosts.values():
            _await(host["variables"]["ansible_port"])
        yield hosts
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(timeout=20)


def _sshd(folder: Path, home: Path) -> Tuple[subprocess.Popen, int]:
    home.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = home / "sshd_config"
    lines = remote.config(folder, {"HOME": str(home)})
    config.write_text("\n".join([*lines, "ListenAddress 127.0.0.1", f"Port {port}", "MaxStartups 200"]) + "\n")
    command = [str(remote.server()), "-D", "-f", str(config), "-E", str(home / "sshd.log")]
    return subprocess.Popen(command, env={**os.environ, **remote.libraries()}), port


def _connection(folder: Path, home: Path, port: int) -> Dict[str, Any]:
    options = {
        **{"IdentityFile": f"{folder}/user", "IdentitiesOnly": "yes", "StrictHostKeyChecking": "no"},
        **{"UserKnownHostsFile": "/dev/null", "LogLevel": "ERROR"},
        **{"ControlMaster": "auto", "ControlPersist": "60s", "ControlPath": f"{home}/master"},
    }
    arguments = " ".join(["-F", "none", *(word for each in options.items() for word in ("-o", "=".join(each)))])
    return {
        **{"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": "root"},
        **{"ansible_ssh_args": arguments, "ansible_control_path": f"{home}/master", "mobius_home": f"{home}/site"},
    }


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise Broken(f"sshd on port {port} does not answer")


def _own_memory() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _close(master: str) -> None:
    """End the connection that ssh keeps, so that the next run opens its own, and sshd has counted its CPU."""
    if os.path.exists(master):
        ended(["ssh", "-F", "none", "-o", f"ControlPath={master}", "-O", "exit", "127.0.0.1"])


def _cpu_of(pid: int) -> float:
    """CPU seconds of a process with those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def simulate(count: int) -> Dict[str, float]:
    """CPU seconds of what a fleet run of so many hosts derives on the controller, without Ansible and without hosts."""
    from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
    from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import Journal
    from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout import Policy, Rollout
    from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_lines import artifact, lines

    names = [f"h{number}" for number in range(count)]
    hosts = Hosts(names, names, names)
    counts = {"items": 60, "hashed": 58, "review": 4, "unchanged": 0, "failed": 2}
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        for name in names:
            journal = Journal(folder, name)
            known = {"kind": "deployment", "check_mode": False}
            journal.begin({**known, "id": f"r-{name}", "path": "/srv/library.json", "started_at": ""})
            journal.note_rollout("begin", **known, run=f"r-{name}", at=1.0, batch="h0", by_scope=False)
        for name in names:
            journal = Journal(folder, name)
            end = {"run": f"r-{name}", "kind": "deployment", "status": "deployed", "why": "", "at": 2.0}
            with journal.ended(names, status="deployed", lines=[]):
                pass
            more = {"headline": "Deployed.", "lost": False, "counts": counts, "backup": "", "report": "", "next": []}
            journal.note_rollout("end", **end, **more)
        first = Journal(folder, names[0])
        for name in names * 3:
            Journal(folder, name).derived("all", lambda: Rollout(first.rollout(), hosts, Policy()).answers())
        rollout = Rollout(first.rollout(), hosts, Policy())
        lines(rollout, "F1", lambda *_unused, **_also: "")
        artifact(rollout, "F1", lambda *_unused, **_also: "")
        return {"cpu": time.process_time() - began}
