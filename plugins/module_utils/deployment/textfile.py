# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of the last deployment as a file that node_exporter's textfile collector reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from ..clock import parse_timestamp
from ..errors import MobiusError
from ..json import is_number
from ..storage.paths import refuse_target
from ..storage.replace import read_version, replace_whole
from ..text import printable
from .info import deployed

_PREFIX = "mobius_dhash_deployment_"
# node_exporter runs as a user of its own.
_MODE = 0o644


class _Metric(NamedTuple):
    name: str
    text: str
    value: Optional[float]


def render(path: str, found: Mapping[str, Any]) -> str:
    """The exposition text.

    :param path: the library; becomes the label ``library``.
    :param found: what :func:`info.deployed` returns. What was not measured is left out: a zero would be made up.
    """
    labels = f'{{library="{_escaped(path)}"}}'
    lines = []
    for metric in _metrics(found):
        if metric.value is not None:
            name = _PREFIX + metric.name
            lines += [f"# HELP {name} {metric.text}", f"# TYPE {name} gauge", f"{name}{labels} {metric.value:.15g}"]
    return "\n".join(lines) + "\n"


def write_textfile(
    path: str,
    dest: str,
    *,
    backup_dir: Optional[str] = None,
    found: Optional[Mapping[str, Any]] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Write ``dest``, whole, mode 0644.

    :param found: what :func:`info.deployed` returned, where that is known; otherwise it is read, the backup verified.
    :returns: ``changed``, ``dest`` and ``text``.
    :raises MobiusError: the collector would not read a file of that name, its folder is missing, or it is the library.
    """
    target = Path(dest)
    if target.suffix != ".prom":
        raise MobiusError("node_exporter reads files that end in .prom", dest, "use such a name")
    refuse_target(dest, path, "The metrics file")
    if not target.parent.is_dir():
        raise MobiusError("The folder of node_exporter's textfile collector is missing", str(target.parent))
    text = render(path, deployed(path, backup_dir, "deployment") if found is None else found)
    data = text.encode("utf-8")
    before = target.read_bytes() if target.is_file() else None
    changed = before != data
    if changed and not check_mode:
        expected = read_version(dest) if before is not None else None
        replace_whole(dest, lambda stream: stream.write(data), expected=expected, mode=_MODE)
    shown = "" if before is None else before.decode("utf-8", "replace")
    return {"changed": changed, "dest": dest, "text": text, "diff": {"before": shown, "after": text}}


def _metrics(found: Mapping[str, Any]) -> Iterator[_Metric]:
    current: Mapping[str, Any] = found.get("current") or {}
    if not current:
        return
    metrics = current.get("metrics") if isinstance(current.get("metrics"), dict) else {}
    status = current.get("status")
    yield _Metric("rolled_back", "1 when the last deployment was rolled back.", float(status == "rolled_back"))
    yield _Metric(
        "as_recorded", "1 when the library holds the bytes named in the state.", float(bool(found.get("as_recorded")))
    )
    yield _Metric("migrated_timestamp_seconds", "When the library was migrated.", _moment(current.get("migrated_at")))
    yield _Metric("restored_timestamp_seconds", "When the library was restored.", _moment(current.get("restored_at")))
    yield _Metric("items", "Items in the library.", _number(current.get("items")))
    yield _Metric("hashed_items", "Items with a dHash.", _number(current.get("with_dhash")))
    target = found.get("rollback_target")
    if isinstance(target, dict):
        verified = float(bool(target.get("verified")))
        text = "1 when the backup that a rollback would restore verified at the time this file was written."
        yield _Metric("backup_verified", text, verified)
    for name, text, key, factor in _METRICS:
        value = _number((metrics or {}).get(key))
        yield _Metric(name, text, None if value is None else value * factor)


_METRICS: Tuple[Tuple[str, str, str, float], ...] = (
    ("avg_hash_time_seconds", "Mean time to hash one image.", "avg_hash_time", 0.001),
    ("p95_hash_time_seconds", "95th percentile of the time to hash one image.", "p95_hash_time", 0.001),
    ("extraction_failures_ratio", "Share of the images without a dHash.", "extraction_failures_rate", 0.01),
    ("low_confidence_queue_length", "Items under the confidence threshold.", "low_confidence_queue_length", 1.0),
)


def _number(value: Any) -> Optional[float]:
    return float(value) if is_number(value) else None


def _moment(value: Any) -> Optional[float]:
    try:
        return parse_timestamp(str(value)).timestamp()
    except ValueError:
        return None


def _escaped(text: str) -> str:
    # Visible too: Alertmanager passes a label on to mails, chats and terminals.
    clean = printable(text, None, multiline=True)
    return clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
