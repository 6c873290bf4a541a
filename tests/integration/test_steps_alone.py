"""A step that is run alone says what it found, and its exit code says whether that is good."""

from __future__ import annotations

import json
import re

TOLERANT = {"mobius_max_failure_rate": 30}


def stripped(site, *numbers: int) -> None:
    """Take from some items what the migration wrote, as an application does that knows nothing of it."""
    document = json.loads(site.library.read_bytes())
    for number in numbers:
        for name in ("dhash", "dhash_confidence", "dhash_reasons"):
            document["components"][number].pop(name, None)
    site.library.write_text(json.dumps(document, indent=2) + "\n")


def test_what_was_never_migrated_is_not_verified(site):
    site.play("verify").failed("was never migrated: none of its 8 items")


def test_an_item_that_lost_its_dhash_is_told(site):
    site.play("migrate", **TOLERANT).succeeded()
    whole = site.play("verify").succeeded()
    assert re.search(r"^items +8: 6 with a dHash, 0 not migrated$", whole.output, re.MULTILINE), whole.output
    assert re.search(r"^problems +none$", whole.output, re.MULTILINE), whole.output
    stripped(site, 0, 2, 4)
    run = site.play("verify").failed("The library is not valid, 3 problems")
    assert re.search(r"^items +8: 3 with a dHash, 3 not migrated$", run.output, re.MULTILINE), run.output
    found = re.findall(r"^error +/components/(\d): it has no dHash", run.output, re.MULTILINE)
    assert found == ["0", "2", "4"], run.output
    site.play("migrate", **TOLERANT).succeeded()
    site.play("verify").succeeded()


def test_a_host_with_a_service_of_its_own_gets_no_other(site):
    before = site.tree()
    own = {"mobius_service_enabled": "false", "mobius_restart_command": f"touch {site.home}/restarted"}
    run = site.play("service", **own).failed("mobius_service_enabled is false: this host has a service of its own")
    assert "Make the runtime" not in run.output
    assert site.tree() == before
    site.play("service", mobius_service_state="restarted", **own).succeeded()
    assert (site.home / "restarted").exists()
    site.play("service", mobius_service_state="restarted", mobius_service_enabled=False).failed(
        "mobius_restart_command"
    )
    site.play("service", mobius_service_state="stopped", **own).succeeded()
