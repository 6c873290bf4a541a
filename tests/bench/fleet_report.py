"""The tables of a fleet: what was measured, and what follows from it for more hosts."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import places
from controllers import ANSISTRANO, FIRST, PING, UNCHANGED
from tables import table

_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"
_MORE = (1_000, 10_000)


def fleets(result: Dict[str, Any]) -> str:
    """The measured rows, and what was not measured and why."""
    header = [
        "hosts",
        "playbook",
        "s",
        "controller CPU s",
        "per host",
        "host CPU s",
        "per host",
        "both, times one ping",
        "MB",
    ]
    rows = []
    for count, playbooks in result["rows"].items():
        for name, run in playbooks.items():
            both = run["cpu"] + run["host_cpu"]
            ping = playbooks[PING]["cpu"] + playbooks[PING]["host_cpu"]
            seconds = [f"{value:.1f}" for value in (run["seconds"], run["cpu"])]
            each = [f"{run['cpu'] / int(count):.2f}", f"{run['host_cpu']:.1f}", f"{run['host_cpu'] / int(count):.2f}"]
            rows.append([count, name, *seconds, *each, f"{both / ping:.1f}", f"{run['peak'] / 1e6:.0f}"])
    missing = [f"{name}: {why}" for name, why in result["missing"].items()]
    missing += [f"{what}: it would not have ended within the bound" for what in result["left_out"]]
    text = table(header, rows)
    return text + (f"\n\nNot measured: {'; '.join(missing)}." if missing else "")


def slope(rows: Dict[str, Any], name: str, unit: str) -> Tuple[float, float]:
    """What a playbook takes at all and for each host, from the fewest and the most hosts that were measured."""
    found = [(int(count), row[name][unit]) for count, row in rows.items() if name in row]
    (few, least), (many, most) = found[0], found[-1]
    each = (most - least) / (many - few) if many > few else least / few
    return max(0.0, least - each * few), each


def scale(result: Dict[str, Any]) -> None:
    """Put the arithmetic for more hosts between the markers of docs/scale.md; not in a trial."""
    path = places.DOCUMENT.parent / "scale.md"
    if not path.exists():
        return
    text = path.read_text("utf-8")
    head, tail = text[: text.index(_BEGIN) + len(_BEGIN)], text[text.index(_END) :]
    path.write_text(f"{head}\n{_projected(result)}\n{tail}", "utf-8")


def _projected(result: Dict[str, Any]) -> str:
    rows: List[List[str]] = []
    for name in (PING, FIRST, UNCHANGED, ANSISTRANO):
        if sum(name in row for row in result["rows"].values()) < 2:
            continue
        fixed, each = slope(result["rows"], name, "cpu")
        most = max(int(count) for count, row in result["rows"].items() if name in row)
        hours = [_time(fixed + each * count) for count in _MORE]
        rows.append([name, str(most), f"{each:.2f}", *hours])
    simulated = ", ".join(f"{int(count):,} hosts {run['cpu']:.1f} s" for count, run in result["simulated"].items())
    header = ["playbook", "measured up to", "controller CPU s per host", *(f"{count:,} hosts" for count in _MORE)]
    return table(header, rows) + (
        "\n\nSimulated, without Ansible and without hosts: the journals of a fleet run, what stops it, the table and "
        f"the artifact take {simulated} of CPU."
    )


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
