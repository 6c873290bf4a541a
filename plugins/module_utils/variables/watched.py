# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a watch from the controller would ask the host at all: a loopback address is another one on each machine."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any, Iterator, Mapping
from urllib.parse import urlsplit

_FALSE = ("false", "no", "off", "0", "f", "n")
_LOOPBACK = "127.0.0.1"


def beside_the_host(given: Mapping[str, Any]) -> Iterator[str]:
    """Why a watch of another machine than the controller, of the variables ``given``, would judge the wrong thing."""
    if given.get("monitor_from") != "controller":
        return
    for what in ("health", "metrics"):
        url = str(given.get(f"monitor_{what}_url") or "")
        if url and is_loopback(urlsplit(url).hostname or ""):
            yield (
                f"mobius_monitor_from is controller, and mobius_{what}_url names a loopback address: the controller "
                f"would ask itself in place of the host. It has to be an address of the host, or "
                f"mobius_monitor_from host"
            )
        elif url and f"mobius_{what}_url" not in given and _listens_at_home(given, url):
            yield (
                f"mobius_monitor_from is controller, but the service listens on {_address(given)} of the host alone. "
                f"mobius_service_host has to be an address that the controller reaches, mobius_{what}_url one that "
                f"leads there, or mobius_monitor_from host"
            )
            return


def is_loopback(host: str) -> bool:
    """Whether a name or an address means the machine that uses it; one that listens everywhere does so as well."""
    name = host.strip("[]").lower().rstrip(".")
    try:
        address = ip_address(name)
    except ValueError:
        return name in ("localhost", "ip6-localhost", "ip6-loopback") or name.endswith((".localhost", ".localdomain"))
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def _listens_at_home(given: Mapping[str, Any], url: str) -> bool:
    """Whether ``url`` is the collection's own service, by default, and nobody but its host can ask that."""
    enabled = str(given.get("mobius_service_enabled", True)).lower() not in _FALSE
    own = url.startswith(str(given.get("monitor_base_url") or "-"))
    everywhere = _address(given).strip("[]") in ("0.0.0.0", "::")
    return enabled and own and not everywhere and is_loopback(_address(given))


def _address(given: Mapping[str, Any]) -> str:
    return str(given.get("mobius_service_host", _LOOPBACK))
