"""Run a playbook of the collection as an operator does, broken or whole."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Optional

from ansible_collections.mobius.dhash.tests.support import remote
from broken import DONE, KILLED, REPORTED, Ended
from paths import Site

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).resolve().parent / "inside"
VENV = ROOT / ".cache" / "test-runtime"
SECONDS = 300
#: After which Ctrl-C is pressed again: ansible-core waits for ever where the first one ended a worker that was just
#: handing over its result, for that one takes the lock of the queue with it.
_PATIENCE = 60
#: What the runs over ssh and their lock need; a lock over ssh dies by its time alone.
TTL = 12
_QUICK = {
    **{"mobius_service_enabled": False, "mobius_health_check": False, "mobius_workers": 1},
    **{"mobius_verify_sample": 2, "mobius_lock_wait": 0},
}
#: Exit codes after a signal, from the process itself, from a shell, and from Ansible after Ctrl-C.
_BY_SIGNAL = {99, *(128 + number for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM))}
_AS_BEFORE = "Nothing was changed in|holds the bytes from before"
_REFUSED = (
    "The library is locked by|Another process is writing to the library"
    "|Another process has been changing the lock file of the library"
)


class Play:
    """A playbook that runs on ``site``.

    :param plan: where it breaks, as inside/ reads it.
    :param over_ssh: whether the host is reached over ssh.
    """

    def __init__(
        self, name: str, site: Site, plan: Optional[Dict[str, Any]] = None, *, over_ssh: bool = False, **variables: Any
    ) -> None:
        self._own = site.home.with_name(f"{site.home.name}.{Path(name).stem}.{os.urandom(3).hex()}")
        self._own.mkdir()
        self.order = self._own / "order"
        self.log = self._own / "log"
        self.log.touch()
        (self._own / "plan").write_text(json.dumps({"log": str(self.log), **(plan or {})}))
        self._by_keyboard = "INT" in (plan or {}).values()
        playbook = ROOT / "playbooks" / f"{name}.yml" if "/" not in name else Path(name)
        command = [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook)]
        command += ["-i", str(self._hosts(over_ssh)), "-e", json.dumps({**_of(site), **variables})]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **self._environment(), "FAULTS_PLAN": str(self._own / "plan")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _hosts(self, over_ssh: bool) -> Path:
        if not over_ssh:
            return ROOT / "inventories" / "local"
        variables = remote.connection(self._own / "ssh", self._inside())
        variables.update(ansible_pipelining=True, ansible_python_interpreter=sys.executable)  # type: ignore[call-overload]
        hosts = self._own / "hosts.json"
        hosts.write_text(json.dumps({"all": {"hosts": {"far": variables}}}))
        return hosts

    def _inside(self) -> Dict[str, str]:
        return {"PYTHONPATH": str(INSIDE), "FAULTS_ORDER": str(self.order), "PYTHONDONTWRITEBYTECODE": "1"}

    def _environment(self) -> Dict[str, str]:
        return {
            **self._inside(),
            "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(INSIDE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "faults",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_LOCAL_TEMP": str(self._own / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(self._own / "tmp"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._own / "cp"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
        }

    def _outlive(self) -> None:
        mark = f"FAULTS_ORDER={self.order}".encode()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if not any(mark in _environment_of(each) for each in Path("/proc").glob("[0-9]*")):
                return
            time.sleep(0.05)
        raise RuntimeError(f"what a playbook left running hangs for {SECONDS} seconds")

    @property
    def obeyed(self) -> bool:
        """Whether the module got to the place where it was to be broken."""
        return Path(f"{self.order}.obeyed").exists()

    @property
    def over(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        """Kill ansible-playbook alone."""
        self._process.kill()

    def tasks(self) -> List[tuple[int, str]]:
        """Number and name of each task that did something on the host."""
        return [tuple(json.loads(line)) for line in self.log.read_text().splitlines()]

    def ended(self) -> Whole:
        """Wait for it, and for the modules that it has left running."""
        try:
            output = self._output()
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise RuntimeError(f"a playbook hangs for {SECONDS} seconds") from None
        self._outlive()
        return Whole(self._process.returncode, output, obeyed=self.obeyed)

    def _output(self) -> str:
        if self._by_keyboard:
            with suppress(subprocess.TimeoutExpired):
                return self._process.communicate(timeout=_PATIENCE)[0]
            self._process.send_signal(signal.SIGINT)
        return self._process.communicate(timeout=SECONDS)[0]


def _environment_of(process: Path) -> bytes:
    try:
        # A connection that waits for further tasks is no module.
        if (process / "comm").read_text().strip() in ("ssh", "sshd"):
            return b""
        return (process / "environ").read_bytes()
    except OSError:
        return b""


class Whole:
    """How a playbook ended."""

    def __init__(self, code: int, output: str, *, obeyed: bool) -> None:
        self.code = code
        self.output = output
        self.obeyed = obeyed
        recap = re.search(r"changed=(\d+)", output)
        self.changed = int(recap.group(1)) if recap else None

    @property
    def refused(self) -> bool:
        """Whether it stopped because someone else has the library."""
        return self.code > 0 and re.search(_REFUSED, re.sub(r"\s+", " ", self.output)) is not None

    @property
    def by_signal(self) -> bool:
        return self.code < 0 or self.code in _BY_SIGNAL

    def ended(self) -> Ended:
        """As the judge takes it: a run that does not report that all is as before may have done all, or nothing."""
        text = " ".join(self.output.split())
        if self.code == 0:
            how = DONE
        elif not self.by_signal and re.search(_AS_BEFORE, text):
            how = REPORTED
        else:
            how = KILLED
        return Ended(how, text[-600:], self.obeyed or self.by_signal)


def _of(site: Site) -> Dict[str, Any]:
    return {
        "mobius_home": str(site.home),
        "mobius_library_path": site.path,
        "mobius_image_root": str(site.images),
        "mobius_runtime_venv": str(VENV),
        # The environment that the integration tests share is made for the service as well.
        "runtime_service": True,
        **_QUICK,
    }


def play(name: str, site: Site, **variables: Any) -> Whole:
    """Run it whole.

    :raises RuntimeError: it failed.
    """
    done = Play(name, site, **variables).ended()
    if done.code != 0:
        raise RuntimeError(f"{name} ends with {done.code}: {' '.join(done.output.split())[-1500:]}")
    return done


def make_runtime(folder: Path) -> None:
    """The hashing environment, shared with the integration tests: created once, by the first user."""
    VENV.parent.mkdir(exist_ok=True)
    with VENV.with_suffix(".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        folder.mkdir(parents=True, exist_ok=True)
        play(str(ROOT / "tests" / "integration" / "runtime.yml"), Site(folder / "runtime", folder))
