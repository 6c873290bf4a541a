# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator reads before a watch: whose turn it is, and what the review queue is compared with."""

from __future__ import annotations

from typing import Any, List, Mapping

from .ends import Hosts


def turns(forks: int, hosts: Hosts, host: str) -> List[str]:
    """The line of the first host of a batch that has more hosts than are watched at a time; otherwise nothing."""
    count = len(hosts.batch)
    if forks >= count or host != hosts.batch[0]:
        return []
    return [
        f"forks is {forks}, so only {forks} of {count} hosts are watched at a time: the watch of the others begins "
        "when one of these ends.",
        f"All of them at once: --forks {count}",
    ]


def compared_with(arguments: Mapping[str, Any]) -> str:
    """:param arguments: those of ``dhash_gate`` that are not omitted."""
    if not arguments.get("metrics_url"):
        return "No metrics URL is set: only health is judged."
    baseline = arguments.get("baseline")
    if baseline is None or baseline == "":
        return "The review queue before the deployment was not measured: growth is not judged."
    return f"Review queue before the deployment: {str(baseline).removesuffix('.0')} items."
