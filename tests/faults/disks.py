"""Disks that are full, and disks that lose power."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional

import broken
from broken import DONE, KILLED, Ended, Point
from judge import lost
from paths import Site
from sweep import Bench, Verdict

_SHUTDOWN = 0x8004587D
_CLONE_NEWNS = 0x20000
_PAGE = 4096
#: What FS_IOC_SHUTDOWN does with the journal: flushed without the data that is not, or lost.
CUTS = {"journal kept": 1, "journal lost": 2}
BLOCKS, INODES, EXT4 = "full (tmpfs)", "no inodes (tmpfs)", "full (ext4)"
_STEPS = {BLOCKS: range(0, 30), INODES: range(0, 10), EXT4: range(0, 20)}
_FILLED = ("backup-first", "backup", "migrate-first", "migrate", "migrate-leased", "restore", "restore-leased")
_CUT = (*_FILLED, "restore-gone", "prune", "lock")
_LIBC = ctypes.CDLL(None, use_errno=True)


def unavailable() -> Optional[str]:
    """Why nothing can be mounted here, or None."""
    script = (
        'd=$(mktemp -d) && truncate -s 2M "$d/i" && mkfs.ext4 -q "$d/i" && mkdir "$d/m" && mount -o loop "$d/i" "$d/m"'
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"nothing can be mounted here: {done.stderr.strip()}"


def own_mounts() -> None:
    """Keep the mounts of this process to itself: they end with it."""
    if _LIBC.unshare(_CLONE_NEWNS) == 0:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """Mount something on ``folder`` for a while."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", *arguments, str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _image(bench: Bench) -> Path:
    image = bench.folder / "ext4.img"
    if not image.exists():
        with image.open("wb") as stream:
            stream.truncate(8 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", str(image)], check=True)
    return image


def _ext4(bench: Bench) -> List[str]:
    # Else ext4 itself makes up for a data sync that a program forgot, and commits when it likes.
    return ["-o", "loop,noauto_da_alloc,commit=600", str(_image(bench))]


@dataclass(frozen=True)
class Full:
    """Only ``left`` pages or inodes are free."""

    name: str
    kind: str
    left: int

    def attempt(self, bench: Bench) -> Verdict:
        chosen = bench.model(self.name)
        disk = _ext4(bench) if self.kind == EXT4 else ["-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "none"]
        with mounted(bench.folder / "full", *disk) as folder:
            site = chosen.site.copy(folder / "tried")
            filler = _fill(folder, self.left, inodes=self.kind == INODES)
            ended = broken.alone(lambda: chosen.writing.call(site))
            for each in filler:
                each.unlink()
            found = lost(chosen, site, ended)
            subprocess.run(["rm", "-rf", str(site.home)], check=True)
        label = f"{self.name}: {self.left} left"
        return Verdict("full", self.kind, chosen.writing.title, label, ended.how != DONE, found, str(ended))

    def quick(self, place: int) -> bool:
        return place % 8 == 0


def _fill(folder: Path, left: int, *, inodes: bool) -> List[Path]:
    if inodes:
        filler = [folder / f"filler{number}" for number in range(os.statvfs(folder).f_favail - left)]
        for each in filler:
            each.touch()
        return filler
    _sync(folder)
    filling = folder / "filler"
    facts = os.statvfs(folder)
    with filling.open("wb", buffering=0) as stream, suppress(OSError):
        for _unused in range(max(0, facts.f_bavail * facts.f_frsize // _PAGE - left)):
            stream.write(b"x" * _PAGE)
    _sync(folder)
    return [filling]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _LIBC.syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "syncfs failed", str(folder))
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class PowerCut:
    """The power goes before a system call, or right after the end where ``point`` is None.

    With ``again`` the run is only killed there, and the power fails when the next run has reported success.
    """

    name: str
    cut: str
    point: Optional[Point]
    again: bool = False

    def attempt(self, bench: Bench) -> Verdict:
        chosen = bench.model(self.name)
        folder = bench.folder / "cut"
        with mounted(folder, *_ext4(bench)):
            subprocess.run(["rm", "-rf", str(folder / "tried")], check=True)
            site = chosen.site.copy(folder / "tried")
            _sync(folder)
            ended = self._run(bench, site)
            killed = ended.how == KILLED
            if self.again:
                ended = broken.alone(lambda: chosen.writing.call(site))
            _cut_power(folder, CUTS[self.cut])
        with mounted(folder, *_ext4(bench)):
            found = lost(chosen, site, ended)
        at = "the end" if self.point is None else f"{self.point.name} {self.point.number} [{self.point.line}]"
        fired = self.point is None or killed
        label = f"{self.name}: power cut at {at}, {self.cut}"
        kind = f"power cut, {self.cut}" if not self.again else "killed, run again, power cut"
        return Verdict("power", kind, chosen.writing.title, label, fired, found, str(ended))

    def _run(self, bench: Bench, site: Site) -> Ended:
        call = bench.model(self.name).writing.call
        if self.point is None:
            return broken.alone(lambda: call(site))
        inject = f"{self.point.name}:signal=KILL:when={self.point.number}"
        return broken.run(lambda: call(site), bench.folder / "log", [inject])

    def quick(self, place: int) -> bool:
        return self.point is None or place % 16 == 0


def _cut_power(folder: Path, how: int) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", how))
    finally:
        os.close(descriptor)


def full_cases(_bench: Bench, names: List[str]) -> List[Full]:
    """Less and less free space, down to none."""
    return [Full(name, kind, left) for name in _FILLED if name in names for kind, r in _STEPS.items() for left in r]


def power_cases(bench: Bench, names: List[str]) -> List[PowerCut]:
    """A cut before each call that changes something, and one at the end."""
    found = []
    for name in _CUT:
        if name in names:
            points = [each for each in bench.points(name) if each.group != "openat" or "O_CREAT" in each.line]
            found += [PowerCut(name, cut, point) for cut in CUTS for point in [*points, None]]
            found += [PowerCut(name, "journal lost", point, again=True) for point in points]
    return found
