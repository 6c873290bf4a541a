"""Concurrent runs, edits by other programs during a run, and locks of live and dead holders."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import broken
from ansible_collections.mobius.dhash.plugins.module_utils.backups import store
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, replace
from broken import CRASHED, DONE, KILLED, REPORTED, UNKNOWN, Alone, Ended
from judge import lost
from paths import HOLDER, WRITING, Site
from sweep import Bench, Verdict

AT_ONCE = 8
ROUNDS = 6
_ONE = ("backup", "migrate", "restore", "prune", "lock")


@dataclass(frozen=True)
class AtOnce:
    """Eight of the same call, or of several, start together."""

    name: str
    others: tuple[str, ...]
    round: int

    def attempt(self, bench: Bench) -> Verdict:
        chosen = bench.model(self.name)
        site = chosen.site.copy(bench.folder / "concurrency")
        try:
            calls = [WRITING[each].call for each in (self.name, *self.others)] * AT_ONCE
            start = time.monotonic() + 0.02
            running = [Alone(_later(call, site, start)) for call in calls[:AT_ONCE]]
            ends = [each.ended() for each in running]
            found = self._lost(bench, site, ends)
        finally:
            shutil.rmtree(site.home)
        kind = f"{AT_ONCE} at once" if not self.others else f"{AT_ONCE} at once, mixed"
        label = f"{self.name}: {kind}, round {self.round}"
        return Verdict("concurrency", kind, chosen.writing.title, label, True, found, "; ".join(map(str, ends)))

    def _lost(self, bench: Bench, site: Site, ends: List[Ended]) -> Optional[str]:
        bad = [each for each in ends if each.how in (CRASHED, KILLED, UNKNOWN)]
        if bad:
            return f"it ended badly: {bad[0]}"
        if DONE not in [each.how for each in ends]:
            return f"none of them succeeded: {ends[0]}"
        if not self.others:
            return lost(bench.model(self.name), site, Ended(DONE, "", True))
        wrong = [each.path for each in store.list_backups(site.path) if not each.verified]
        known = {Path(each.path).read_bytes() for each in store.list_backups(site.path)}
        whole = json.loads(site.library.read_bytes())["name"] == "Überfall"
        if wrong or not whole or bench.model(self.name).library_before not in known | {site.library.read_bytes()}:
            return f"not whole: {wrong}"
        return None

    def quick(self, _place: int) -> bool:
        return self.round < 2


def _later(call: Callable[[Site], Any], site: Site, start: float) -> Callable[[], Any]:
    def wait() -> Any:
        time.sleep(max(0.0, start - time.monotonic()))
        return call(site)

    return wait


def _in_place(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"berfall", b"berholt"))


def _same_time(path: Path) -> None:
    facts = path.stat()
    _in_place(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _renamed(path: Path) -> None:
    other = path.with_name("edited")
    other.write_bytes(path.read_bytes() + b"\n")
    other.rename(path)


def _appended(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b" ")


EDITS: Dict[str, Callable[[Path], None]] = {
    "in place": _in_place,
    "in place, time kept": _same_time,
    "renamed over": _renamed,
    "appended": _appended,
    "emptied": lambda path: os.truncate(path, 0),
    "removed": lambda path: path.unlink(),
}


@dataclass(frozen=True)
class Edited:
    """Another program edits the library when its replacement is ready to be renamed: abort, and keep the edit."""

    name: str
    edit: str

    def attempt(self, bench: Bench) -> Verdict:
        chosen = bench.model(self.name)
        site = chosen.site.copy(bench.folder / "edited")
        try:
            ended = broken.alone(lambda: self._meanwhile(chosen.writing.call, site))
            witness = chosen.site.copy(bench.folder / "witness")
            EDITS[self.edit](witness.library)
            wanted = witness.library.read_bytes() if witness.library.exists() else None
            shutil.rmtree(witness.home)
            now = site.library.read_bytes() if site.library.exists() else None
            found = None if now == wanted else "the edit is gone"
            if ended.how != REPORTED:
                found = "it did not abort"
        finally:
            shutil.rmtree(site.home)
        label = f"{self.name}: edited meanwhile ({self.edit})"
        return Verdict("concurrency", "edited meanwhile", chosen.writing.title, label, True, found, str(ended))

    def _meanwhile(self, call: Callable[[Site], Any], site: Site) -> Any:
        check = replace._check_expected

        def edited(path: str, expected: Optional[replace.Version]) -> None:
            if path == os.path.realpath(site.path):
                EDITS[self.edit](site.library)
            check(path, expected)

        replace._check_expected = edited
        return call(site)

    def quick(self, _place: int) -> bool:
        return True


def _lease(site: Site, **changes: Any) -> None:
    lock.acquire(site.path, "other", pid=os.getpid())
    path = site.home / ".library.json.dhash" / "lock"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def _garbage(site: Site) -> None:
    lock.acquire(site.path, "other")
    (site.home / ".library.json.dhash" / "lock").write_text("{")


#: Who holds the library, and whether that stops a writing call.
LEASES: Dict[str, tuple[Callable[[Site], None], bool]] = {
    "held by a deployment": (lambda site: _lease(site, pid=None), True),
    "held by a living process": (_lease, True),
    "held on another host": (lambda site: _lease(site, host="elsewhere", boot_id="x", pid=2**22 + 1), True),
    "lease unreadable": (_garbage, True),
    "held by a dead process": (lambda site: _lease(site, pid=2**22 + 1), False),
    "held by a reused pid": (lambda site: _lease(site, pid_start=1), False),
    "held before a reboot": (lambda site: _lease(site, boot_id="before"), False),
    "held for too long": (lambda site: _lease(site, pid=None, boottime=-1e9), False),
}


@dataclass(frozen=True)
class Held:
    """A call meets a lock of someone else."""

    name: str
    lease: str

    def attempt(self, bench: Bench) -> Verdict:
        chosen = bench.model(self.name)
        take, stops = LEASES[self.lease]
        site = chosen.site.copy(bench.folder / "held")
        try:
            take(site)
            ended = broken.alone(lambda: chosen.writing.call(site))
            if stops:
                found = self._refused(bench, site, ended)
            else:
                found = None if ended.how == DONE else f"a dead lock blocks: {ended}"
                if self.name != "lock":
                    # What is over blocks nobody, and stays until someone takes the lock.
                    lock.release(site.path, "other")
                found = found or lost(chosen, site, ended)
        finally:
            shutil.rmtree(site.home)
        return Verdict(
            "concurrency", self.lease, chosen.writing.title, f"{self.name}: {self.lease}", True, found, str(ended)
        )

    def _refused(self, bench: Bench, site: Site, ended: Ended) -> Optional[str]:
        if ended.how != REPORTED or "Locked" not in ended.text:
            return f"it did not stop: {ended}"
        if site.library.read_bytes() != bench.model(self.name).library_before:
            return "the library changed"
        lock.acquire(site.path, HOLDER, force=True)
        lock.release(site.path, HOLDER)
        return lost(bench.model(self.name), site, ended)

    def quick(self, _place: int) -> bool:
        return True


def cases(_bench: Bench, wanted: List[str]) -> List[Any]:
    """All of these."""
    some = [name for name in _ONE if name in wanted]
    found: List[Any] = [AtOnce(name, (), number) for name in some for number in range(ROUNDS)]
    if "migrate" in wanted:
        mixed = ("backup", "restore", "prune")
        found += [AtOnce("migrate", mixed, number) for number in range(ROUNDS)]
    edited = [name for name in ("migrate-first", "migrate", "restore", "restore-leased") if name in wanted]
    found += [Edited(name, edit) for name in edited for edit in EDITS]
    found += [Held(name, lease) for name in some for lease in LEASES]
    return found
