"""What follows from the kept results: ratios, shares, and which aims are met."""

from __future__ import annotations

import statistics
from typing import Any, Callable, Dict, List

Result = Dict[str, Any]
NAIVE, LEAN, EXACT, EXTRAS, FAST = "naive", "ours, Pillow alone", "ours", "ours, turbo", "ours, fast"
_EXACT_AIMS = {"tokens": 1.9, "web": 2.3, "photos": 2.6}
_EXTRAS_AIMS = {"tokens": 1.9, "web": 3.0, "photos": 3.0}
_FAST_AIMS = {"web": 4.5, "photos": 4.5}


def memory_aim(size: float) -> float:
    return 250e6 + 1.2 * size


def ratios(engine: Result) -> Dict[str, Dict[str, float]]:
    """For each corpus and approach the median of (naive / approach), each within one round."""
    return {
        title: {
            name: statistics.median(n / s for n, s in zip(corpus["rows"][NAIVE]["seconds"], row["seconds"]))
            for name, row in corpus["rows"].items()
        }
        for title, corpus in engine["corpora"].items()
    }


def percent(part: int, whole: int) -> str:
    if not whole:
        return "none"
    return "100 %" if part == whole else f"{min(99.9, 100 * part / whole):.1f} %"


def of(runs: List[Result], name: str, how: Callable[..., float] = statistics.median) -> float:
    return how(run[name] for run in runs)


def faster(base: List[float], seconds: List[float]) -> float:
    return statistics.median(b / s for b, s in zip(base, seconds))


def aims(kept: Dict[str, Result]) -> List[List[str]]:
    """Rows of what, aim, measured, and whether it is met."""
    rows = []
    if "engine" in kept:
        rows += _engine_aims(kept["engine"])
    if "items" in kept:
        rows += _items_aims(kept["items"])
    if "backup" in kept:
        base = kept["backup"]["rows"]
        got = faster(base["cp && sha256sum"]["seconds"], base["library_backup"]["seconds"])
        rows.append(_aim("library_backup, times `cp && sha256sum`", "at least 3", f"{got:.2f}", got >= 3))
    if "fleet" in kept:
        rows += _fleet_aims(kept["fleet"]["rows"])
    return rows


def _aim(what: str, aim: str, got: str, met: bool) -> List[str]:
    return [what, aim, got, "yes" if met else "**no**"]


def _fleet_aims(rows: Result) -> List[List[str]]:
    """Of the most hosts that were measured: CPU beside one ping, and what each host takes beside the fewest hosts."""
    found = []
    for name in ("deploy.yml, first", "deploy.yml, unchanged"):
        some = [(int(count), row) for count, row in rows.items() if name in row and "one ping" in row]
        if len(some) < 2:
            continue
        (few, least), (many, most) = some[0], some[-1]
        got = _cpu(most[name]) / _cpu(most["one ping"])
        found.append(_aim(f"{name}, {many} hosts, CPU, times one ping", "at most 8", f"{got:.1f}", got <= 8))
        grown = _cpu(most[name]) / many / (_cpu(least[name]) / few)
        found.append(_aim(f"{name}, CPU of a host, {many} hosts beside {few}", "at most 1", f"{grown:.2f}", grown <= 1))
    return found


def _cpu(run: Result) -> float:
    return float(run["cpu"] + run["host_cpu"])


def _engine_aims(engine: Result) -> List[List[str]]:
    rows, found = [], ratios(engine)
    for name, aims in ((EXACT, _EXACT_AIMS), (EXTRAS, _EXTRAS_AIMS), (FAST, _FAST_AIMS)):
        for title, aim in aims.items():
            if name in found.get(title, {}):
                got = found[title][name]
                rows.append(_aim(f"{name}, {title}, times naive", f"at least {aim}", f"{got:.2f}", got >= aim))
    rows += [_ahead(title, ratio) for title, ratio in found.items()]
    for name, share, text in ((LEAN, "equal", "equal bits"), (EXACT, "equal", "equal bits"),
                              (EXTRAS, "equal", "equal bits"), (FAST, "within2", "within 2 bits")):  # fmt: skip
        some = [(t, c["rows"][name]) for t, c in engine["corpora"].items() if name in c["rows"]]
        for title, row in some:
            part, least = row[share] / max(1, row["compared"]), 1.0 if share == "equal" else 0.98
            rows.append(_aim(f"{name}, {title}, {text}", "all" if least == 1 else "at least 98 %",
                             percent(row[share], row["compared"]), part >= least))  # fmt: skip
    return rows


def _ahead(title: str, ratio: Dict[str, float]) -> List[str]:
    best = {ours: max((r, n) for n, r in ratio.items() if n.startswith("ours") == ours) for ours in (True, False)}
    (got, ours), (most, other) = best[True], best[False]
    return _aim(
        f"{title}: ours at its fastest ({ours}), times naive", f"above {other} ({most:.2f})", f"{got:.2f}", got > most
    )


def _items_aims(result: Result) -> List[List[str]]:
    sizes = result["rows"]
    each = [of(row["first"], "seconds") / row["items"] for row in sizes]
    spread = 100 * (max(each) / statistics.median(each) - 1), 100 * (1 - min(each) / statistics.median(each))
    rows = [
        _aim(
            f"time per item, {sizes[0]['items']:,} to {sizes[-1]['items']:,} items",
            "within 20 % of the median",
            f"+{spread[0]:.0f} %, -{spread[1]:.0f} %",
            max(spread) <= 20,
        )
    ]
    most = max(sizes, key=lambda row: _peak(row) / memory_aim(row["json"]))
    last = sizes[-1]
    rows.append(
        _aim(
            f"peak memory, {last['items']:,} items, JSON {last['json'] / 1e6:.0f} MB",
            f"under {memory_aim(last['json']) / 1e6:.0f} MB",
            f"{_peak(last) / 1e6:.0f} MB",
            _peak(most) < memory_aim(most["json"]),
        )
    )
    for row in sizes:
        if row.get("one") and row["items"] >= 100_000:
            ratio = of(row["one"], "seconds") / of(row["json_module"], "seconds")
            what = f"one new item in {row['items']:,}, times load and dump"
            rows.append(_aim(what, "at most 4", f"{ratio:.2f}", ratio <= 4))
            work = of(row["json_work"], "seconds") / row["items"] * 1e6
            what = f"JSON work of a first run, {row['items']:,} items"
            rows.append(_aim(what, "at most 30 µs per item", f"{work:.1f} µs", work <= 30))
    real = result.get("real")
    if real:
        share = 100 * of(real["again"], "seconds") / of(real["first"], "seconds")
        what = f"nothing to do, {real['items']:,} items with the pictures of tokens"
        rows.append(_aim(what, "under 3 % of the first run", f"{share:.1f} %", share < 3))
    return rows


def _peak(row: Result) -> float:
    return max(of(row["first"], "peak", max), of(row["again"], "peak", max))
