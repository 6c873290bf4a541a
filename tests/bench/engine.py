"""Hashing: ours against naive ImageHash and its peers, each in a fresh process, in turn, on the same pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import approaches
import fresh
import places

SHARP = "sharp"
#: Seconds between two looks at the memory.
_LOOK = 0.02


def measure(pictures: Path, rounds: int, limit: int) -> Dict[str, Any]:
    """
    :param pictures: a folder with a folder for each corpus, or with pictures.
    :param limit: pictures of each corpus; 0 for all.
    """
    names, missing = _present()
    result: Dict[str, Any] = {"rounds": rounds, "workers": places.processors(), "missing": missing, "corpora": {}}
    for folder in corpora(pictures):
        chosen = _choose(folder, limit)
        result["corpora"][folder.name] = _corpus(chosen, names, rounds, missing)
    return result


def corpora(pictures: Path) -> List[Path]:
    """The folders that have files."""
    folders = sorted([pictures, *(path for path in pictures.iterdir() if path.is_dir())], key=_order)
    found = [folder for folder in folders if any(path.is_file() for path in folder.iterdir())]
    if not found:
        raise SystemExit(f"There are no pictures in {pictures} nor in its folders")
    return found


def _order(folder: Path) -> tuple[int, str]:
    known = ("tokens", "web", "photos")
    return (known.index(folder.name) if folder.name in known else len(known), folder.name)


def _choose(folder: Path, limit: int) -> Path:
    """A folder of links to the pictures, spread evenly where there is a limit: some peers want a flat folder."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    if limit:
        paths = paths[:: max(1, len(paths) // limit)][:limit]
    chosen = places.CACHE / "pictures" / folder.name
    shutil.rmtree(chosen, ignore_errors=True)
    chosen.mkdir(parents=True)
    for number, path in enumerate(paths):
        (chosen / f"{number:06d}{path.suffix.lower()}").symlink_to(path.resolve())
    return chosen


def _present() -> tuple[List[str], Dict[str, str]]:
    """The names of the approaches that can be measured, and why others cannot."""
    missing = {name: why for name in approaches.APPROACHES if (why := approaches.absent(name))}
    names = [name for name in approaches.APPROACHES if name not in missing]
    why = _sharp()
    if why:
        missing[SHARP] = why
    else:
        names.append(SHARP)
    return names, missing


def _sharp() -> Optional[str]:
    """Install it; return why it cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no node"
    places.NPM.mkdir(parents=True, exist_ok=True)
    shutil.copy(places.HERE / "package.json", places.NPM)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    done = subprocess.run(command, cwd=places.NPM, capture_output=True, text=True, timeout=300, check=False)
    return None if done.returncode == 0 else f"npm install failed: {done.stderr.strip()[-200:]}"


def _command(name: str, folder: Path) -> List[str]:
    script = "peers.js" if name == SHARP else "approaches.py"
    start = ["node", str(places.HERE / script)] if name == SHARP else [sys.executable, str(places.HERE / script), name]
    return [*start, str(folder), str(places.processors())]


def _run(name: str, folder: Path, sample: Optional[float]) -> Any:
    extra = {"NODE_PATH": str(places.NPM / "node_modules")} if name == SHARP else {}
    return fresh.run(_command(name, folder), sample=sample, environment=extra)


def _corpus(folder: Path, names: List[str], rounds: int, missing: Dict[str, str]) -> Dict[str, Any]:
    """A first round warms the cache and looks at memory and bits; the timed ones follow."""
    rows: Dict[str, Dict[str, Any]] = {}
    size = sum(path.stat().st_size for path in folder.iterdir())
    reference: List[Optional[str]] = []
    for name in names:
        try:
            first = _run(name, folder, _LOOK)
        except fresh.Failed as error:
            missing[name] = str(error)
            continue
        reference = reference or first["answer"]
        rows[name] = {"seconds": [], "cpu": [], "peak": first["peak"], **bits(first["answer"], reference)}
    for number in range(rounds):
        order = [*rows]
        # Each starts once where another one started before.
        for name in order[number % len(order) :] + order[: number % len(order)]:
            run = _run(name, folder, None)
            rows[name]["seconds"].append(run["seconds"])
            rows[name]["cpu"].append(run["cpu"])
        naive = rows["naive"]["seconds"][-1]
        reported = ", ".join(f"{name} {naive / row['seconds'][-1]:.2f}" for name, row in rows.items())
        print(
            f"{folder.name}, round {number + 1}: naive {naive:.2f} s; times naive: {reported}",
            file=sys.stderr,
            flush=True,
        )
    return {"pictures": len(os.listdir(folder)), "bytes": size, "rows": rows}


def bits(hashes: List[Optional[str]], reference: List[Optional[str]]) -> Dict[str, int]:
    """How many pictures both hashed, how many of them equally, and within 2 bits, and the most bits that differ."""
    pairs = [(one, two) for one, two in zip(hashes, reference) if one is not None and two is not None]
    apart = [bin(int(one, 16) ^ int(two, 16)).count("1") for one, two in pairs]
    return {
        "hashed": sum(one is not None for one in hashes),
        "compared": len(apart),
        "equal": sum(each == 0 for each in apart),
        "within2": sum(each <= 2 for each in apart),
        "worst": max(apart, default=0),
    }
