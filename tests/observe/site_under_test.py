"""One deployed host on this machine: the sample library, its service, and the file for node_exporter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

from configuration import write
from programs import Failed

ROOT = Path(__file__).resolve().parents[2]
HOST = "games-1"


class Site:
    """The host ``games-1`` in an inventory of its own, all of it below ``home``."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.library = home / "site" / "library.json"
        self.textfile = home / "textfile"
        self.inventory = home / "inventory"
        self.logs = home / "plays"
        for folder in (self.library.parent, self.textfile, self.inventory, self.logs):
            folder.mkdir(parents=True)
        (home / "ansible.cfg").touch()
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "mobius_library_path": str(self.library),
            # Kept from run to run: what is proven here is not its installation.
            "mobius_runtime_venv": str(ROOT / ".cache" / "observe" / "runtime"),
            "mobius_service_dir": str(home / "site" / "service"),
            "mobius_service_port": port,
            "mobius_service_manager": "process",
            "mobius_metrics_file": str(self.textfile / "mobius_dhash.prom"),
            "mobius_monitor_duration": 10,
            "mobius_monitor_interval": 1,
            # Their means take longer than this watch.
            "mobius_limits_over": {"extraction_failures_rate": 5, "p95_hash_time": 5},
        }
        write(self.inventory / "hosts.yml", {"all": {"hosts": {HOST: variables}}})

    def environment(self) -> Dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            # As the rulebooks say for a checkout.
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
            "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            # Colors and settings of the operator do not apply here.
            "ANSIBLE_CONFIG": str(self.home / "ansible.cfg"),
            "NO_PROXY": "*",
        }

    def play(self, name: str, limit: float = 300, **variables: Any) -> None:
        """Run a playbook as an operator does.

        :raises Failed: it failed; its output is in the log.
        """
        log = self.logs / f"{len(list(self.logs.iterdir())):02d}-{name}.log"
        command: List[str] = [
            *(str(Path(sys.executable).with_name("ansible-playbook")), str(ROOT / "playbooks" / f"{name}.yml")),
            *("-i", str(self.inventory), "-e", json.dumps(variables)),
        ]
        with log.open("wb") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment()},
                timeout=limit,
                check=False,
            )
        if done.returncode:
            raise Failed(f"{name}.yml ended with status {done.returncode}: {log.read_text()[-2000:]}")

    def damage_pictures(self) -> None:
        """What a bad copy does: one picture holds another one, and every fourth is cut short."""
        images = sorted((self.library.parent / "images").glob("*.png"))
        (images[1]).write_bytes(images[2].read_bytes())
        for path in images[3::4]:
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) // 3])

    def last_deployment(self) -> Dict[str, Any]:
        """The facts of the newest report."""
        newest = max((self.library.parent / "logs").glob("deployment-*.json"))
        return dict(json.loads(newest.read_bytes())["facts"])

    def runs(self, kind: str) -> int:
        """How many runs of a kind have left their report."""
        return len(list((self.library.parent / "logs").glob(f"{kind}-*.json")))
