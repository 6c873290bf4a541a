"""A deployment that fails ends well: the bytes from before, evidence, a free lock, a non-zero exit."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import VENV

TOLERANT = {"mobius_max_failure_rate": 30}
# Where the service has no part in it.
ALONE = {**TOLERANT, "mobius_service_enabled": False, "mobius_health_check": False}
# A service that is sick from the start would be refused before the migration.
LATER_SICK = {**TOLERANT, "mobius_health_before": False}


@pytest.fixture
def sick_service():
    """A service that answers every request with 503."""

    class Sick(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b'{"status": "unhealthy", "reasons": ["made to fail"]}')

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Sick)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def assert_ended_well(site, before: bytes) -> None:
    assert site.library.read_bytes() == before
    assert not (site.home / ".library.json.dhash" / "lock").exists()
    (report,) = (site.home / "logs").glob("deployment-*.json")
    assert json.loads(report.read_text())["status"] == "rolled_back"
    (evidence,) = (site.home / "logs").glob("evidence-*")
    assert json.loads((evidence / "failure.json").read_text())["failure"]["message"]
    assert "serving" in (evidence / "service.log").read_text()
    assert (evidence / "timeline.txt").read_text().splitlines()[-1].endswith("rollback")


def test_failing_health_is_rolled_back(site, sick_service):
    before = site.library.read_bytes()
    run = site.play("deploy", mobius_health_url=f"{sick_service}/health", mobius_health_timeout=2, **LATER_SICK)
    run.failed("Rolled back")
    assert_ended_well(site, before)
    (rejected,) = (site.home / "logs").glob("evidence-*/rejected-library.json")
    assert b'"dhash"' in rejected.read_bytes()
    site.play("deploy", **TOLERANT).succeeded()


def test_failing_verification_is_rolled_back_and_the_evidence_fetched(site, tmp_path, journal):
    before = site.library.read_bytes()
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "required": ["no-such-member"]}')
    fetched = tmp_path / "fetched"
    site.play("deploy", mobius_schema=str(schema), mobius_evidence_dest=str(fetched), **TOLERANT).failed(
        "no-such-member"
    )
    assert_ended_well(site, before)
    (evidence,) = (site.home / "logs").glob("evidence-*")
    (folder,) = (fetched / "localhost").iterdir()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in evidence.iterdir()
    }
    assert (folder / "journal-mobius-dhash.txt").read_text() == journal
    assert next(folder.glob("migration-*.log")).read_text()


def test_an_unchanged_library_that_is_not_valid_any_more_fails_in_its_verification(site, tmp_path):
    """Its verification is first tried with the preparation, where no rollback would follow."""
    alone = {**TOLERANT, "mobius_service_enabled": False, "mobius_health_check": False}
    site.play("deploy", **alone).succeeded()
    before = site.library.read_bytes()
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "required": ["no-such-member"]}')
    run = site.play("deploy", mobius_schema=str(schema), **alone)
    run.failed('Failed in step "verify": The library is not valid')
    run.failed("Rolled back: nothing had been replaced")
    assert site.library.read_bytes() == before
    assert not (site.home / ".library.json.dhash" / "lock").exists()


def test_failing_migration_is_rolled_back(site, tmp_path):
    before = site.library.read_bytes()
    # What the dry run knows is refused; so they go after it.
    hook = tmp_path / "remove.yml"
    gone = [str(site.home / "images" / f"piece-{number}.png") for number in (0, 1)]
    hook.write_text(f"- ansible.builtin.command:\n    argv: {json.dumps(['rm', *gone])}\n")
    run = site.play("deploy", mobius_hooks={"before_migrate": str(hook)}, **TOLERANT)
    run.failed('Failed in step "migrate": 4 of 8 pictures could not be hashed, 50.00 %')
    run.failed("Rolled back")
    assert_ended_well(site, before)


def edited(data: bytes) -> bytes:
    return data.replace(b'"test"', b'"edited"')


def digest(data: bytes) -> str:
    return f"(sha256 {hashlib.sha256(data).hexdigest()})"


def killed(site, folder: Path, *, migrates: bool, edits: str = ""):
    """A deployment whose migration is killed before it began, or when it is done but has not reported it."""
    dead = folder / "dead"
    work = f'{VENV}/bin/python "$@" >/dev/null;' if migrates else ""
    dead.write_text(
        f'#!/bin/sh\ncase "$1" in */AnsiballZ_dhash_migrate.py) {work} {edits} kill -9 $$ ;; esac\n'
        f'exec {VENV}/bin/python "$@"\n'
    )
    dead.chmod(0o755)
    hook = folder / "edit.yml"
    hook.write_text(f"- ansible.builtin.replace: {{path: {site.library}, regexp: '\"test\"', replace: '\"edited\"'}}\n")
    return site.play(
        "deploy",
        ansible_pipelining=False,
        mobius_runtime_source="system",
        mobius_runtime_python=str(dead),
        mobius_hooks={} if edits else {"after_dry_run": str(hook)},
        **ALONE,
    )


def snapshots(site):
    return sorted((site.home / "backups").glob("library.json.pre-restore.*Z"))


def test_an_edit_that_the_migration_never_reached_stays(site, tmp_path):
    edit = edited(site.library.read_bytes())
    run = killed(site, tmp_path, migrates=False)
    run.failed('Failed in step "migrate"')
    run.failed("Nothing was rolled back")
    run.failed(f"was edited during the run and holds that edit {digest(edit)}.")
    (backup,) = (site.home / "backups").glob("library.json.bak.*Z")
    run.failed(f"The bytes without the edit are in {backup}. Health afterwards: not checked.")
    assert site.library.read_bytes() == edit
    assert snapshots(site) == []
    assert not (site.home / ".library.json.dhash" / "lock").exists()


def test_a_migration_without_a_result_is_rolled_back_to_what_it_replaced(site, tmp_path):
    edit = edited(site.library.read_bytes())
    run = killed(site, tmp_path, migrates=True)
    run.failed(f"holds the bytes from before {digest(edit)}")
    assert site.library.read_bytes() == edit


def test_the_copy_of_an_edit_of_the_migrated_library_is_named(site, tmp_path):
    before = site.library.read_bytes()
    run = killed(site, tmp_path, migrates=True, edits=f"sed -i s/test/edited/ {site.library};")
    run.failed(f"holds the bytes from before {digest(before)}")
    assert site.library.read_bytes() == before
    (kept,) = snapshots(site)
    assert b'"edited"' in kept.read_bytes() and b'"dhash"' in kept.read_bytes()
    run.failed(f"What it replaced is kept in {kept}.")


def hooked(site, folder: Path, **commands: str):
    """A deployment without a service, and with a shell command as each of these hooks."""
    hooks = {}
    for name, command in commands.items():
        hooks[name] = str(folder / f"{name}.yml")
        Path(hooks[name]).write_text(f"- ansible.builtin.shell: {command}\n")
    return site.play("deploy", mobius_hooks=hooks, **ALONE)


def test_a_deployment_that_changed_nothing_leaves_an_edit_made_after_it(site, tmp_path):
    hooked(site, tmp_path).succeeded()
    deployed = site.library.read_bytes()
    # One that finds what it deployed, and one that adopts an edit.
    for library in (deployed, deployed.replace(b"item-0", b"item-zero")):
        site.library.write_bytes(library)
        edit = edited(library)
        run = hooked(site, tmp_path, before_health=f"sed -i s/test/edited/ {site.library}", after_health="exit 1")
        run.failed('Failed in step "health"')
        run.failed(
            f"Nothing was rolled back: the migration had replaced nothing, and {site.library} was edited during the run"
        )
        run.failed(f"holds that edit {digest(edit)}.")
        assert "Rolled back" not in run.output and "none that can be used" not in run.output
        assert site.library.read_bytes() == edit
        assert snapshots(site) == []


def test_what_a_hook_did_to_what_was_migrated_is_rolled_back_and_kept(site, tmp_path):
    before = site.library.read_bytes()
    run = hooked(site, tmp_path, after_migrate=f"sed -i s/test/edited/ {site.library}; exit 1")
    run.failed(f"holds the bytes from before {digest(before)}")
    assert site.library.read_bytes() == before
    (kept,) = snapshots(site)
    assert b'"edited"' in kept.read_bytes() and b'"dhash"' in kept.read_bytes()
    run.failed(f"What it replaced is kept in {kept}.")


def test_what_a_hook_did_before_it_failed_is_rolled_back(site, tmp_path):
    before = site.library.read_bytes()
    run = hooked(site, tmp_path, before_migrate=f"sed -i s/test/half/ {site.library}; exit 1")
    run.failed(f"Rolled back: {site.library} holds the bytes from before")
    assert site.library.read_bytes() == before


def test_a_broken_library_is_refused_untouched(site):
    site.library.write_text('{"components": [{"image": "images/piece-0.png"},]}')
    before = site.tree()
    site.play("deploy", **ALONE).failed("Nothing was changed")
    # The journal describes the run, as the logs do.
    written = ("logs/", ".library.json.dhash/run.json", ".library.json.dhash/history.")
    left = {name: data for name, data in site.tree().items() if not name.startswith(written)}
    assert left == before


def test_a_held_lock_refuses_and_stays(site):
    site.play("deploy", **ALONE).succeeded()
    lock = site.home / ".library.json.dhash" / "lock"
    assert not lock.exists()
    site.play("lock", playbook=str(Path(__file__).with_name("lock.yml")), test_pid=os.getpid()).succeeded()
    held = lock.read_bytes()
    site.play("deploy", mobius_lock_wait=0, **ALONE).failed("The library is locked by someone-else")
    site.play("rollback", mobius_lock_wait=0, **ALONE).failed("The library is locked by someone-else")
    assert lock.read_bytes() == held
    site.play("rollback", mobius_lock_break="true", **ALONE).succeeded()


def test_nothing_to_roll_back_to_is_refused(site):
    before = site.library.read_bytes()
    site.play("rollback").failed("There is no backup that verifies and can be used")
    assert site.library.read_bytes() == before


def test_no_consent_is_a_refusal(site):
    before = site.library.read_bytes()
    site.play("deploy", mobius_confirm="true", **ALONE).failed("No consent was given")
    assert site.library.read_bytes() == before
