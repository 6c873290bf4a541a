"""Jobs as AWX runs them: ansible-runner, a private data folder, a temporary inventory, its environment and callback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import ansible_runner
import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT, VENV

URL = "https://awx.example.org/#/jobs/playbook/42"
ALONE = {"mobius_service_enabled": "false", "mobius_health_check": "false", "mobius_max_failure_rate": "30"}


class Job:
    """One job: a private data folder with a copy of the project, which is removed with it."""

    def __init__(self, folder: Path, site: Any) -> None:
        self.folder, self.site = folder, site
        self.project = folder / "project"
        listed = ["git", "ls-files", "-z"]
        names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in names.strip("\0").split("\0"):
            source, target = ROOT / name, self.project / name
            if os.path.lexists(source):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        (folder / "inventory").mkdir()
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_pipelining": True}
        (folder / "inventory" / "hosts").write_text(json.dumps({"all": {"hosts": {"games-1": host}}}))

    def run(
        self, playbook: str, *, cancel: Optional[Callable[[], bool]] = None, idle: int = 0, **variables: Any
    ) -> Any:
        """Extra variables arrive as text, an unanswered question as null or nothing."""
        extra = {
            **{"mobius_library_path": str(self.site.library), "mobius_runtime_venv": str(VENV)},
            **{"mobius_rehash": "", "mobius_image_root": None, "awx_job_id": 42, "awx_user_name": "ann"},
            **ALONE,
            **variables,
        }
        environment = {
            **{"JOB_ID": "42", "AWX_HOST": "https://awx.example.org", "AWX_PRIVATE_DATA_DIR": str(self.folder)},
            **{
                "PROJECT_REVISION": "4a1f" * 10,
                "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
                "MAX_EVENT_RES": "700000",
            },
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "requirements_collections"),
        }
        return ansible_runner.run(
            private_data_dir=str(self.folder),
            playbook=f"playbooks/{playbook}.yml",
            extravars=extra,
            envvars=environment,
            settings={"idle_timeout": idle, "job_timeout": 500, "pexpect_timeout": 1},
            cancel_callback=cancel,
            quiet=True,
        )

    def tree(self) -> Dict[str, bytes]:
        files = (path for path in self.project.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.project)): path.read_bytes() for path in files}


@pytest.fixture
def job(site, tmp_path: Path) -> Job:
    return Job(tmp_path / "runner", site)


def reported(run: Any) -> str:
    return "".join(event["stdout"] + "\n" for event in run.events)


def test_a_job_deploys_and_the_next_one_rolls_back(site, job):
    before, project = site.library.read_bytes(), job.tree()
    run = job.run("deploy")
    assert run.status == "successful", reported(run)
    assert sum("dhash" in item for item in site.items()) == 6
    # 109 events with ansible-core 2.19; each further task that says nothing makes three.
    events = list(run.events)
    assert len(events) < 130 and len(reported(run).splitlines()) < 200
    assert "launch the job template for rollback.yml with limit games-1" in reported(run)
    # Ansible's own lines name the files that it includes; those of the run name nothing of the container.
    ours = [line for line in reported(run).splitlines() if "included: " not in line]
    assert any(URL in line for line in ours) and not any(str(job.folder) in line for line in ours)
    back = job.run("rollback")
    assert back.status == "successful", reported(back)
    assert site.library.read_bytes() == before
    assert job.tree() == project, "something was written into the project"
    history = [
        json.loads(line) for line in (site.home / ".library.json.dhash" / "history.jsonl").read_text().splitlines()
    ]
    assert [(each["kind"], each["status"]) for each in history] == [
        ("deployment", "deployed"),
        ("rollback", "restored"),
    ]
    assert {each["controller"]["job"]["url"] for each in history} == {URL}
    assert history[0]["controller"]["job"] == {
        **{"system": "AWX", "id": "42", "url": URL},
        **{"user": "ann", "commit": "4a1f" * 10},
    }


@pytest.mark.parametrize("how", ["canceled", "timeout"])
def test_a_job_that_was_cut_off_is_rolled_back_at_once(site, job, tmp_path, how):
    before = site.library.read_bytes()
    reached = tmp_path / "reached"
    # Beside the playbooks: the folder of the inventory is one of the runner.
    hook = job.project / "hooks" / "hold.yml"
    hook.parent.mkdir()
    hook.write_text(f"- ansible.builtin.shell: touch {reached} && exec sleep 300\n")
    variables = {"mobius_hooks": {"after_migrate": "hooks/hold.yml"}}
    cut = {"cancel": reached.exists} if how == "canceled" else {"idle": 30}
    run = job.run("deploy", **cut, **variables)
    assert run.status == how, reported(run)
    assert reached.exists() and site.library.read_bytes() != before
    started = time.monotonic()
    back = job.run("rollback")
    assert back.status == "successful", reported(back)
    assert site.library.read_bytes() == before
    assert time.monotonic() - started < 120


def test_a_question_is_refused_before_anything(site, job):
    before = site.tree()
    run = job.run("deploy", mobius_confirm="true", mobius_evidence_dest="evidence")
    assert run.status == "failed"
    assert "put an approval node before the deployment in the workflow" in reported(run)
    after = site.tree()
    assert {name: data for name, data in after.items() if name in before} == before
    assert not (site.home / "backups").exists() and not (site.home / ".library.json.dhash" / "lock").exists()
