"""Several libraries of one host in one play: each report is about its own library."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from ansible_collections.mobius.dhash.tests.support.playbooks import VENV

PLAYBOOK = str(Path(__file__).with_name("libraries.yml"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def second(site):
    """Another library beside the first one, with the same pictures and bytes of its own."""
    path = site.home / "second.json"
    path.write_bytes(site.library.read_bytes().replace(b'"test"', b'"another"'))
    return path


def play(site, role: str, *libraries, **variables):
    variables = {"mobius_python": str(VENV / "bin" / "python"), "mobius_service_enabled": False, **variables}
    return site.play(
        "", playbook=PLAYBOOK, role=role, libraries=list(libraries), mobius_health_check=False, **variables
    )


def test_a_failed_deployment_is_not_rolled_back_to_another_library(site, second, tmp_path):
    play(site, "deploy", {"path": str(second)}).succeeded()
    deployed = sha256(second)
    # Only of the second one, and after its dry run.
    hook = tmp_path / "remove.yml"
    gone = [str(site.home / "images" / f"piece-{number}.png") for number in (0, 1)]
    remove = {"ansible.builtin.command": {"argv": ["rm", *gone]}, "when": f"deploy_library_path == '{second}'"}
    hook.write_text(json.dumps([remove]))
    hooks = {"before_migrate": str(hook)}
    run = play(site, "deploy", {"path": str(site.library)}, {"path": str(second)}, mobius_hooks=hooks)
    run.failed("4 of 8 pictures could not be hashed")
    assert sha256(second) == deployed
    assert "Rollback failed" not in run.output
    run.failed(f"{second} holds the bytes from before (sha256 {deployed})")


def test_a_refused_rollback_does_not_report_another_library(site, second):
    play(site, "deploy", {"path": str(site.library)}, {"path": str(second)}).succeeded()
    lock.acquire(str(second), "somebody", ttl=900)
    run = play(site, "rollback", {"path": str(site.library)}, {"path": str(second)}, mobius_lock_wait=0)
    run.failed(f'Rollback of {second} failed in step "rollback": The library is locked by somebody')
    assert "The library is restored" not in run.output
