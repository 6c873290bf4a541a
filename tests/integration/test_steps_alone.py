"""A step that is run alone says what it found, and its exit code says whether that is good."""

from __future__ import annotations


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
