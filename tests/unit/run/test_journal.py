"""The controller's journal: what the tasks of one ansible-playbook share."""

from __future__ import annotations

import multiprocessing
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import checks
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.controller import controller_facts, job_of, under_runner
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import END, STEP, Journal
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.notification import Hosts, end_notice


def begin(tmp_path: Path, host: str, kind: str = "deployment") -> Journal:
    journal = Journal(str(tmp_path), host)
    journal.begin({"kind": kind, "id": "1"})
    return journal


def test_a_run_is_open_until_it_ends(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "a")
    assert not journal.is_open and journal.entries() == []
    journal.add(STEP, step="preflight")
    assert journal.entries() == []
    journal = begin(tmp_path, "a")
    journal.add(STEP, step="preflight", result={"path": Path("/x")})
    assert journal.is_open
    with journal.ended(status="deployed") as runs:
        assert [entry["event"] for entry in runs["a"]] == ["begin", "step", "end"]
    journal.add(STEP, step="finish")
    assert [entry["event"] for entry in journal.entries()] == ["begin", "step", "end"]
    begin(tmp_path, "a")
    assert len(journal.entries()) == 1


@pytest.mark.parametrize("host", ["../../etc/x", "a/b", "é\n", "x" * 300])
def test_any_name_of_a_host_has_a_file_for_this_user_alone(tmp_path: Path, host: str) -> None:
    journal = begin(tmp_path, host)
    (path,) = (tmp_path / "mobius.dhash").iterdir()
    assert stat.S_IMODE((tmp_path / "mobius.dhash").stat().st_mode) == 0o700
    assert path.suffix == ".jsonl"
    with journal.all_hosts() as runs:
        assert list(runs) == [host]


def end_of(folder: str, host: str, hosts: Any, sent: Any, barrier: Any) -> None:
    journal = Journal(folder, host)
    barrier.wait()
    with journal.ended(status="deployed") as runs:
        notice = end_notice("deployment", hosts, runs)
        sent.put(notice.subject if notice else None)


def test_of_hosts_that_end_together_one_sends_the_message(tmp_path: Path) -> None:
    names = [f"h{number}" for number in range(8)]
    for name in names:
        begin(tmp_path, name)
    fork = multiprocessing.get_context("fork")
    sent, barrier = fork.Queue(), fork.Barrier(len(names))
    hosts = Hosts(names, names, names)
    workers = [fork.Process(target=end_of, args=(str(tmp_path), name, hosts, sent, barrier)) for name in names]
    for worker in workers:
        worker.start()
    subjects = [sent.get(timeout=60) for _name in names]
    for worker in workers:
        worker.join()
    assert [subject for subject in subjects if subject] == ["Deployment succeeded on 8 of 8 hosts"]


def test_nothing_begins_after_a_batch_that_lost_a_host(tmp_path: Path) -> None:
    begin(tmp_path, "a").add(END, status="deployed")
    begin(tmp_path, "b")
    journal = begin(tmp_path, "c")
    checks.refuse_after_lost_hosts(Hosts(list("abc"), list("abc"), ["c"]), journal)
    # Lost, but with its end told; and one that was out of reach before anything began.
    checks.refuse_after_lost_hosts(Hosts(list("abcd"), list("bc"), ["c"]), journal)
    with pytest.raises(MobiusError, match="b: lost in an earlier batch, so nothing was begun on c"):
        checks.refuse_after_lost_hosts(Hosts(list("abc"), list("ac"), ["c"]), journal)


def test_settings_that_would_end_a_run_in_the_middle_are_refused(monkeypatch) -> None:
    checks.refuse_task_timeout(0)
    with pytest.raises(MobiusError, match="task timeout of 30 s"):
        checks.refuse_task_timeout(30)
    for name in ("AWX_PRIVATE_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS"):
        monkeypatch.delenv(name, raising=False)
    checks.refuse_unanswerable_question("yes")
    monkeypatch.setenv("AWX_PRIVATE_DATA_DIR", "/runner")
    checks.refuse_unanswerable_question("no")


def test_a_closed_window_is_refused_unless_it_is_ignored() -> None:
    checks.refuse_outside_window({}, None)
    far = datetime.now(timezone.utc) + timedelta(days=3)
    closed = {"start": "10:00", "end": "10:01", "days": [far.strftime("%a").lower()]}
    checks.refuse_outside_window(closed, "yes")
    with pytest.raises(MobiusError, match="The maintenance window is closed; it opens at"):
        checks.refuse_outside_window(closed, False)
    with pytest.raises(MobiusError):
        checks.refuse_outside_window({"start": "25:00", "end": "10:01"}, False)


@pytest.mark.parametrize(
    "environ, job",
    [
        ({}, None),
        ({"JOB_ID": "7"}, None),
        (
            {"JOB_ID": "7", "AWX_HOST": "https://awx/"},
            {"system": "AWX", "id": "7", "url": "https://awx/#/jobs/playbook/7"},
        ),
        ({"JOB_ID": "7", "AWX_PRIVATE_DATA_DIR": "/runner"}, {"system": "AWX", "id": "7", "url": ""}),
        (
            {"GITHUB_RUN_ID": "9", "GITHUB_SERVER_URL": "https://g", "GITHUB_REPOSITORY": "o/r"},
            {"system": "GitHub Actions", "id": "9", "url": "https://g/o/r/actions/runs/9"},
        ),
        ({"CI_JOB_ID": "3", "GITLAB_CI": "true", "CI_JOB_URL": "u"}, {"system": "GitLab CI", "id": "3", "url": "u"}),
        ({"BUILD_TAG": "b-1", "JENKINS_URL": "j", "BUILD_URL": "u"}, {"system": "Jenkins", "id": "b-1", "url": "u"}),
    ],
)
def test_the_report_names_the_job_that_ran_it(environ, job) -> None:
    assert job_of(environ) == job
    assert controller_facts(environ).get("job") == job
    assert under_runner(environ) == ("AWX_PRIVATE_DATA_DIR" in environ)
