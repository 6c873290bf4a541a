# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One page for all hosts of a run, on the controller: which failed, how long each took, what each found."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ...module_utils.clock import parse_timestamp
from ...module_utils.deployment.report_page import (
    PARTS,
    STYLE,
    Report,
    duration,
    facts_of,
    outcome,
    sections,
    title,
    tone,
)
from ...module_utils.deployment.report_plots import hash_times
from ...module_utils.pages.frame import figures, page
from ...module_utils.pages.plots import span
from ...module_utils.pages.template import Html, join, text
from ...module_utils.text import format_duration, redact
from .end import Command
from .ends import ENDED, NOT_STARTED, UNDER_WAY, Hosts, stage_of
from .finish import KINDS, report
from .journal import Entry
from .model import GOOD, Run

# Hosts with a section of their own, those that failed first; the others have their page in their log folder.
_MOST_DETAILS = 100
_MOST_MESSAGE = 2000
_COUNTS = (
    ("Items", "items"),
    ("Hashed now", "hashed"),
    ("Without a dHash", "failed"),
    ("Review queue", "low_confidence"),
)


def is_batch_over(kind: str, hosts: Hosts, runs: Mapping[str, Sequence[Entry]]) -> bool:
    """Whether every host of this batch that is still in the play has ended its run."""
    return all(stage_of(kind, host, hosts, runs) == ENDED for host in hosts.batch if host in hosts.still_in_play)


def file_name(kind: str, hosts: Hosts, runs: Mapping[str, Sequence[Entry]]) -> str:
    """The same name for every batch of a play: after the run of its first host."""
    first = next((runs[host][0]["id"] for host in hosts.all if runs.get(host)), "unknown")
    return f"{KINDS[kind]}-{first}-fleet.html"


def reports(
    kind: str,
    hosts: Hosts,
    runs: Mapping[str, Sequence[Entry]],
    limits: Any,
    controller: Mapping[str, Any],
    command_of: Callable[[str], Command],
) -> List[Dict[str, Any]]:
    """The report of every host of the play, secrets masked; those that failed come first.

    :param command_of: the commands of a host.
    """
    made = []
    for host in hosts.all:
        stage = stage_of(kind, host, hosts, runs)
        if stage == NOT_STARTED:
            made.append({"kind": KINDS[kind], "host": host, "status": stage, "message": ""})
            continue
        run = Run.from_entries(runs[host])
        found = {"deployment": run.id, **report(run, controller, limits, command_of(host))}
        if stage != ENDED:
            found["status"] = stage
        made.append(redact(found))
    order = {"bad": 0, "warn": 1, "good": 2}
    return sorted(made, key=lambda each: order[_tone(each)])


def fleet_page(kind: str, found: Sequence[Report], at: str) -> bytes:
    """The page.

    :param found: as :func:`reports` returns them.
    :param at: the time of writing.
    """
    bad = [each for each in found if _tone(each) == "bad"]
    waiting = sum(_tone(each) == "warn" and each["status"] in (NOT_STARTED, UNDER_WAY) for each in found)
    noun = "host" if len(found) == 1 else "hosts"
    if bad:
        words = f"{len(bad)} of {len(found)} {noun} failed"
    else:
        words = (
            f"{len(found) - waiting} of {len(found)} {noun} done" if waiting else f"All {len(found)} {noun} succeeded"
        )
        words = "The host succeeded" if len(found) == 1 and not waiting else words
    head = PARTS.fill(
        "opening",
        kind=f"{title(found[0]) if found else 'Run'} of a fleet",
        outcome=words,
        tone="bad" if bad else "warn" if waiting else "good",
        message=_by_status(found),
        figures=_figures(found),
        meta=PARTS.fill("meta", rows=PARTS.fill("meta-row", name="Written", value=at)),
    )
    detailed = [each for each in found if each.get("timeline")][:_MOST_DETAILS]
    ids = {str(each["host"]): f"host-{number}" for number, each in enumerate(detailed)}
    body = [
        head,
        _section("hosts", "Hosts", _hosts(found, ids)),
        *_timeline(found),
        *_hash_times(found),
        *([_section("details", "Host by host", _details(detailed, ids))] if detailed else []),
        PARTS.fill("closing"),
    ]
    return page(f"{KINDS[kind].capitalize()} of {len(found)} {noun}: {words}", body, STYLE)


def _tone(found: Report) -> str:
    return "warn" if found["status"] in (NOT_STARTED, UNDER_WAY) else tone(found)


def _by_status(found: Sequence[Report]) -> str:
    counts: Dict[str, int] = {}
    for each in found:
        counts[outcome(each)] = counts.get(outcome(each), 0) + 1
    return ", ".join(f"{count} {name[:1].lower()}{name[1:]}" for name, count in counts.items())


def _figures(found: Sequence[Report]) -> Html:
    totals = [(name, sum(_count(each, key) for each in found)) for name, key in _COUNTS]
    good = sum(str(each["status"]) in GOOD for each in found)
    return figures([("Hosts", len(found)), ("Succeeded", good), *(totals if any(n for _name, n in totals) else [])])


def _count(found: Report, key: str) -> int:
    value = facts_of(found).get(key)
    return value if isinstance(value, int) else 0


def _section(name: str, heading: str, body: Html) -> Html:
    return PARTS.fill("section", id=name, level="2", title=heading, body=body)


def _hosts(found: Sequence[Report], ids: Mapping[str, str]) -> Html:
    rows = []
    for each in found:
        name = text(str(each["host"]))
        linked = PARTS.fill("host-link", id=ids[each["host"]], host=name) if each["host"] in ids else name
        took = format_duration(duration(each)) if each.get("timeline") else ""
        message = text(str(each.get("message") or ""), _MOST_MESSAGE)
        rows.append(
            PARTS.fill("host", host=linked, outcome=outcome(each), tone=_tone(each), message=message, time=took)
        )
    return PARTS.fill("hosts", rows=join(rows))


def _timeline(found: Sequence[Report]) -> List[Html]:
    """A bar for each host, from its start to its end; batches show as steps."""
    started = [(each, start) for each, start in ((each, _started(each)) for each in found) if start is not None]
    if len(started) < 2:
        return []
    first = min(start for _each, start in started)
    total = max(start - first + duration(each) for each, start in started)
    rows = [
        PARTS.fill(
            "step",
            name=text(str(each["host"])),
            outcome=outcome(each),
            tone=_tone(each),
            time=format_duration(duration(each)),
            bar=span(start - first, duration(each), total, _tone(each)),
        )
        for each, start in sorted(started, key=lambda pair: pair[1])
    ]
    drawn = PARTS.fill("timeline", what="Host", rows=join(rows), start="0 s", end=format_duration(total))
    return [_section("when", "When each host ran", drawn)]


def _started(found: Report) -> Optional[float]:
    timeline: Sequence[Mapping[str, Any]] = found.get("timeline") or ()
    try:
        return parse_timestamp(str(timeline[0]["at"])).timestamp() if timeline else None
    except ValueError:
        return None


def _hash_times(found: Sequence[Report]) -> List[Html]:
    """The hash times of all hosts together."""
    added: Dict[Tuple[int, ...], List[int]] = {}
    limits: Mapping[str, Any] = {}
    for each in found:
        times = each.get("hash_times") or {}
        bounds, counts = tuple(times.get("bounds") or ()), times.get("counts") or []
        if bounds:
            total = added.setdefault(bounds, [0] * len(counts))
            added[bounds] = [before + now for before, now in zip(total, counts)]
            limits = each.get("limits") or limits
    for bounds, counts in added.items():
        drawn = hash_times({"hash_times": {"bounds": list(bounds), "counts": counts}, "limits": limits})
        if drawn is not None:
            words = text("Images of all hosts by the time that hashing took, in ms")
            caption = join([words, PARTS.fill("text", text=drawn.note)])
            return [_section("hash-times", "Hash times", PARTS.fill("figure", caption=caption, plot=drawn.plot))]
    return []


def _details(found: Sequence[Report], ids: Mapping[str, str]) -> Html:
    pieces = []
    for each in found:
        name = ids[str(each["host"])]
        part = "details-open" if _tone(each) == "bad" and len(found) <= 10 else "details"
        body = join(sections(each, level=3, prefix=f"{name}-"), "\n")
        pieces.append(
            PARTS.fill(part, id=name, host=text(str(each["host"])), outcome=outcome(each), tone=_tone(each), body=body)
        )
    return join(pieces, "\n")
