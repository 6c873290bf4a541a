"""A step that is run alone reports what it found, and its exit code is the verdict."""

from __future__ import annotations

import json
import re

TOLERANT = {"mobius_max_failure_rate": 30}


def stripped(site, *numbers: int) -> None:
    """Remove from some items what the migration wrote, as an application does that does not know these members."""
    document = json.loads(site.library.read_bytes())
    for number in numbers:
        for name in ("dhash", "dhash_confidence", "dhash_reasons"):
            document["components"][number].pop(name, None)
    site.library.write_text(json.dumps(document, indent=2) + "\n")


def test_what_was_never_migrated_is_not_verified(site):
    site.play("verify").failed("was never migrated: none of its 8 items")


def test_an_item_that_lost_its_dhash_is_reported(site):
    site.play("migrate", **TOLERANT).succeeded()
    whole = site.play("verify").succeeded()
    assert re.search(r"^items +8: 6 with a dHash, 0 not migrated$", whole.output, re.MULTILINE), whole.output
    assert re.search(r"^problems +none$", whole.output, re.MULTILINE), whole.output
    stripped(site, 0, 2, 4)
    run = site.play("verify").failed("The library is not valid: 3 problems, listed above")
    assert re.search(r"^items +8: 3 with a dHash, 3 not migrated$", run.output, re.MULTILINE), run.output
    found = re.findall(r"^error +/components/(\d): it has no dHash", run.output, re.MULTILINE)
    assert found == ["0", "2", "4"], run.output
    # The whole result would bury the lines.
    assert "second_opinion" not in run.output
    site.play("migrate", **TOLERANT).succeeded()
    site.play("verify").succeeded()


def test_backups_that_do_not_verify_fail_after_all_are_listed(site):
    site.play("backups").failed("There is no backup. Back up the current library: ")
    site.play("backup").succeeded()
    good = site.play("backups").succeeded()
    (damaged,) = (site.home / "backups").glob("*Z")
    assert re.search(rf"^\S+Z  backup  +[\d.]+ k?B  {damaged}  verified$", good.output, re.MULTILINE), good.output
    site.write_library(site.items()[1:])
    site.play("backup").succeeded()
    damaged.write_bytes(damaged.read_bytes() + b"x")
    run = site.play("backups").failed(f"1 of 2 backups does not verify: {damaged}")
    assert f"rollback     would use {damaged}" not in run.output
    assert run.output.count("library.json.bak.") >= 3
    # A manual copy has no checksum, so it is neither a failure nor a rollback target.
    (site.home / "backups" / f"{damaged.name}.sha256").unlink()
    assert "not verified: " in site.play("backups").succeeded().output
    for file in (site.home / "backups").glob("*.sha256"):
        file.unlink()
    site.play("backups").failed("None of the 2 backups verifies")


def test_a_dry_run_predicts_the_migration_and_fails_where_it_would(site):
    before = site.tree()
    report = site.home / "migrate-dryrun.json"
    good = site.play("dry_run", **TOLERANT).succeeded()
    assert re.search(
        r"^items +8: 7 to hash, 0 as before, 2 known to get no dHash, 8 to edit$", good.output, re.MULTILINE
    ), good.output
    assert re.search(
        r"^failures +25.00 % expected, the limit is 30 %\ntime +about \d+ s for the migration$",
        good.output,
        re.MULTILINE,
    ), good.output
    report.unlink()
    refused = "The migration would fail: 2 of 8 pictures could not be hashed, 25.00 %, and the limit is 5 %"
    run = site.play("dry_run").failed(refused)
    run.failed("mobius_max_failure_rate")
    assert json.loads(report.read_text())["would_fail"]
    assert str(report) in run.output
    report.unlink()
    site.play("dry_run", "--check").failed(refused)
    assert not report.exists()
    assert site.library.read_bytes() == before["library.json"]


def test_a_deployment_refuses_what_its_dry_run_predicts(site):
    before = site.library.read_bytes()
    hook = site.home / "mode.yml"
    hook.write_text("- ansible.builtin.debug: {msg: came-to-migrate}\n")
    run = site.play(
        "deploy",
        mobius_maintenance_enabled=True,
        mobius_hooks={"before_migrate": str(hook)},
        mobius_service_enabled=False,
        mobius_health_check=False,
    )
    run.failed('Refused in step "dry-run": The migration would fail: 2 of 8 pictures')
    run.failed(f"Nothing was changed in {site.library}")
    assert "came-to-migrate" not in run.output and "Turn maintenance mode on" not in run.output
    assert site.library.read_bytes() == before
    assert not list((site.home / "logs").glob("evidence-*"))
    assert not (site.home / ".library.json.dhash" / "lock").exists()


def test_a_host_with_its_own_service_gets_no_second_one(site):
    before = site.tree()
    own = {"mobius_service_enabled": "false", "mobius_restart_command": f"touch {site.home}/restarted"}
    run = site.play("service", **own).failed("mobius_service_enabled is false: this host has its own service")
    assert "Make the runtime" not in run.output
    assert site.tree() == before
    site.play("service", mobius_service_state="restarted", **own).succeeded()
    assert (site.home / "restarted").exists()
    site.play("service", mobius_service_state="restarted", mobius_service_enabled=False).failed(
        "mobius_restart_command"
    )
    site.play("service", mobius_service_state="stopped", **own).succeeded()
