"""docs/performance.md from the results that were kept."""

from __future__ import annotations

import statistics
import textwrap
from typing import Any, Dict, List

import places
from controllers import ratio
from fleet_report import fleets, scale
from prose import AIMS, BACKUP, CONTROLLER, DEPLOY, DUPLICATES, ENGINE, FLEET, HEAD, ITEMS, ONE_NEW, PARTS
from results import EXACT, EXTRAS, FAST, LEAN, NAIVE, Result, aims, faster, memory_aim, of, percent, ratios
from tables import table

SECTIONS = ("engine", "items", "backup", "duplicates", "deploy", "fleet")
#: Those of a run that names none.
USUAL = SECTIONS[:-1]


def write(kept: Dict[str, Result]) -> None:
    """The document and its plots; a section that was never run is left out, and the head lists it."""
    if not kept:
        raise SystemExit("Nothing was measured yet: make bench")
    import plots  # needs matplotlib, which the tables do not

    images = places.DOCUMENT.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    parts = [HEAD, _measured_on(kept), AIMS, table(["", "aim", "measured", "met"], aims(kept))]
    if "engine" in kept:
        plots.throughput(kept["engine"], ratios(kept["engine"]), images / "throughput.png")
        parts += [ENGINE, _engine(kept["engine"])]
    if "items" in kept:
        plots.items(kept["items"]["rows"], memory_aim, images / "items.png")
        parts += [ITEMS.format(**kept["items"]), _items(kept["items"])]
    if "backup" in kept:
        parts += [BACKUP, _backup(kept["backup"])]
    if "duplicates" in kept:
        parts += [DUPLICATES.format(**kept["duplicates"]), _duplicates(kept["duplicates"])]
    if "deploy" in kept:
        parts += [DEPLOY, _deploy(kept["deploy"])]
    if "fleet" in kept:
        parts += [FLEET.format(**kept["fleet"]), fleets(kept["fleet"])]
        scale(kept["fleet"])
    parts.append(PARTS)
    places.DOCUMENT.write_text("\n\n".join(part.strip() for part in parts) + "\n", "utf-8")


def _measured_on(kept: Dict[str, Result]) -> str:
    head = ["", *kept]
    names = list(next(iter(kept.values()))["machine"])
    rows = [[name, *(str(each["machine"].get(name, "")) for each in kept.values())] for name in names]
    rows.append(["took", *(f"{each['took']:.0f} s" for each in kept.values())])
    versions: Dict[str, str] = {}
    for each in kept.values():
        versions.update(each["versions"])
    if "deploy" in kept:
        versions["ansible-core"] = kept["deploy"]["ansible"]
    if all(len(set(row[1:])) == 1 for row in rows[1:5]):
        constant, rows = rows[1:5], [rows[0], *rows[5:]]
        rows_text = table(head, rows) + "\n\n" + ". ".join(f"{row[0]}: {row[1]}" for row in constant) + "."
    else:
        rows_text = table(head, rows)
    left = [name for name in SECTIONS if name not in kept]
    if left:
        rows_text += f"\n\n**Not measured yet**: {', '.join(left)}."
    named = ", ".join(f"{name} {value}" for name, value in versions.items())
    return rows_text + "\n\n" + textwrap.fill(f"Versions: {named}.", 118, break_on_hyphens=False)


def _engine(engine: Result) -> str:
    parts = ["![Pictures a second by approach](images/throughput.png)"]
    for title, corpus in engine["corpora"].items():
        rows = [_approach(name, row, corpus, ratios(engine)[title][name]) for name, row in corpus["rows"].items()]
        rows += [[name, f"not measured: {why}", *[""] * 7] for name, why in engine["missing"].items()]
        parts.append(f"### {title}: {corpus['pictures']:,} pictures, {corpus['bytes'] / 1e6:.0f} MB")
        header = [
            "approach",
            "s",
            "times naive",
            "least to most",
            "CPU s",
            "peak MB",
            "equal",
            "within 2 bits",
            "worst",
        ]
        parts.append(table(header, rows))
        parts.append(_ahead(title, ratios(engine)[title]))
    return "\n\n".join(parts)


def _approach(name: str, row: Result, corpus: Result, ratio: float) -> List[str]:
    each = [n / s for n, s in zip(corpus["rows"][NAIVE]["seconds"], row["seconds"])]
    failed = corpus["pictures"] - row["hashed"]
    return [
        name,
        f"{statistics.median(row['seconds']):.2f}",
        f"{ratio:.2f}",
        f"{min(each):.2f} to {max(each):.2f}",
        f"{statistics.median(row['cpu']):.2f}",
        f"{row['peak'] / 1e6:.0f}",
        percent(row["equal"], row["compared"]) + (f" ({failed} failed)" if failed else ""),
        percent(row["within2"], row["compared"]),
        str(row["worst"]),
    ]


def _ahead(title: str, ratio: Dict[str, float]) -> str:
    """What is faster than ours, in words."""
    lines = []
    for ours in (LEAN, EXACT, EXTRAS, FAST):
        if ours in ratio:
            faster = [f"{n} ({r:.2f})" for n, r in ratio.items() if not n.startswith("ours") and r > ratio[ours]]
            lines.append(f"Faster than {ours}: {', '.join(faster) or 'none of these'}.")
    return " ".join(lines)


def _items(result: Result) -> str:
    rows = [_items_row(f"{row['items']:,}", row) for row in result["rows"]]
    real = result.get("real")
    if real:
        rows.append(_items_row(f"{real['items']:,}, real pictures", real))
    some = [row for row in result["rows"] if row.get("one")]
    one = [_one_row(row) for row in some]
    header = ["items", "JSON MB", "rounds", "first run s", "per 1,000", "CPU s", "peak MB", "second run s", "per 1,000",
              "of the first", "CPU s", "peak MB"]  # fmt: skip
    text = "![Time per 1,000 items, and memory, by number of items](images/items.png)\n\n" + table(header, rows)
    heads = ["items", "one new item s", "load and dump s", "ratio", "peak MB", "JSON work of a first run, µs per item"]
    return f"{text}\n\n{ONE_NEW.strip()}\n\n{table(heads, one)}" if one else text


def _one_row(row: Result) -> List[str]:
    return [
        f"{row['items']:,}",
        f"{of(row['one'], 'seconds'):.2f}",
        f"{of(row['json_module'], 'seconds'):.2f}",
        f"{of(row['one'], 'seconds') / of(row['json_module'], 'seconds'):.2f}",
        f"{of(row['one'], 'peak', max) / 1e6:.0f}",
        f"{of(row['json_work'], 'seconds') / row['items'] * 1e6:.1f}",
    ]


def _items_row(name: str, row: Result) -> List[str]:
    cells = [name, f"{row['json'] / 1e6:.1f}", str(len(row["first"]))]
    for kind in ("first", "again"):
        seconds = of(row[kind], "seconds")
        cells += [f"{seconds:.2f}", f"{seconds / row['items'] * 1000:.3f}"]
        if kind == "again":
            cells.append(f"{100 * seconds / of(row['first'], 'seconds'):.1f} %")
        cells += [f"{of(row[kind], 'cpu'):.2f}", f"{of(row[kind], 'peak', max) / 1e6:.0f}"]
    return cells


def _backup(result: Result) -> str:
    base = result["rows"]["cp && sha256sum"]["seconds"]
    rows = [
        [
            f"`{name}`" if "&&" in name else name,
            f"{statistics.median(row['seconds']):.2f}",
            f"{faster(base, row['seconds']):.2f}",
            f"{statistics.median(row['cpu']):.2f}",
        ]
        for name, row in result["rows"].items()
    ]
    size = f"{result['bytes'] / 2**30:.2g} GiB, {result['rounds']} rounds:"
    return size + "\n\n" + table(["", "s", "times cp && sha256sum", "CPU s"], rows)


def _duplicates(result: Result) -> str:
    ours = [run["seconds"] for run in result["peers"]["library_duplicates"]]
    rows = [
        [
            name,
            f"{of(runs, 'seconds'):.2f}",
            f"{1 / faster(ours, [r['seconds'] for r in runs]):.1f}",
            f"{runs[0]['pairs']:,}",
        ]
        for name, runs in result["peers"].items()
    ]
    peers = table([f"{result['hashes']:,} hashes", "s", "times library_duplicates", "pairs"], rows)
    rows = [
        [name, f"{run['seconds']:.1f}", f"{run['cpu']:.1f}", f"{run['peak'] / 1e6:.0f}", f"{run['pairs']:,}"]
        for name, run in result["items"].items()
    ]
    return peers + "\n\n" + table([f"{result['most']:,} items", "s", "CPU s", "peak MB", "pairs"], rows)


def _deploy(result: Result) -> str:
    rows = []
    for name, runs, rounds in (("this machine", result["local"], result["rounds"]), ("hosts", result["hosts"], 1)):
        if "missing" in runs:
            rows.append([f"10 {name}", f"not measured: {runs['missing'][:200]}", *[""] * 6])
            continue
        for kind, label in (("first", "first"), ("again", "unchanged")):
            run = runs[kind]
            where = f"{runs['count']} {name} at once, ssh" if "count" in runs else name
            cells = [run["tasks"], run["skipped"], run.get("modules", ""), run["changed"]]
            seconds = [f"{run['seconds']:.1f}", f"{run['cpu']:.1f}"]
            rows.append([f"{where}, {label} run", *seconds, *(_whole(cell) for cell in cells), str(rounds)])
    header = ["", "s", "CPU s", "tasks", "skipped", "modules run", "changed", "rounds"]
    return table(header, rows) + "\n\n" + CONTROLLER.strip() + "\n\n" + _controller(result["controller"])


def _controller(result: Result) -> str:
    header = ["hosts", "playbook", "tasks started", "modules run", "s", "CPU s", "CPU, times one ping"]
    rows = []
    for count, playbooks in result["rows"].items():
        for name, row in playbooks.items():
            first = row["runs"][0]
            seconds = [f"{of(row['runs'], unit):.1f}" for unit in ("seconds", "cpu")]
            started = str(first["tasks"] + first["skipped"])
            rows.append([str(count), name, started, _whole(row["modules"]), *seconds, f"{ratio(playbooks, name):.1f}"])
    rows += [["", name, f"not measured: {why}", *[""] * 4] for name, why in result["missing"].items()]
    return table(header, rows)


def _whole(value: Any) -> str:
    return f"{value:.0f}" if value != "" else ""
