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
    sections,
    title,
)
from ...module_utils.deployment.report_plots import hash_times
from ...module_utils.pages.frame import count_row, page
from ...module_utils.pages.plots import span
from ...module_utils.pages.template import Html, join, text
from ...module_utils.text import format_duration, redact
from .end import Command
from .ends import ENDED, NOT_STARTED, UNDER_WAY, Hosts, stage_of
from .finish import KINDS, report
from .fleet_rows import Row, outcomes, totals
from .journal import Entry
from .model import Run

# Hosts with a section of their own, those that failed first; the others have their page in their log folder.
_MOST_DETAILS = 100
_MOST_MESSAGE = 2000
_COUNTS = (
    ("Items", "items"),
    ("Hashed now", "hashed"),
    ("Without a dHash", "failed"),
    ("Review queue", "review"),
)
# The report of a host, and how it ended.
_Host = Tuple[Report, Row]


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
    """The report of every host of the play, secrets masked.

    :param command_of: the commands of a host.
    """
    made = []
    for host in hosts.all:
        stage = stage_of(kind, host, hosts, runs)
        if stage == NOT_STARTED:
            made.append({"kind": KINDS[kind], "host": host, "status": stage, "message": ""})
            continue
        run = Run.from_entries(runs[host])
        made.append(redact({"deployment": run.id, **report(run, controller, limits, command_of(host))}))
    return made


def fleet_page(kind: str, reports_found: Sequence[Report], at: str, rows: Sequence[Row]) -> bytes:
    """The page; hosts that failed come first.

    :param reports_found: as :func:`reports` returns them.
    :param at: the time of writing.
    :param rows: how each of these hosts ended, in the same order; the same rows make the table at the terminal.
    """
    found = sorted(zip(reports_found, rows), key=lambda host: ("bad", "warn", "good").index(host[1].tone))
    bad = sum(row.tone == "bad" for row in rows)
    waiting = sum(row.outcome in (NOT_STARTED, UNDER_WAY) for row in rows)
    noun = "host" if len(found) == 1 else "hosts"
    if bad:
        words = f"{bad} of {len(found)} {noun} failed"
    else:
        words = (
            f"{len(found) - waiting} of {len(found)} {noun} done" if waiting else f"All {len(found)} {noun} succeeded"
        )
        words = "The host succeeded" if len(found) == 1 and not waiting else words
    head = PARTS.fill(
        "opening",
        kind=f"{title(found[0][0]) if found else 'Run'} of a fleet",
        outcome=words,
        tone="bad" if bad else "warn" if waiting else "good",
        message=", ".join(f"{count} {name}" for name, count in outcomes(rows).items()),
        counts=_counts(rows),
        meta=PARTS.fill("meta", rows=PARTS.fill("meta-row", name="Written", value=at)),
    )
    detailed = [(each, row) for each, row in found if each.get("timeline")][:_MOST_DETAILS]
    ids = {row.host: f"host-{number}" for number, (_report, row) in enumerate(detailed)}
    body = [
        head,
        _section("hosts", "Hosts", _hosts(found, ids)),
        *_timeline(found),
        *_hash_times([each for each, _row in found]),
        *([_section("details", "Host by host", _details(detailed, ids))] if detailed else []),
        PARTS.fill("closing"),
    ]
    return page(f"{KINDS[kind].capitalize()} of {len(found)} {noun}: {words}", body, STYLE)


def _counts(rows: Sequence[Row]) -> Html:
    sums = totals(rows)
    good = sum(row.tone == "good" for row in rows)
    items = [(name, sums[key]) for name, key in _COUNTS]
    return count_row([("Hosts", len(rows)), ("Succeeded", good), *(items if any(sums.values()) else [])])


def _section(name: str, heading: str, body: Html) -> Html:
    return PARTS.fill("section", id=name, level="2", title=heading, body=body)


def _hosts(found: Sequence[_Host], ids: Mapping[str, str]) -> Html:
    filled = []
    for each, row in found:
        name = text(row.host)
        linked = PARTS.fill("host-link", id=ids[row.host], host=name) if row.host in ids else name
        took = "" if row.seconds is None else format_duration(row.seconds)
        message = text(row.message or str(each.get("message") or ""), _MOST_MESSAGE)
        filled.append(PARTS.fill("host", host=linked, outcome=_shown(row), tone=row.tone, message=message, time=took))
    return PARTS.fill("hosts", rows=join(filled))


def _shown(row: Row) -> str:
    return f"{row.outcome[:1].upper()}{row.outcome[1:]}"


def _timeline(found: Sequence[_Host]) -> List[Html]:
    """A bar for each host, from its start to its end; batches show as steps."""
    started = [(each, row, start) for each, row, start in ((*pair, _started(pair[0])) for pair in found) if start]
    if len(started) < 2:
        return []
    first = min(start for _each, _row, start in started)
    total = max(start - first + duration(each) for each, _row, start in started)
    filled = [
        PARTS.fill(
            "step",
            name=text(row.host),
            outcome=_shown(row),
            tone=row.tone,
            time=format_duration(duration(each)),
            bar=span(start - first, duration(each), total, row.tone),
        )
        for each, row, start in sorted(started, key=lambda host: host[2])
    ]
    drawn = PARTS.fill("timeline", what="Host", rows=join(filled), start="0 s", end=format_duration(total))
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


def _details(found: Sequence[_Host], ids: Mapping[str, str]) -> Html:
    pieces = []
    for each, row in found:
        name = ids[row.host]
        part = "details-open" if row.tone == "bad" and len(found) <= 10 else "details"
        body = join(sections(each, level=3, prefix=f"{name}-"), "\n")
        pieces.append(PARTS.fill(part, id=name, host=text(row.host), outcome=_shown(row), tone=row.tone, body=body))
    return join(pieces, "\n")
