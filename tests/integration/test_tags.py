"""A deployment with steps chosen by tags."""

from __future__ import annotations

import json

ALONE = {"mobius_max_failure_rate": 30, "mobius_service_enabled": False, "mobius_health_check": False}


def test_steps_that_change_nothing_run_alone_and_the_others_are_refused(site, tmp_path):
    before = site.library.read_bytes()
    hook = tmp_path / "hook.yml"
    hook.write_text(f"- ansible.builtin.copy:\n    content: ''\n    dest: {tmp_path}/{{{{ mobius_deployment }}}}\n")
    hooks = {"mobius_hooks": {"after_preflight": str(hook), "before_migrate": "nowhere.yml"}}
    run = site.play("deploy", "--tags", "backup,dry_run,prepare", **ALONE, **hooks).succeeded()
    assert (
        "Ran prepare, preflight, lock, backup, dry_run only, as selected by tags. Nothing was migrated." in run.output
    )
    assert site.library.read_bytes() == before
    (kept,) = (site.home / "backups").glob("library.json.bak.*Z")
    assert kept.read_bytes() == before and (site.home / "migrate-dryrun.json").exists()
    (report,) = (site.home / "logs").glob("deployment-*.json")
    assert json.loads(report.read_text())["status"] == "partial"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("20")] == [report.stem[11:]]
    assert not (site.home / ".library.json.dhash" / "lock").exists()
    site.play("deploy", "--skip-tags", "verify", **ALONE).failed("would leave out verify, which a migration needs")
    assert site.library.read_bytes() == before
    mine = tmp_path / "site.yml"
    role = {"role": "mobius.dhash.deploy", "tags": ["web"]}
    mine.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": [role]}]))
    known = sorted(site.tree())
    site.play("", "--tags", "nginx", playbook=str(mine), **ALONE).succeeded()
    assert sorted(site.tree()) == known
    run = site.play("", "--tags", "web", "--skip-tags", "dry_run", playbook=str(mine), **ALONE).succeeded()
    assert site.library.read_bytes() != before and "Nothing was migrated" not in run.output
