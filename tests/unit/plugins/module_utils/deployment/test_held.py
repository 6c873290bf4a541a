"""Who holds a library: what a run notes in its lock about itself, and the warning of one that waited."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.held import lock_info
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prepare import prepare
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.rollback import roll_back
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import Locked, acquire, holder, release

URL = "https://awx.example.org/#/jobs/playbook/42"
JOB = {"system": "AWX", "id": "42", "url": URL, "user": "bob", "commit": "abc"}
CONTROLLER = {"host": "ctl", "user": "root", "pid": 1, "boot_id": "b", "job": JOB}
LOCK: Dict[str, Any] = {"ttl": 900, "force": False, "pid": None}


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.json"
    path.write_text(json.dumps({"components": []}))
    return str(path)


@pytest.mark.parametrize(
    "controller, info",
    [
        (CONTROLLER, {"started by": "bob@ctl", "job": "AWX 42", "url": URL}),
        (
            {**CONTROLLER, "job": {"system": "Jenkins", "id": "b-1", "url": ""}},
            {"started by": "root@ctl", "job": "Jenkins b-1"},
        ),
        ({"host": "ctl", "user": "ann"}, {"started by": "ann@ctl"}),
        ({}, {}),
        (None, {}),
    ],
)
def test_a_lock_names_who_started_the_run_and_its_job(controller, info) -> None:
    assert lock_info({"id": "R", "controller": controller}) == info


def prepared(library: str, run: str, **lock: Any) -> Dict[str, Any]:
    folder = str(Path(library).parent)
    check = {"image_root": folder, "items": [], "log_dir": f"{folder}/logs"}
    details = {"check": check, "lock": {**LOCK, **lock}, "backup_dir": f"{folder}/backups"}
    return prepare(
        library, run={"id": run, "kind": "deployment", "controller": CONTROLLER}, steps=["lock", "backup"], **details
    )


def test_the_job_is_in_the_lock_of_a_deployment_and_in_the_refusal_of_the_next(library: str) -> None:
    prepared(library, "R")
    lease = holder(library)
    assert lease is not None and lease["info"] == lock_info({"controller": CONTROLLER})
    assert deployed(library)["lock"]["info"]["url"] == URL
    refused = prepared(library, "S")
    holder_in_words = f"R (deployment, {lease['user']} on {lease['host']}, job AWX 42, started by bob@ctl, url {URL})"
    assert f"locked by {holder_in_words}" in refused["msg"]
    assert refused["step"] == "lock"
    with pytest.raises(Locked, match="AWX 42"):
        acquire(library, "T")


def test_the_job_is_in_the_lock_of_a_rollback(library: str) -> None:
    prepared(library, "R")
    release(library, "R")
    done = roll_back(
        library,
        None,
        "latest",
        run={"id": "H", "kind": "rollback", "controller": CONTROLLER},
        lock=LOCK,
        evidence=None,
    )
    assert not done.get("failed"), done
    lease = holder(library)
    assert lease is not None and lease["id"] == "H" and lease["info"]["job"] == "AWX 42"
    assert done["warnings"] == []


@pytest.mark.parametrize("kind", ["deployment", "rollback"])
def test_a_run_waits_for_a_holder_that_is_ending_and_names_it(library: str, kind: str) -> None:
    prepared(library, "R")
    ending = threading.Thread(target=lambda: (time.sleep(0.4), release(library, "R")))
    ending.start()
    if kind == "deployment":
        done = prepared(library, "S", wait=20.0)
    else:
        run = {"id": "S", "kind": "rollback", "controller": CONTROLLER}
        done = roll_back(library, None, "latest", run=run, lock={**LOCK, "wait": 20.0}, evidence=None)
    ending.join()
    assert not done.get("failed"), done
    (warning,) = done["warnings"]
    assert warning.startswith("Waited ") and " for R (deployment, " in warning and "job AWX 42" in warning


def test_a_holder_that_does_not_end_is_named_after_the_wait(library: str) -> None:
    prepared(library, "R")
    refused = prepared(library, "S", wait=0.3)
    assert refused["failed"]
    assert refused["msg"].startswith("After waiting 0 s: The library is locked by R (deployment, ")
