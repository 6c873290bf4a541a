"""A watch from the controller, which must not query the controller itself."""

from __future__ import annotations

import re

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.variables.check import check

FROM_AFAR = {
    "monitor_from": "controller",
    "monitor_base_url": "http://games-1:5001",
    "monitor_health_url": "http://games-1:5001/health",
    "monitor_metrics_url": "http://games-1:5001/metrics/dhash",
}


def watched(**given):
    """Variables of a watch; one from the inventory stands in the role's own as well."""
    own = {f"monitor_{name[7:]}": given[name] for name in given if name.endswith("_url")}
    return {**FROM_AFAR, **own, **given}


@pytest.mark.parametrize(
    "given, reported",
    [
        ({}, "the service listens on 127.0.0.1 of the host only"),
        ({"mobius_service_host": "::1"}, "the service listens on ::1 of the host only"),
        (
            {"mobius_service_host": "localhost", "mobius_service_enabled": "yes"},
            "listens on localhost of the host only",
        ),
        ({"mobius_health_url": "http://127.0.0.1:8080/health"}, "mobius_health_url is a loopback address"),
        ({"mobius_health_url": "https://games-1/health"}, "the service listens on 127.0.0.1 of the host only"),
        *[
            (
                {"mobius_service_enabled": False, "mobius_metrics_url": url},
                "mobius_metrics_url is a loopback address",
            )
            for url in ("http://localhost/", "http://[::1]:80/m", "http://127.3.2.1/", "http://[::ffff:127.0.0.1]/")
            + ("http://0.0.0.0:5001/m", "http://games.localhost/m")
        ],
    ],
)
def test_a_watch_from_the_controller_never_queries_the_controller(given, reported):
    given = watched(**given)
    with pytest.raises(MobiusError, match=re.escape(reported)) as refusal:
        check(given, "monitor", far=True)
    assert "nothing was changed" in str(refusal.value) and "mobius_monitor_from to host" in str(refusal.value)
    check(given, "monitor", far=False)
    check(given, "deploy", far=True)
    check({**given, "monitor_from": "host"}, "monitor", far=True)


@pytest.mark.parametrize(
    "given",
    [
        {"mobius_service_host": "0.0.0.0"},
        {"mobius_service_host": "::"},
        {"mobius_service_host": "10.0.0.7"},
        {"mobius_service_enabled": False},
        {"mobius_health_url": "https://games-1/health", "mobius_metrics_url": ""},
        {"mobius_health_url": "https://games-1/health", "mobius_metrics_url": "https://games-1/metrics/dhash"},
    ],
)
def test_a_watch_from_the_controller_needs_a_reachable_address(given):
    check(watched(**given), "monitor", far=True)
