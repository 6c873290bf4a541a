"""The playbooks run for real on this machine: a library of a few drawn pictures, a service on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ansible_collections.mobius.dhash.plugins.module_utils.process import supervise
from ansible_collections.mobius.dhash.tests.support import preloaded
from ansible_collections.mobius.dhash.tests.support.site import Site as Library
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".cache" / "test-runtime"


def draw(path: Path, seed: int) -> None:
    """An ordinary picture: a gradient with shapes, well above the confidence threshold."""
    image = Image.linear_gradient("L").resize((240, 240)).rotate(37 * seed, fillcolor=90).convert("RGB")
    pen = ImageDraw.Draw(image)
    pen.ellipse((20 + 9 * seed, 30, 120 + 9 * seed, 130), fill=(200, 40 * seed % 255, 60))
    pen.rectangle((130, 20 * seed % 180, 220, 20 * seed % 180 + 50), fill=(20, 90, 30 * seed % 255))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


class Site(Library):
    """One library with its pictures, and the way to run a playbook on it."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.port = _free_port()
        # What a play is run by, and with, in place of the user of the tests.
        self.run_by: List[str] = []
        self.environment: Dict[str, str] = {}

    def write_library(self, items: List[Dict[str, Any]]) -> bytes:
        self.library.write_text(json.dumps({"name": "test", "components": items}, indent=2) + "\n")
        return self.library.read_bytes()

    def play(
        self, name: str, *arguments: str, cwd: Path = ROOT, playbook: Optional[str] = None, **variables: Any
    ) -> Run:
        command, environment = self._call(name, *arguments, playbook=playbook, **variables)
        if not self.run_by:
            return Run(preloaded.run(command, str(cwd), environment, timeout=600))
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Run(done)

    def start(self, name: str, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
        """Start a playbook and return its process; the output is in ``stdout``."""
        command, environment = self._call(name, *arguments, playbook=None, **variables)
        log = (self.home.parent / f"{name}.out").open("w+", encoding="utf-8")
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True
        )

    def _call(
        self, name: str, *arguments: str, playbook: Optional[str], **variables: Any
    ) -> Tuple[List[str], Dict[str, str]]:
        """The command and its environment."""
        command = [
            *self.run_by,
            str(Path(sys.executable).parent / "ansible-playbook"),
            playbook or str(ROOT / "playbooks" / f"{name}.yml"),
        ]
        extra = {
            "mobius_home": str(self.home),
            "mobius_runtime_venv": str(VENV),
            "mobius_service_port": self.port,
            "mobius_health_interval": 0.2,
            "mobius_health_timeout": 20,
            **variables,
        }
        command += ["-i", str(ROOT / "inventories" / "local"), "-e", json.dumps(extra), *arguments]
        environment = {
            **os.environ,
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            # Nothing that the user has installed may stand in for this tree.
            "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
            **self.environment,
        }
        # The tests' own playbooks lie outside of playbooks/, where a checkout finds itself.
        own = str(ROOT / "playbooks" / "collections") if playbook else str(ROOT / ".cache" / "none")
        environment.setdefault("ANSIBLE_COLLECTIONS_PATH", own)
        return command, environment

    def end_service(self) -> None:
        for pid_file in self.home.rglob("service.pid"):
            supervise.stop(supervise.Program([], str(pid_file), os.devnull))

    def items(self) -> List[Dict[str, Any]]:
        return json.loads(self.library.read_bytes())["components"]

    def tree(self) -> Dict[str, bytes]:
        return {str(path.relative_to(self.home)): path.read_bytes() for path in self.home.rglob("*") if path.is_file()}


class Run:
    """How a playbook ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.output = done.stdout + done.stderr
        recap = re.search(r"ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", done.stdout)
        self.changed = int(recap.group(2)) if recap else -1

    def succeeded(self) -> Run:
        assert self.code == 0, self.output
        return self

    def failed(self, text: str) -> Run:
        assert self.code != 0, self.output
        assert text in re.sub(r"\s+", " ", self.output), self.output
        return self


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def eight_items(folder: Path) -> Iterator[Site]:
    """A library of eight items: six pictures, one corrupt file, one missing; the service is stopped at the end."""
    place = Site(folder / "site")
    for number in range(6):
        draw(place.home / "images" / f"piece-{number}.png", number)
    whole = (place.home / "images" / "piece-0.png").read_bytes()
    (place.home / "images" / "torn.png").write_bytes(whole[: len(whole) // 3])
    names = [f"images/piece-{number}.png" for number in range(6)] + ["images/torn.png", "images/gone.png"]
    place.write_library([{"id": f"item-{n}", "image": name, "price": 1.00} for n, name in enumerate(names)])
    try:
        yield place
    finally:
        place.end_service()
