"""The lines of a status: one fact each."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status import Status
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status_lines import lines
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.status_hosts import (
    ALL,
    CONTROLLER,
    DEAD,
    GONE,
    NEW,
    OLDER,
    PATH,
    command,
    found,
    lease,
    run,
)


def text(**members: Any) -> List[str]:
    return lines(Status(found(**members)), command)


def test_the_run_line_names_who_started_it_and_its_last_step() -> None:
    job = {"system": "AWX", "id": "42", "url": "https://awx.example.org/#/jobs/playbook/42"}
    reported = text(run=run(**DEAD, controller={**CONTROLLER, "job": job}), lock=lease())
    assert (
        "run          deployment R, started 2024-09-24T16:00:00Z by ann@ctl "
        "(AWX job 42 https://awx.example.org/#/jobs/playbook/42)" in reported
    )
    assert "step         migrate ended 2024-09-24T16:02:00Z (8 min ago): changed" in reported
    assert "controller   process 4711 on ctl is gone" in reported
    assert any(line.startswith("lock         held by R (ann on games-1)") and "dead" in line for line in reported)


def test_a_lock_names_the_job_that_holds_it_and_where_to_see_whether_it_lives() -> None:
    url = "https://awx.example.org/#/jobs/playbook/42"
    job = {"system": "AWX", "id": "42", "url": url, "user": "bob"}
    info = {"started by": "bob@ctl", "job": "AWX 42", "url": url}
    reported = text(run=run(controller={**CONTROLLER, "job": job}, controller_alive=None), lock=lease(info=info))
    assert any(
        line.startswith(f"lock         held by R (ann on games-1, job AWX 42, {url}) since") for line in reported
    )
    assert any(f"by bob@ctl (AWX job 42 {url})" in line for line in reported)
    assert any(f"wait, or see whether AWX job 42 still runs, at {url}" in line for line in reported)


def test_an_earlier_run_that_is_not_completed_is_named_beside_the_last_one() -> None:
    earlier = {"id": "K", "kind": "deployment", "status": None, "step": "verify", "started_at": "T"}
    reported = text(run=run("refused", owed=ALL, unfinished=earlier))
    assert "ended        2024-09-24T16:05:00Z: refused" in reported
    assert "before it    deployment K, started T: interrupted in step verify; it is not completed" in reported


def test_the_library_and_what_keeps_it_from_being_used() -> None:
    reported = text(library={"real_path": "/srv/releases/7/library.json", "problem": "line 3 column 1: unexpected end"})
    assert f"library      {PATH} -> /srv/releases/7/library.json" in reported
    assert f"content      sha256 {NEW}, 12 bytes, not valid JSON (line 3 column 1: unexpected end)" in reported
    assert "access       mode 0640, owner app, group app" in reported
    reported = text(target={**GONE, "older": OLDER})
    assert f"backup       none that can be used: it is gone; the next older one that verifies is {OLDER}" in reported


@pytest.mark.parametrize(
    "current, shown",
    [
        ({}, []),
        ({"fleet": "F1"}, ["fleet        F1"]),
        (
            {"status": "rolled_back", "restored_at": "x", "previous": {"deployment": "D", "fleet": "F1"}},
            ["fleet        F1, rolled back"],
        ),
        # A deployment before this one is not what the library holds.
        ({"previous": {"fleet": "F0"}}, []),
    ],
)
def test_the_fleet_run_of_what_is_deployed_is_named(current: Dict[str, Any], shown: List[str]) -> None:
    known = {"deployment": "D", "status": "deployed", "sha256": NEW, **current}
    reported = lines(Status(found(current=known)), command)
    assert [line for line in reported if line.startswith("fleet")] == shown
