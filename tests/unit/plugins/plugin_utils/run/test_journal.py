"""The controller's journal: what the tasks of one ansible-playbook share."""

from __future__ import annotations

import multiprocessing
import os
import stat
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import checks
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.controller import controller_facts, job_of, under_runner
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import END, STEP, Journal
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.notification import end_notice


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
    assert journal.unended([host, "another"]) == [host]
    with journal.ended() as runs:
        assert list(runs) == [host]
    assert journal.unended([host]) == []


def end_of(folder: str, host: str, hosts: Any, sent: Any, barrier: Any) -> None:
    journal = Journal(folder, host)
    barrier.wait()
    with journal.ended(hosts.batch, status="deployed") as runs:
        notice = end_notice("deployment", hosts, runs) if runs else None
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


def test_no_batch_starts_after_one_that_lost_a_host(tmp_path: Path) -> None:
    begin(tmp_path, "a").add(END, status="deployed")
    begin(tmp_path, "b")
    journal = begin(tmp_path, "c")
    checks.refuse_after_lost_hosts(Hosts(list("abc"), list("abc"), ["c"]), journal)
    # Lost, but after its end was noted; and one that was unreachable before anything began.
    checks.refuse_after_lost_hosts(Hosts(list("abcd"), list("bc"), ["c"]), journal)
    with pytest.raises(MobiusError, match="b: lost in an earlier batch, so nothing was started on c"):
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
        ({"CI_JOB_ID": "3"}, None),
        ({"BUILD_TAG": "b-1", "JENKINS_URL": "j", "BUILD_URL": "u"}, {"system": "Jenkins", "id": "b-1", "url": "u"}),
        (
            {"GITHUB_RUN_ID": "9", "GITHUB_ACTOR": "ann", "GITHUB_SHA": "abc"},
            {"system": "GitHub Actions", "id": "9", "url": "//actions/runs/9", "user": "ann", "commit": "abc"},
        ),
        (
            {"GITLAB_CI": "true", "CI_JOB_ID": "3", "GITLAB_USER_LOGIN": "ann", "CI_COMMIT_SHA": "abc"},
            {"system": "GitLab CI", "id": "3", "url": "", "user": "ann", "commit": "abc"},
        ),
        (
            {"JENKINS_URL": "j", "BUILD_TAG": "b-1", "BUILD_USER_ID": "ann", "GIT_COMMIT": "abc"},
            {"system": "Jenkins", "id": "b-1", "url": "", "user": "ann", "commit": "abc"},
        ),
    ],
)
def test_the_report_names_the_job_that_ran_it(environ, job) -> None:
    assert job_of(environ) == job
    assert controller_facts(environ).get("job") == job
    assert under_runner(environ) == ("AWX_PRIVATE_DATA_DIR" in environ)


@pytest.mark.parametrize(
    "extra, user",
    [({"awx_user_name": "ann"}, "ann"), ({"tower_user_name": "bob"}, "bob"), ({"awx_user_name": ""}, None), ({}, None)],
)
def test_awx_names_the_user_in_its_extra_variables_and_the_commit_in_the_environment(extra, user) -> None:
    environ = {"JOB_ID": "7", "AWX_HOST": "https://awx", "PROJECT_REVISION": "abc"}
    job = job_of(environ, extra)
    assert (job.get("user"), job["commit"]) == (user, "abc")
    assert controller_facts(environ, extra)["job"] == job


@pytest.mark.parametrize(
    "name", ["AWX_PRIVATE_DATA_DIR", "AWX_ISOLATED_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS"]
)
def test_a_job_of_ansible_runner_is_recognized_and_cannot_confirm(name, monkeypatch) -> None:
    assert under_runner({name: ""})
    monkeypatch.setenv(name, "x")
    with pytest.raises(MobiusError, match="approval node"):
        checks.refuse_unanswerable_question("yes")


RUNNER = {"AWX_PRIVATE_DATA_DIR": "/runner", "JOB_ID": "7"}
MOUNTED = {"/srv/evidence", "/mnt/share"}


@pytest.mark.parametrize(
    "dest, environ, why",
    [
        ("evidence", {}, ""),
        ("", RUNNER, ""),
        ("/srv/evidence", RUNNER, ""),
        ("/srv/evidence/games", RUNNER, ""),
        ("/mnt/share", RUNNER, ""),
        ("evidence", RUNNER, "is relative"),
        ("./evidence", RUNNER, "is relative"),
        ("../evidence", {"RUNNER_OMIT_EVENTS": "False"}, "is relative"),
        ("/runner/evidence", RUNNER, "is a folder of the job's container"),
        ("/runner", RUNNER, "is a folder of the job's container"),
        ("/srv/../runner/x", RUNNER, "is a folder of the job's container"),
        ("/tmp/x", RUNNER, "is a folder of the job's container"),
        ("/tmp", RUNNER, "is a folder of the job's container"),
        ("/data/awx_7_x/y", {**RUNNER, "AWX_PRIVATE_DATA_DIR": "/data/awx_7_x"}, "is a folder of the job's container"),
        ("/srv/typo", RUNNER, "is not mounted"),
    ],
)
def test_evidence_is_not_copied_into_a_container_that_dies(dest, environ, why) -> None:
    expected = pytest.raises(MobiusError, match=f"mobius_evidence_dest .* {why}") if why else nullcontext()
    with expected:
        checks.refuse_ephemeral_evidence(dest, environ, MOUNTED.__contains__)


def test_a_hook_is_found_beside_the_inventory_the_playbook_or_in_the_project(tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("inventory", "project/playbooks", "project")]
    for folder, name in zip(folders, ("a.yml", "b.yml", "c.yml")):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_text("[]")
        (Path(folder) / "all.yml").write_text("[]")
    hooks = {"before_migrate": "a.yml", "after_migrate": "b.yml", "before_verify": "./c.yml", "after_verify": "all.yml"}
    hooks["before_health"] = f"{tmp_path}/project/c.yml"
    found = checks.find_hooks(hooks, ["", *folders])
    assert {name: os.path.realpath(path) for name, path in found.items()} == {
        "before_migrate": f"{folders[0]}/a.yml",
        "after_migrate": f"{folders[1]}/b.yml",
        "before_verify": f"{folders[2]}/c.yml",
        "after_verify": f"{folders[0]}/all.yml",
        "before_health": f"{folders[2]}/c.yml",
    }
    with pytest.raises(MobiusError) as error:
        checks.find_hooks({"before_migrate": "a.yml", "after_migrate": "gone.yml", "after_health": "/no.yml"}, folders)
    assert str(error.value).startswith(
        f"No such hook: after_migrate gone.yml, after_health /no.yml (looked in {', '.join(folders)}). Next: "
    )
    assert checks.find_hooks({}, []) == {}


@pytest.mark.parametrize("given, chosen", [("", "new-1"), ("F1", "F1")])
def test_the_hosts_of_one_playbook_share_a_fleet_run(tmp_path: Path, given: str, chosen: str) -> None:
    found = [Journal(str(tmp_path), host).fleet(given, f"new-{number}") for number, host in enumerate("abc", 1)]
    assert found == [chosen] * 3


def test_a_shared_result_is_computed_again_only_after_an_error(tmp_path: Path) -> None:
    calls: list[str] = []

    def ask(answer: str) -> Any:
        def call() -> dict[str, str]:
            calls.append(answer)
            if answer == "error":
                raise MobiusError("no answer")
            return {"answer": answer}

        return call

    first, second = Journal(str(tmp_path), "a"), Journal(str(tmp_path), "b")
    with pytest.raises(MobiusError, match="no answer"):
        first.once("ci", ask("error"))
    assert first.once("ci", ask("green")) == {"answer": "green"}
    assert second.once("ci", ask("red")) == {"answer": "green"}
    assert second.once("staging", ask("red")) == {"answer": "red"}
    assert calls == ["error", "green", "red"]


def test_the_first_host_names_the_fleet_run_for_all(tmp_path: Path) -> None:
    first, second = Journal(str(tmp_path / "one"), "a"), Journal(str(tmp_path / "one"), "b")
    (tmp_path / "one").mkdir()
    assert first.known_fleet() == ""
    assert [first.fleet("", "new"), second.fleet("", "newer"), second.fleet("given", "newest")] == ["new"] * 3
    assert second.known_fleet() == "new"
    (tmp_path / "two").mkdir()
    assert Journal(str(tmp_path / "two"), "a").fleet("given", "new") == "given"


def test_a_run_is_reported_once_and_the_next_run_of_the_host_again(tmp_path: Path) -> None:
    journals = [begin(tmp_path, host) for host in ("a", "b")]
    with journals[0].ended() as runs:
        assert not journals[0].reported(runs)
        journals[0].report({"a": runs["a"]})
    with journals[1].ended() as runs:
        assert journals[1].reported(runs)
    journals[0].begin({"kind": "deployment", "id": "2"})
    with journals[0].ended() as runs:
        assert not journals[0].reported({"a": runs["a"]})


def test_the_journal_of_a_fleet_outlives_the_run_of_a_host(tmp_path: Path) -> None:
    journal = begin(tmp_path, "a")
    journal.note_rollout("batch", number=1, folder=Path("/x"))
    journal.begin({"kind": "deployment", "id": "2"})
    Journal(str(tmp_path), "b").note_rollout("batch", number=2)
    assert [(entry["host"], entry["number"]) for entry in journal.rollout()] == [("a", 1), ("b", 2)]
    assert journal.rollout()[0]["folder"] == "/x"


def test_what_all_hosts_need_is_derived_once_until_the_journal_grows(tmp_path: Path) -> None:
    calls: List[int] = []

    def derive() -> Dict[str, Any]:
        calls.append(1)
        return {host: {"why": f"{host} {len(calls)}"} for host in ("a", "b")}

    journals = {host: begin(tmp_path, host) for host in ("a", "b", "c")}
    assert [journals[host].derived("x", derive) for host in "abc"] == [{"why": "a 1"}, {"why": "b 1"}, None]
    assert journals["a"].derived("other hosts", derive) == {"why": "a 2"}
    journals["b"].note_rollout("verdict", verdict="pass")
    assert [journals[host].derived("x", derive) for host in "ab"] == [{"why": "a 3"}, {"why": "b 3"}]
