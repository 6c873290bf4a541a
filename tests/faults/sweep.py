"""Every system call of every writing path, broken in every way."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import broken
from broken import CALLS, KILLED, Point
from judge import lost
from paths import Model, model

KILL = "KILL"
ERRORS = ("EIO", "ENOSPC", "EROFS", "EACCES", "EDQUOT")
#: Faults that stay: what fails is every such call from that point on.
STAYING: Dict[str, Tuple[str, ...]] = {
    "EIO": tuple(CALLS),
    "ENOSPC": ("write", "fsync", "mkdir"),
    "EROFS": ("fchmod", "fchown", "rename", "unlink", "mkdir"),
}


@dataclass(frozen=True)
class Verdict:
    """The outcome of a fault: ``kind`` and ``path`` are its row and column in the table.

    ``fired`` is false when the fault never happened; ``lost`` is what was lost, or None.
    """

    group: str
    kind: str
    path: str
    label: str
    fired: bool
    lost: Optional[str]
    ended: str = ""


class Bench:
    """Models, built once for each process that sweeps."""

    def __init__(self, folder: Path, images: Path) -> None:
        self.folder = folder
        self._images = images
        self._models: Dict[str, Model] = {}
        folder.mkdir(parents=True)

    def model(self, name: str) -> Model:
        if name not in self._models:
            self._models[name] = model(name, self.folder, self._images)
        return self._models[name]

    def points(self, name: str) -> List[Point]:
        """What a run that nothing breaks calls."""
        site = self.model(name).site.copy(self.folder / "counted")
        log = self.folder / "log"
        ended = broken.run(lambda: self.model(name).writing.call(site), log)
        found = broken.points_of(log, f"{site.home}")
        shutil.rmtree(site.home)
        if ended.how != broken.DONE:
            raise RuntimeError(f"{name} fails unbroken: {ended.text}")
        return found


@dataclass(frozen=True)
class Case:
    """One fault to try on the writing path ``name``."""

    name: str
    kind: str
    label: str
    inject: Tuple[str, ...]

    def attempt(self, bench: Bench) -> Verdict:
        """Try it on a copy of its model."""
        chosen = bench.model(self.name)
        site = chosen.site.copy(bench.folder / "tried")
        try:
            ended = broken.run(lambda: chosen.writing.call(site), bench.folder / "log", self.inject)
            found = lost(chosen, site, ended)
        finally:
            shutil.rmtree(site.home)
        fired = ended.injected or ended.how == KILLED
        label = f"{self.name}: {self.label}"
        return Verdict("calls", self.kind, chosen.writing.title, label, fired, found, str(ended))

    def quick(self, place: int) -> bool:
        """Whether a short run tries it too."""
        return self.kind == KILL or place % 12 == 0


def cases(name: str, points: List[Point]) -> List[Case]:
    """Every fault for these points of a path."""
    found: List[Case] = []
    for point in points:
        at = f"{point.name} {point.number} [{point.line}]"
        one = f"{point.name}:{{}}:when={point.number}"
        found.append(Case(name, KILL, f"KILL at {at}", (one.format("signal=KILL"),)))
        found += [Case(name, error, f"{error} at {at}", (one.format(f"error={error}"),)) for error in ERRORS]
        for error, groups in STAYING.items():
            if point.group in groups:
                found.append(Case(name, f"{error} on", f"{error} from {at} on", _staying(error, groups, point)))
    return found


def _staying(error: str, groups: Tuple[str, ...], point: Point) -> Tuple[str, ...]:
    names = [each for group in groups for each in CALLS[group]]
    return tuple(f"{each}:error={error}:when={point.before.get(each, 0) + 1}+" for each in names)
