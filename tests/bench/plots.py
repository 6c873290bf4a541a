"""The plots of the document, as PNG."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, Dict, List

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

_OURS, _NAIVE, _OTHER, _LIMIT = "#1b6ca8", "#555555", "#b8bfc6", "#c0392b"
plt.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "savefig.dpi": 130,
        "svg.hashsalt": "mobius",
    }
)


def throughput(engine: Dict[str, Any], ratios: Dict[str, Dict[str, float]], path: Path) -> None:
    """Pictures a second by approach, one panel a corpus; each bar is labeled with its multiple of naive."""
    corpora = engine["corpora"]
    names = list(dict.fromkeys(name for corpus in corpora.values() for name in corpus["rows"]))
    figure, panels = plt.subplots(1, len(corpora), figsize=(3 + 2.4 * len(corpora), 0.6 + 0.32 * len(names)),
                                  sharey=True, squeeze=False, layout="constrained")  # fmt: skip
    for panel, (title, corpus) in zip(panels[0], corpora.items()):
        for place, name in enumerate(names):
            if name not in corpus["rows"]:
                continue
            rate = corpus["pictures"] / statistics.median(corpus["rows"][name]["seconds"])
            bars = panel.barh(place, rate, color=_colour(name), height=0.7)
            panel.bar_label(bars, [f"{ratios[title][name]:.2f}x"], padding=3, fontsize=8)
        panel.set_title(title)
        panel.set_xlabel("pictures a second")
        panel.margins(x=0.22)
        panel.set_yticks(range(len(names)), names)
        panel.tick_params(axis="y", length=0)
    panels[0][0].invert_yaxis()
    _save(figure, path)


def _colour(name: str) -> str:
    return _OURS if name.startswith("ours") else _NAIVE if name.startswith("naive") else _OTHER


def items(rows: List[Dict[str, Any]], limit: Any, path: Path) -> None:
    """Seconds per 1,000 items, and peak memory, by number of items.

    :param limit: bytes of memory that a JSON of so many bytes may take.
    """
    figure, (time, memory) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    counts = [row["items"] for row in rows]
    lines = [("first", "first run", _OURS), ("again", "second run, nothing to do", _OTHER)]
    if all(row.get("one") for row in rows):
        lines += [("one", "one new item", _LIMIT), ("json_module", "json.load and json.dump", _NAIVE)]
    for name, label, colour in lines:
        each = [statistics.median(run["seconds"] for run in row[name]) / row["items"] * 1000 for row in rows]
        time.plot(counts, each, "o-", color=colour, label=label)
        for x, y in zip(counts, each):
            time.annotate(f"{y:.3f}", (x, y), textcoords="offset points", xytext=(0, 7), ha="center", fontsize=8)
    most = [max(run["peak"] for run in [*row["first"], *row["again"]]) / 1e6 for row in rows]
    memory.plot(counts, most, "o-", color=_OURS, label="peak, workers included")
    memory.plot(
        counts, [limit(row["json"]) / 1e6 for row in rows], "--", color=_LIMIT, label="aim: 250 MB + 1.2 x JSON"
    )
    memory.plot(counts, [row["json"] / 1e6 for row in rows], ":", color=_NAIVE, label="size of the JSON")
    for panel, title, unit in ((time, "Time per 1,000 items", "seconds"), (memory, "Memory", "MB")):
        panel.set_xscale("log")
        panel.set_xticks(counts, [f"{count:,}" for count in counts])
        panel.minorticks_off()
        panel.set_xlabel("items")
        panel.set_ylabel(unit)
        panel.set_title(title)
        panel.margins(x=0.1, y=0.18)
        panel.legend(frameon=False, fontsize=8)
    # The lines are a hundred times apart.
    time.set_yscale("log")
    time.margins(y=0.45)
    memory.set_ylim(bottom=0)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
