"""dhash_migrate in the background, followed from the controller, by Ansible itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import acquire, holder, writing
from ansible_collections.mobius.dhash.tests.support.places import ROOT
from PIL import Image

ANSIBLE = Path(sys.executable).parent / "ansible"


class Site:
    """A library whose pictures take one worker some seconds, or more than any test waits."""

    def __init__(self, home: Path, count: int) -> None:
        self.home = home
        self.library = home / "library.json"
        self.jobs = home / "jobs"
        (home / "images").mkdir()
        first = home / "images" / "0.jpg"
        Image.radial_gradient("L").rotate(30).resize((3000, 2400)).convert("RGB").save(first)
        for number in range(1, count):
            os.link(first, home / "images" / f"{number}.jpg")
        items = [{"image": f"images/{number}.jpg"} for number in range(count)]
        self.library.write_text(json.dumps({"components": items}, indent=2))
        self.before = self.library.read_bytes()

    def start(self, *flags: str, **arguments: Any) -> subprocess.Popen[str]:
        call = {"path": str(self.library), "workers": "1", **arguments}
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
            "ANSIBLE_ASYNC_DIR": str(self.jobs),
            "ANSIBLE_NOCOLOR": "1",
            # Ansible flushes no line by itself.
            "PYTHONUNBUFFERED": "1",
        }
        command = [str(ANSIBLE), "localhost", "-m", "mobius.dhash.dhash_migrate", "-a", json.dumps(call), *flags]
        command += [
            "-e",
            json.dumps({"ansible_python_interpreter": sys.executable, "ansible_async_dir": str(self.jobs)}),
        ]
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *flags: str, **arguments: Any) -> str:
        with self.start(*flags, **arguments) as process:
            return process.communicate(timeout=300)[0]

    def processes(self) -> List[str]:
        """Whatever still works on this library."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                names = [os.readlink(name) for name in (folder / "fd").iterdir()]
            except OSError:
                continue
            if folder.name != str(os.getpid()) and any(name.startswith(str(self.home)) for name in names):
                found.append(folder.name)
        return found

    def ends(self) -> bool:
        return self.becomes(lambda: not self.processes())

    def forgets_its_jobs(self) -> bool:
        return self.becomes(lambda: not list(self.jobs.iterdir()))

    @staticmethod
    def becomes(true: Callable[[], bool]) -> bool:
        until = time.monotonic() + 120
        while not true() and time.monotonic() < until:
            time.sleep(0.1)
        return true()


def result(output: str) -> Dict[str, Any]:
    """What the module returned, with ``failed`` from the status line."""
    at = output.index("=> {")
    return {**json.loads(output[at + 3 :].strip()), "failed": "FAILED!" in output[:at]}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, 400)


def test_progress_is_reported_and_the_result_is_that_of_a_plain_run(tmp_path: Path) -> None:
    # Enough pictures that the first look at the progress, a second later, comes before their end.
    site = Site(tmp_path, 80)
    output = site.run(progress="yes", timeout="300")
    assert "of about 80 items" in output or "reading the library" in output
    followed = result(output)
    assert followed["changed"] is True
    assert followed["hashed"] == 80
    assert list(site.jobs.iterdir()) == []
    again = result(site.run(progress=True))
    assert again["changed"] is False
    site.library.write_bytes(site.before)
    plain = result(site.run())
    assert plain.keys() - {"invocation"} == followed.keys() - {"invocation"}
    assert plain["with_dhash"] == 80


def test_check_mode_goes_without_a_job_and_writes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, 3)
    output = result(site.run("--check", progress=True, timeout=100))
    assert output["changed"] is True
    assert output["hashed"] == 3
    assert site.library.read_bytes() == site.before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "library.json"]


def test_a_timeout_ends_it_with_a_next_step(site: Site) -> None:
    output = result(site.run(timeout=2))
    assert output["failed"] is True
    assert "timeout of 2 seconds" in output["msg"]
    assert "Next: " in output["msg"]
    assert site.ends()
    assert site.library.read_bytes() == site.before
    assert list(site.jobs.iterdir()) == []
    with writing(str(site.library), None):
        pass


def test_a_failure_is_reported_as_without_progress(tmp_path: Path) -> None:
    site = Site(tmp_path, 1)
    site.library.unlink()
    followed, plain = result(site.run(progress=True)), result(site.run())
    assert followed["failed"] is True
    assert followed["msg"] == plain["msg"]


@pytest.mark.parametrize("arguments", [{"timeout": "soon"}, {"timeout": -1}, {"progress": "perhaps"}])
def test_an_invalid_limit_is_refused(arguments: Dict[str, Any], tmp_path: Path) -> None:
    site = Site(tmp_path, 1)
    output = result(site.run(**arguments))
    assert output["failed"] is True
    assert site.library.read_bytes() == site.before


# A play that is killed cannot stop its migration: the idle timeout does. One that is interrupted stops it itself.
@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("number", "patience"), [(signal.SIGINT, 3600), (signal.SIGTERM, 3600), (signal.SIGKILL, 2)])
def test_a_play_that_is_gone_leaves_a_clean_host(number: signal.Signals, patience: int, site: Site) -> None:
    acquire(str(site.library), "a-deployment")
    process = site.start(progress=True, patience=patience, deployment="a-deployment")
    with process:
        assert process.stdout is not None
        while "of about" not in (line := process.stdout.readline()):
            assert line, "it ended before it reported anything"
        os.killpg(process.pid, number)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:  # Ansible can wait for ever for a worker that it interrupted itself
            process.kill()
    assert site.ends()
    assert site.library.read_bytes() == site.before
    assert site.becomes(lambda: not list(site.home.glob(".library.json.dhash/progress*")))
    assert holder(str(site.library)) is None
    if number != signal.SIGKILL:
        assert site.forgets_its_jobs()
    with writing(str(site.library), None):
        pass
