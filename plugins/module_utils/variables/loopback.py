# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detect loopback addresses in a watch from the controller, which would reach the controller instead of the host."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any, Iterator, Mapping
from urllib.parse import urlsplit

_FALSE = ("false", "no", "off", "0", "f", "n")
_LOOPBACK = "127.0.0.1"


def beside_the_host(given: Mapping[str, Any]) -> Iterator[str]:
    """Return why a watch with these variables would judge another machine than the host."""
    if given.get("monitor_from") != "controller":
        return
    for what in ("health", "metrics"):
        url = str(given.get(f"monitor_{what}_url") or "")
        if url and is_loopback(urlsplit(url).hostname or ""):
            yield (
                f"mobius_monitor_from is controller, and mobius_{what}_url is a loopback address: the controller "
                f"would query itself instead of the host. Set it to an address of the host, or "
                f"mobius_monitor_from to host"
            )
        elif url and f"mobius_{what}_url" not in given and _listens_at_home(given, url):
            yield (
                f"mobius_monitor_from is controller, but the service listens on {_address(given)} of the host only. "
                f"Set mobius_service_host to an address that the controller can reach, and mobius_{what}_url to "
                f"match, or set mobius_monitor_from to host"
            )
            return


def is_loopback(host: str) -> bool:
    """Whether a name or an address means the local machine, including the wildcard address."""
    name = host.strip("[]").lower().rstrip(".")
    try:
        address = ip_address(name)
    except ValueError:
        return name in ("localhost", "ip6-localhost", "ip6-loopback") or name.endswith((".localhost", ".localdomain"))
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def _listens_at_home(given: Mapping[str, Any], url: str) -> bool:
    """Whether ``url`` is the collection's own service on its default address, which only its host can reach."""
    enabled = str(given.get("mobius_service_enabled", True)).lower() not in _FALSE
    own = url.startswith(str(given.get("monitor_base_url") or "-"))
    everywhere = _address(given).strip("[]") in ("0.0.0.0", "::")
    return enabled and own and not everywhere and is_loopback(_address(given))


def _address(given: Mapping[str, Any]) -> str:
    return str(given.get("mobius_service_host", _LOOPBACK))
