"""An edit since the last deployment is never lost silently."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

TOLERANT = {"mobius_max_failure_rate": 30}
WATCH = {
    **TOLERANT,
    "mobius_monitor_duration": 2,
    "mobius_monitor_interval": 0.5,
    "mobius_limits": {"extraction_failures_rate": 50},
    "mobius_limits_over": {},
    "mobius_failures_in_a_row": 1,
}


def edit(site, price: str) -> bytes:
    site.library.write_text(re.sub(r'"price": [0-9.]+', f'"price": {price}', site.library.read_text(), count=1))
    return site.library.read_bytes()


def reported(run, name: str) -> str:
    (found,) = re.findall(rf"^{name}  +(.+)$", run.output, re.MULTILINE)
    return found


def test_an_edit_is_kept_and_becomes_its_own_rollback_target(site):
    before = site.library.read_bytes()
    (site.home / "backups").mkdir()
    for day, checksum in ((1, False), (2, True)):
        old = site.home / "backups" / f"library.json.bak.2024010{day}T120000Z"
        old.write_bytes(before)
        if checksum:
            Path(f"{old}.sha256").write_text(f"{'0' * 64}  {old.name}\n")
    first = site.play("deploy", **TOLERANT).succeeded()
    assert reported(first, "removed").startswith(f"{old}: older than 7 days and does not verify")
    assert (site.home / "backups" / "library.json.bak.20240101T120000Z").read_bytes() == before
    deployed = site.library.read_bytes()

    # The service itself reports that these are not the bytes that were deployed.
    edited = edit(site, "2.50")
    watched = site.play("monitor", **WATCH).failed("was edited after the deployment and the edit is kept")
    watched.failed("the library does not hold the bytes that were deployed")
    watched.failed("Nothing was rolled back")
    assert site.library.read_bytes() == edited
    assert not list((site.home / "backups").glob("*pre-restore*"))
    keep, drop = (shlex.split(line) for line in re.findall(r"^next  +(.+)$", watched.output, re.MULTILINE))
    assert (keep[1].rpartition("playbooks/")[2], keep[-3:]) == ("deploy.yml", ["keeps", "the", "edit"])
    assert (drop[1].rpartition("playbooks/")[2], drop[-3:]) == ("rollback.yml", ["discards", "the", "edit"])
    (report,) = (site.home / "logs").glob("monitoring-*.json")
    assert json.loads(report.read_text())["status"] == "nothing_to_roll_back"

    adopted = site.play("deploy", **TOLERANT).succeeded()
    assert "The library was edited since the last deployment" in adopted.output
    backup, verified = reported(adopted, "backup").rsplit(" ", 1)
    assert (Path(backup).read_bytes(), verified) == (edited, "(verified)")
    again = site.play("deploy", **TOLERANT).succeeded()
    assert (again.changed, reported(again, "backup")) == (0, reported(adopted, "backup")), again.output
    assert "The library is unchanged since the last deployment" in again.output
    assert site.play("rollback").succeeded().changed == 0
    assert site.library.read_bytes() == edited != deployed


def test_a_manual_rollback_replaces_an_edit_and_names_its_copy(site):
    before = site.library.read_bytes()
    alone = {"mobius_service_enabled": False, "mobius_health_check": False}
    site.play("deploy", **alone, **TOLERANT).succeeded()
    edited = edit(site, "2.50")
    run = site.play("rollback", **alone).succeeded()
    assert site.library.read_bytes() == before
    (snapshot,) = (site.home / "backups").glob("library.json.pre-restore.*Z")
    assert snapshot.read_bytes() == edited
    assert reported(run, "edit").endswith(f"the edit is kept in {snapshot}")
