"""A real deployment that is watched, a second one, a forced rollback and a manual rollback, under one ansible-core.

deployment.py ANSIBLE_PLAYBOOK COLLECTIONS: COLLECTIONS is a folder with ``ansible_collections/mobius/dhash`` in it; the
playbooks run from there by their full names, as from an installed collection. Everything else lies in a folder that is
removed at the end. Exits 0 when the library held at each point what it has to hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

METRICS = {
    **{"avg_hash_time": 20, "p95_hash_time": 60},
    **{"extraction_failures_rate": 0, "low_confidence_queue_length": 4},
}
WATCH = {"mobius_monitor_interval": 1, "mobius_monitor_slow_after": 0, "mobius_limits_over": {}}
BROKEN = "- name: Fail after the migration\n  ansible.builtin.fail:\n    msg: forced by the test\n"


class Wrong(Exception):
    """An unexpected outcome, with the end of the output."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_unused: Any) -> None:
        """Only what is checked is printed."""


class Machine:
    """A library of its own on this machine, and the playbooks that run on it."""

    def __init__(self, home: Path, ansible_playbook: str, collections: str) -> None:
        self.home, self.program = home, ansible_playbook
        self.library = home / "library.json"
        interpreter = os.environ.get("HOST_PYTHON") or "{{ ansible_playbook_python }}"
        (home / "hosts.yml").write_text(
            json.dumps(
                {
                    "all": {
                        "hosts": {
                            "localhost": {
                                "ansible_connection": "local",
                                "ansible_python_interpreter": interpreter,
                                "mobius_library_path": str(self.library),
                                "mobius_runtime_venv": str(home / "venv"),
                                "mobius_service_enabled": False,
                                "mobius_health_check": False,
                            }
                        }
                    }
                }
            )
        )
        (home / "broken.yml").write_text(f"---\n{BROKEN}")
        self.environment = {
            # Nothing of the user's configuration, and no collection but the one that is tested.
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "HOME": str(home),
            "ANSIBLE_HOME": str(home / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_NOCOLOR": "1",
        }

    def play(self, name: str, **variables: Any) -> Tuple[int, str]:
        command = [self.program, f"mobius.dhash.{name}", "-i", str(self.home / "hosts.yml")]
        command += ["-e", json.dumps(variables)] if variables else []
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def answering(self) -> Iterator[Dict[str, Any]]:
        """The variables of a watch of a healthy service with good metrics."""
        folder = self.home / "answers"
        folder.mkdir()
        (folder / "health").write_text('{"status": "healthy"}')
        (folder / "metrics.json").write_text(json.dumps(METRICS))
        handler = partial(Quiet, directory=str(folder))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            yield {**WATCH, "mobius_health_url": f"{url}/health", "mobius_metrics_url": f"{url}/metrics.json"}
            server.shutdown()

    def sha256(self) -> str:
        return hashlib.sha256(self.library.read_bytes()).hexdigest()


def expect(holds: bool, what: str, output: str) -> None:
    if not holds:
        raise Wrong(f"{what}\n{output[-6000:]}")
    print(f"    ok: {what}", flush=True)


def changed(output: str) -> int:
    found: List[str] = re.findall(r"changed=(\d+)", output)
    return sum(map(int, found)) if found else -1


def follow(machine: Machine) -> None:
    code, output = machine.play("sample")
    expect(code == 0, "the sample library is drawn", output)
    before = machine.sha256()

    code, output = machine.play("deploy", mobius_hooks={"after_migrate": str(machine.home / "broken.yml")})
    expect(code != 0, "a deployment that fails after the migration exits non-zero", output)
    expect(machine.sha256() == before, "and the forced rollback leaves the bytes of before", output)

    with machine.answering() as watch:
        code, output = machine.play("deploy", mobius_batch_watch=3, **watch)
        deployed = machine.sha256()
        expect(code == 0 and deployed != before, "a deployment changes the library", output)
        expect("Watched after the batch: pass" in output, "and the watch of its batch passes", output)
        code, output = machine.play("monitor", mobius_monitor_duration=3, **watch)
        expect(code == 0 and machine.sha256() == deployed, "the watch by monitor.yml passes", output)

    items: List[Dict[str, Any]] = [
        item for item in json.loads(machine.library.read_bytes())["components"] if "dhash" in item
    ]
    expect(len(items) > 10, f"{len(items)} items have a dHash", output)

    code, output = machine.play("deploy")
    expect(code == 0 and changed(output) == 0, "a second deployment reports changed=0", output)
    expect(machine.sha256() == deployed, "and leaves the same bytes", output)

    code, output = machine.play("verify")
    expect(code == 0, "the library verifies", output)

    code, output = machine.play("rollback")
    expect(code == 0 and machine.sha256() == before, "a manual rollback restores the bytes of before", output)


def main(ansible_playbook: str, collections: str) -> int:
    with tempfile.TemporaryDirectory(prefix="mobius-matrix-") as home:
        try:
            follow(Machine(Path(home), ansible_playbook, str(Path(collections).resolve())))
        except Wrong as error:
            print(f"    failed: {error}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
