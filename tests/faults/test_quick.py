"""The short run of the harness, and proof that the harness sees a loss when there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List

import concurrency
import disks
import paths
import pytest
import runbooks
import sweep
from ansible_collections.mobius.dhash.plugins.module_utils.storage import replace
from judge import Lost
from sweep import Bench, Verdict

RUN = Path(__file__).resolve().parent / "run.py"
needs_mounts = pytest.mark.skipif(disks.unavailable() is not None, reason=str(disks.unavailable()))


def test_nothing_is_lost_and_no_fault_is_left_out() -> None:
    groups = ["calls", "damage", "concurrency", "plays"]
    if disks.unavailable() is None:
        groups += ["full", "power"]
    command = [sys.executable, "-B", str(RUN), "--quick"]
    for group in groups:
        command += ["--group", group]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    total = re.search(r"^\| \*\*all\*\* \|.* (\d+) \| (\d+) \| 0 \|$", done.stdout, re.MULTILINE)
    assert total is not None and total.group(1) == total.group(2)
    assert int(total.group(1)) >= 1000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """In a folder of its own, beside which nothing is mounted when a test fails."""
    paths.draw(tmp_path / "images")
    yield Bench(tmp_path / "bench", tmp_path / "images")
    shutil.rmtree(tmp_path / "bench", ignore_errors=True)


def losses(bench: Bench, cases: List[Any]) -> List[Verdict]:
    return [verdict for verdict in (case.attempt(bench) for case in cases) if verdict.lost is not None]


def killed(bench: Bench, name: str) -> List[sweep.Case]:
    return [case for case in sweep.cases(name, bench.points(name)) if case.kind == sweep.KILL]


def test_the_harness_detects_a_library_written_in_place(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.model("restore")
    monkeypatch.setattr(os, "rename", lambda source, target: Path(target).write_bytes(Path(source).read_bytes()))
    assert any("neither old nor new" in str(each.lost) for each in losses(bench, killed(bench, "restore")))


def test_the_harness_detects_a_backup_without_its_checksum(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.model("backup")
    real = paths.store.create_exclusively
    late: List[Any] = []
    monkeypatch.setattr(paths.store, "create_exclusively", lambda *given, **named: late.append((given, named)))
    original = paths.store.replace_whole

    def checksum_last(*given: Any, **named: Any) -> Any:
        version = original(*given, **named)
        real(*late[-1][0], **late.pop()[1])
        return version

    monkeypatch.setattr(paths.store, "replace_whole", checksum_last)
    assert any("no checksum" in str(each.lost) for each in losses(bench, killed(bench, "backup")))


def test_the_harness_detects_a_duplicate_backup(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.model("restore")
    monkeypatch.setattr(paths.store.Store, "durable", lambda *given: None)
    assert any("kept 2 times" in str(each.lost) for each in losses(bench, killed(bench, "restore")))


@needs_mounts
def test_the_harness_detects_a_missing_fsync(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.model("restore")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    cases = [disks.PowerCut("restore", cut, None) for cut in disks.CUTS]
    assert len(losses(bench, cases)) == 2


def test_the_harness_detects_an_overwritten_edit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.model("restore")
    monkeypatch.setattr(replace, "_check_expected", lambda path, expected: None)
    assert losses(bench, [concurrency.Edited("restore", "in place")])


def test_the_harness_detects_a_lock_left_behind(bench: Bench) -> None:
    site = bench.model("restore").site
    runbooks.lock_becomes_free(site)
    paths.lock.acquire(site.path, "playbook", pid=os.getpid())
    with pytest.raises(Lost, match="does not become free"):
        runbooks.lock_becomes_free(site)


def test_only_runs_that_left_the_same_share_what_follows(bench: Bench) -> None:
    site = bench.model("migrate").site
    first = runbooks.state_of(site)
    assert runbooks.state_of(site.copy(bench.folder / "copy")) == first
    seen = {first}
    for name in (".library.json.0123456789ab.tmp", "backups/library.json.bak.20200101T000000Z", "logs/x.tmp"):
        (site.home / name).parent.mkdir(exist_ok=True)
        (site.home / name).touch()
        seen.add(runbooks.state_of(site))
    site.library.chmod(0o600)
    seen.add(runbooks.state_of(site))
    site.library.write_bytes(site.library.read_bytes() + b" ")
    seen.add(runbooks.state_of(site))
    assert len(seen) == 6


def test_the_harness_detects_an_ignored_lock(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.model("restore")
    # The look before the call, and the one around the replacement.
    for name in ("refuse_if_held", "check_lease"):
        monkeypatch.setattr(paths.lock, name, lambda path, deployment: None)
    assert losses(bench, [concurrency.Held("restore", "held by a deployment")])
