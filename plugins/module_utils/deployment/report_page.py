# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run as one HTML page that needs nothing beside itself: no script, no request."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote

from ..clock import parse_timestamp
from ..pages import report_css, report_html
from ..pages.frame import count_row, page
from ..pages.plots import span
from ..pages.template import Html, Parts, join, text
from ..text import format_duration
from .report_plots import hash_times, monitoring

PARTS = Parts(report_html.SOURCE)
STYLE = report_css.SOURCE
_KINDS = {"deployment": "Deployment", "rollback": "Rollback", "monitoring": "Monitoring"}
_TONES = {
    "deployed": "good",
    "unchanged": "good",
    "restored": "good",
    "partial": "good",
    "pass": "good",
    "hold": "warn",
}
_STEP_TONES = {"ok": "good", "changed": "good", "failed": "bad", "lost": "bad"}
_COUNTS = (
    ("Items", "items"),
    ("Hashed now", "hashed"),
    ("As before", "unchanged"),
    ("Without a dHash", "failed"),
    ("Review queue", "low_confidence"),
)
_COMMANDS = {"rollback": "Roll back", "status": "Show the status", "review": "Review the queue", "next": "Next"}
# A message may be the whole output of a failed command.
_LONGEST_MESSAGE = 20_000
_LONGEST_PATH = 1000
Report = Mapping[str, Any]


def report_page(report: Report, log_dir: str = "") -> bytes:
    """The page of one run; the same report gives the same bytes.

    :param report: as :func:`.report.write_report` keeps it, secrets masked.
    :param log_dir: the folder of the page, which links are relative to; empty for no links.
    """
    head = PARTS.fill(
        "opening",
        kind=text(" · ".join(part for part in (title(report), str(report.get("host") or "")) if part)),
        outcome=outcome(report),
        tone=tone(report),
        message=text(str(report.get("message") or ""), _LONGEST_MESSAGE),
        counts=_counts(facts_of(report)),
        meta=_meta(report),
    )
    name = f"{title(report)} {report.get('deployment')}: {outcome(report)}"
    return page(name, [head, *sections(report, log_dir), PARTS.fill("closing")], STYLE)


def sections(report: Report, log_dir: str = "", level: int = 2, prefix: str = "") -> List[Html]:
    """The sections of a report, most urgent first; those without content are left out.

    :param level: of their headings.
    :param prefix: of their ids.
    """
    parts: List[Tuple[str, str, Callable[[Report], Optional[Html]]]] = [
        ("failure", "What failed", _failure),
        ("commands", "Commands", _commands),
        ("changes", "Files and checksums", lambda each: _changes(each, log_dir)),
        ("monitoring", "Monitoring", _monitoring),
        ("failures", "Images without a dHash", _failures),
        ("timeline", "Timeline", _timeline),
        ("hash-times", "Hash times", _hash_times),
    ]
    # Landmarks have to be unique on a page, and one of many hosts repeats them.
    part = "subsection" if prefix else "section"
    built = [(f"{prefix}{name}", heading, make(report)) for name, heading, make in parts]
    return [
        PARTS.fill(part, id=name, level=str(level), title=heading, body=body) for name, heading, body in built if body
    ]


def title(report: Report) -> str:
    """The kind of run, for people."""
    return _KINDS.get(str(report.get("kind")), "Run")


def outcome(report: Report) -> str:
    """The status, for people."""
    return str(report.get("status") or "unknown").replace("_", " ").capitalize()


def tone(report: Report) -> str:
    """``good``, ``warn`` or ``bad``."""
    return _TONES.get(str(report.get("status")), "bad")


def facts_of(report: Report) -> Dict[str, Any]:
    facts = report.get("facts")
    return dict(facts) if isinstance(facts, dict) else {}


def duration(report: Report) -> float:
    """Seconds from the start to the end of the last step."""
    return max((start + seconds for start, seconds, _entry in _steps(report)), default=0.0)


def _counts(facts: Mapping[str, Any]) -> Html:
    known = [(name, facts[key]) for name, key in _COUNTS if isinstance(facts.get(key), int)]
    return count_row(known) if any(count for _name, count in known) else Html("")


def _meta(report: Report) -> Html:
    controller = report.get("controller") or {}
    by = "@".join(str(controller[name]) for name in ("user", "host") if controller.get(name))
    job = controller.get("job") or {}
    timeline = report.get("timeline") or [{}]
    rows = [
        ("Run", str(report.get("deployment") or "")),
        ("Library", str(facts_of(report).get("library") or "")),
        ("Started", str(timeline[0].get("at") or "")),
        ("Took", format_duration(duration(report)) if duration(report) else ""),
        ("By", by),
        ("Job", f"{job.get('system')} {job.get('id')}" if job else ""),
    ]
    filled = (PARTS.fill("meta-row", name=name, value=text(value, _LONGEST_PATH)) for name, value in rows if value)
    return PARTS.fill("meta", rows=join(filled))


def _failure(report: Report) -> Optional[Html]:
    failure = report.get("failure") or {}
    if not failure:
        return None
    task = f" · {failure['task']}" if failure.get("task") else ""
    pieces = [
        PARTS.fill(
            "problem",
            step=text(str(failure.get("step") or "")),
            task=text(task),
            message=_block(failure.get("message")),
        )
    ]
    if failure.get("afterwards"):
        pieces.append(PARTS.fill("afterwards", message=_block(failure["afterwards"])))
    return join(pieces, "\n")


def _commands(report: Report) -> Optional[Html]:
    commands = report.get("commands") or {}
    rows = [
        PARTS.fill("command", name=_COMMANDS.get(name, name), command=text(str(command), _LONGEST_PATH * 4))
        for name, command in commands.items()
        if command
    ]
    return PARTS.fill("commands", rows=join(rows)) if rows else None


def _changes(report: Report, log_dir: str) -> Optional[Html]:
    facts = facts_of(report)
    before, after = str(facts.get("sha256_before") or ""), str(facts.get("sha256_after") or "")
    rows = [
        ("SHA-256 before", _code(before)),
        ("SHA-256 after", _code(after) if after != before else text("the same") if after else Html("")),
        ("SHA-256", _code(facts.get("sha256"))),
        *(
            (name, _link(facts.get(key), log_dir))
            for name, key in (
                ("Library", "library"),
                ("Backup", "backup"),
                ("Restored from", "restored_from"),
                ("Replaced, kept in", "snapshot"),
                ("Log of the migration", "migration_log"),
                ("Evidence", "evidence"),
            )
        ),
    ]
    if log_dir:
        stem = f"{log_dir}/{report.get('kind')}-{report.get('deployment')}"
        rows += [("Report as JSON", _link(f"{stem}.json", log_dir)), ("Report as text", _link(f"{stem}.log", log_dir))]
    filled = [PARTS.fill("fact", name=name, value=value) for name, value in rows if value]
    return PARTS.fill("facts", rows=join(filled)) if filled else None


def _timeline(report: Report) -> Optional[Html]:
    steps = list(_steps(report))
    if not steps:
        return None
    total = duration(report)
    rows = []
    for start, seconds, entry in steps:
        result = str(entry.get("outcome") or "")
        kind = _STEP_TONES.get(result, "warn")
        name, value = text(str(entry.get("event") or "")), text(result)
        drawn = span(start, seconds, total, kind)
        rows.append(PARTS.fill("step", name=name, outcome=value, tone=kind, time=_seconds(seconds), bar=drawn))
    return PARTS.fill("timeline", what="Step", rows=join(rows), start="0 s", end=format_duration(total))


def _steps(report: Report) -> Iterator[Tuple[float, float, Mapping[str, Any]]]:
    """The steps with seconds since the start, and how many they took."""
    timeline = [entry for entry in report.get("timeline") or [] if isinstance(entry, dict)]
    moments = [_moment(entry.get("at")) for entry in timeline]
    first = next((moment for moment in moments if moment is not None), 0.0)
    for moment, entry in zip(moments, timeline):
        if entry.get("event") != "start":
            seconds = entry.get("seconds")
            yield (
                max(0.0, (first if moment is None else moment) - first),
                float(seconds) if isinstance(seconds, (int, float)) else 0.0,
                entry,
            )


def _hash_times(report: Report) -> Optional[Html]:
    drawn = hash_times(report)
    if drawn is None:
        return None
    caption = join([text("Images by the time that hashing took, in ms"), PARTS.fill("text", text=drawn.note)])
    return PARTS.fill("figure", caption=caption, plot=drawn.plot)


def _monitoring(report: Report) -> Optional[Html]:
    facts = facts_of(report)
    entries = [PARTS.fill("entry", text=text(str(reason), _LONGEST_PATH)) for reason in facts.get("reasons") or []]
    plots = [PARTS.fill("figure", caption=text(each.note), plot=each.plot) for each in monitoring(report)]
    pieces = [PARTS.fill("plots", plots=join(plots))] if plots else []
    if entries:
        pieces.insert(0, PARTS.fill("list", rows=join(entries)))
    return join(pieces, "\n") if pieces else None


def _failures(report: Report) -> Optional[Html]:
    failures: Sequence[Mapping[str, Any]] = report.get("failures") or []
    if not failures:
        return None
    rows = [
        PARTS.fill(
            "failed-item",
            **{name: text(str(each.get(name) or "")) for name in ("image", "reason", "message", "pointer")},
        )
        for each in failures
    ]
    left = int(facts_of(report).get("failed") or 0) - len(rows)
    more = f"and {left:,} more; the log of the migration and the review page list them."
    rest = PARTS.fill("rest", text=more) if left > 0 else Html("")
    return PARTS.fill("failures", rows=join(rows), rest=rest)


def _link(path: Any, log_dir: str) -> Html:
    """A path as a link relative to the page, or as text where there is no page beside it."""
    if not path:
        return Html("")
    shown = str(path)
    if not (log_dir and os.path.isabs(shown)):
        return _code(shown)
    url = quote(os.path.relpath(shown, log_dir), errors="replace")
    # A colon in the first part would make it a URL of another scheme.
    return PARTS.fill("link", url=f"./{url}", text=text(shown, _LONGEST_PATH))


def _code(value: Any) -> Html:
    return PARTS.fill("code", text=text(str(value), _LONGEST_PATH)) if value else Html("")


def _block(value: Any) -> Html:
    """Several lines of text for a ``pre``."""
    lines = str(value or "")[:_LONGEST_MESSAGE].split("\n")
    return join((text(line, _LONGEST_MESSAGE) if line else Html("") for line in lines), "\n")


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else format_duration(value)


def _moment(value: Any) -> Optional[float]:
    try:
        return parse_timestamp(str(value)).timestamp()
    except ValueError:
        return None
