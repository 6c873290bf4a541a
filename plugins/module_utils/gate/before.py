# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health endpoint before a deployment: one that is already unhealthy would have it rolled back."""

from __future__ import annotations

import time
from typing import Any, Dict, Mapping

from ..errors import MobiusError
from ..http import Access
from .health import HealthRules
from .sampler import Sampler
from .samples import OK, Sample

# A service that is being restarted answers within some seconds.
_TRIES = 4
_PAUSE = 1.0


def refuse_unhealthy(given: Mapping[str, Any]) -> Dict[str, Any]:
    """Query the endpoint once, and up to three more times while it is unhealthy.

    :param given: ``url``; ``timeout`` in seconds, ``status_codes``, ``words``, ``headers``, ``username``, ``password``,
        ``ca_path``, ``client_cert``, ``client_key`` and ``validate_certs``.
    :returns: ``url`` and ``health``.
    :raises MobiusError: it is unhealthy.
    """
    access = Access(
        timeout=float(given.get("timeout") or 5.0),
        headers=dict(given.get("headers") or {}),
        username=given.get("username") or None,
        password=given.get("password") or None,
        ca_path=given.get("ca_path") or None,
        client_cert=given.get("client_cert") or None,
        client_key=given.get("client_key") or None,
        validate_certs=given.get("validate_certs", True) is not False,
    )
    url = str(given["url"])
    sampler = Sampler(url, None, access, rules=HealthRules.of(given.get("status_codes"), given.get("words")))
    sample = sampler.take(0.0)
    for _again in range(_TRIES - 1):
        if sample.health == OK:
            break
        time.sleep(_PAUSE)
        sample = sampler.take(0.0)
    if sample.health != OK:
        raise _refusal(url, sample)
    return {"health": sample.health}


def _refusal(url: str, sample: Sample) -> MobiusError:
    why = "; ".join(sample.notes) or sample.health
    return MobiusError(
        f"The health endpoint is unhealthy before the deployment, which would be rolled back because of it ({why})",
        url,
        "bring the service up; or set mobius_health_url to where it answers, mobius_health_check to false if there is "
        "no service, or mobius_health_before to false if this deployment is to repair it",
    )
