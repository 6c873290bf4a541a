"""The playbooks themselves: killed, interrupted, cut off and run against each other."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import paths
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from broken import DONE, KILLED, Ended
from judge import Lost, recovered, survived
from paths import Model, Site, Writing, timeless
from plays import TTL, Play, play
from sweep import Bench, Verdict

DEPLOY, ROLLBACK = "deploy.yml", "rollback.yml"
# A deployment that finds nothing to change does all of its steps on the host in three modules.
UNCHANGED = "deploy.yml, unchanged"
AT_ONCE = 8
ITEMS = 24
_PATIENCE = 400.0
#: What an unbroken run did on the host, number and name of each task: noted when a model is made.
TASKS: Dict[str, List[Tuple[int, str]]] = {}


def plain(name: str) -> str:
    return name.partition(".")[0]


def _called(name: str) -> Callable[[Site], None]:
    def call(site: Site) -> None:
        running = Play(plain(name), site)
        done = running.ended()
        if done.code != 0:
            raise RuntimeError(f"{name} ends with {done.code}: {' '.join(done.output.split())[-1500:]}")
        TASKS[name] = running.tasks()

    return call


def _deployed(site: Site) -> None:
    """By the playbook, because only its own Python finds that nothing has changed since."""
    paths.deployed(site, ITEMS)
    play(plain(DEPLOY), site)


# The deployment prunes at its end: what is past its time may go.
paths.PLAYBOOKS[DEPLOY] = Writing(DEPLOY, lambda site: paths.grown(site, ITEMS - 1), _called(DEPLOY), prunes=True)
paths.PLAYBOOKS[UNCHANGED] = Writing(UNCHANGED, _deployed, _called(UNCHANGED), prunes=True)
paths.PLAYBOOKS[ROLLBACK] = Writing(ROLLBACK, lambda site: paths.deployed(site, ITEMS), _called(ROLLBACK))


def state_of(site: Site) -> str:
    """A digest of the files: the same for two runs whose files differ only in times, ids, durations and logs."""
    journal = ".library.json.dhash/run.json"
    tree = {name: content for name, content in site.tree().items() if name == journal or not _is_reported(name)}
    known = {hashlib.sha256(content).hexdigest(): _nameless(name) for name, content in tree.items()}
    digest = hashlib.sha256()
    for name, content in sorted(tree.items()):
        text = content.decode("utf-8", "surrogateescape")
        if name.endswith("/lock"):
            text = str(sorted(json.loads(content)))
        elif name.endswith("/run.json"):
            text = _journal(content)
        elif name.endswith("/writing") or ".sqlite" in name:
            text = ""
        # A checksum counts as the file that it is of.
        text = re.sub(r"\b[0-9a-f]{64}\b", lambda found: known.get(found.group(), "OTHER"), text)
        text = re.sub(r'(_time|seconds)": [0-9.]+', r'\1": N', text.replace(str(site.home), "HOME"))
        mode = (site.home / name).stat().st_mode
        digest.update(f"{_nameless(name)} {mode:o} {_nameless(text)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _journal(content: bytes) -> str:
    """How far the run came, and what it left undone."""
    run = json.loads(content)
    steps = [(step.get("step"), step.get("outcome")) for step in run["steps"]]
    return str([steps, run["owed"], run["status"], bool(run["ended_at"])])


def _nameless(text: str) -> str:
    plain = timeless(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    return re.sub(r"\.[0-9a-f]{12}\.tmp", ".TMP", plain)


_TELLING = ("last-run", "run.json", "validity.json", "history.jsonl", "history.head")


def _is_reported(name: str) -> bool:
    """Whether it only describes runs, or makes the next one faster."""
    reported = name.startswith("logs/") or name == "migrate-dryrun.json"
    reported = reported or name in [f".library.json.dhash/{each}" for each in _TELLING]
    return reported and not name.endswith(".tmp")


def _kept(site: Site) -> Dict[str, bytes]:
    """What a run that changes nothing leaves alone."""
    return {name: content for name, content in site.tree().items() if not _is_reported(name) and ".sqlite" not in name}


@dataclass(frozen=True)
class Place:
    """Within a task of this name: its module is about to do ``event`` (an audit event of Python) to ``path``."""

    task: str
    event: str
    path: str
    when: int = 1

    def plan(self) -> Dict[str, Any]:
        return {"within": self.task, "event": self.event, "path": self.path, "when": self.when}


_TAKING = Place("Check the library, lock it and back it up", "open", r"/\.library\.json\.dhash/writing$")


@dataclass(frozen=True)
class _Playing:
    """One fault of a playbook.

    :ivar proven: folder of notes, one for each state that some fault left: whoever comes upon it first shows that the
        next run recovers from it.
    """

    model: Model
    kind: str
    label: str
    proven: Path
    in_short: bool = False

    def quick(self, _place: int) -> bool:
        return self.in_short

    def attempt(self, bench: Bench) -> Verdict:
        site = self.model.site.copy(bench.folder / "played")
        try:
            ended, fired, found = self._tried(site)
        except RuntimeError as error:
            # Reported with its place, and the others go on: a hang must not hide where it was.
            ended, fired, found = Ended(KILLED, str(error), True), True, str(error)
        finally:
            shutil.rmtree(site.home)
        label = f"{self.model.name}: {self.label}"
        return Verdict("plays", self.kind, self.model.name, label, fired, found, str(ended))

    def _tried(self, site: Site) -> Tuple[Ended, bool, Optional[str]]:
        raise NotImplementedError

    def _lost(self, site: Site, ended: Ended) -> Optional[str]:
        try:
            survived(self.model, site, ended)
            lock_becomes_free(site)
            if self._is_new(state_of(site)):
                self._goes_on(site)
                self._stays(site)
        except Lost as error:
            return str(error)
        return None

    def _is_new(self, state: str) -> bool:
        """Whether this one is the first in this state; the others leave the proof to it, also while it is at it."""
        try:
            (self.proven / f"{self.model.name}-{state}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _goes_on(self, site: Site) -> None:
        long_ago(site)
        try:
            play(plain(self.model.name), site)
        except RuntimeError as error:
            raise Lost(f"the next run fails: {error}") from error
        recovered(self.model, site)

    def _stays(self, site: Site) -> None:
        """Whatever broke before, the next run ends in the same few states; another one changes none of them."""
        if not self._is_new(f"after-{state_of(site)}"):
            return
        before = _kept(site)
        try:
            again = play(plain(self.model.name), site)
            other = sorted(name for name, _content in before.items() ^ _kept(site).items())
            if again.changed != 0 or other:
                raise Lost(f"another run changes something: changed={again.changed}, {other}")
            if self.model.name == ROLLBACK:
                play(plain(DEPLOY), site)
        except RuntimeError as error:
            raise Lost(f"the run after the next fails: {error}") from error


def long_ago(site: Site) -> None:
    """Leftovers beside logs and reports are removed once they cannot be another run's any more: after an hour."""
    for left in site.home.rglob(".*.tmp"):
        os.utime(left, (left.stat().st_atime, time.time() - 7200))


def lock_becomes_free(site: Site) -> None:
    """At once if the controller is this machine; over ssh after the lock's TTL."""
    deadline = time.monotonic() + TTL + 5
    while (lease := lock.holder(site.path)) is not None:
        if lease.get("pid") is not None or time.monotonic() > deadline:
            raise Lost(f"the lock does not become free: {lease}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Interrupted(_Playing):
    """A run that breaks according to ``plan``; ``variables`` make its verification fail, to break its rollback."""

    plan: Dict[str, Any] = field(default_factory=dict)
    variables: Dict[str, Any] = field(default_factory=dict)
    over_ssh: bool = False

    def _tried(self, site: Site) -> Tuple[Ended, bool, Optional[str]]:
        extra = {"mobius_lock_ttl": TTL} if self.over_ssh else {}
        running = Play(plain(self.model.name), site, self.plan, over_ssh=self.over_ssh, **extra, **self.variables)
        ended = running.ended().ended()
        return ended, ended.injected, self._lost(site, ended)


def _wait_until(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} does not happen within {_PATIENCE:g} seconds")
        time.sleep(0.05)


def _holding(go: Path, place: Place) -> Dict[str, Any]:
    return {**place.plan(), "do": "hold", "go": str(go)}


@dataclass(frozen=True)
class Met(_Playing):
    """While the run is held within a task, ``other`` starts: refused, and nothing is changed. Then the run goes on.

    With ``orphaned`` its ansible-playbook is killed first, and only the module that it started goes on.
    """

    place: Place = _TAKING
    other: str = ROLLBACK
    orphaned: bool = False

    def _tried(self, site: Site) -> Tuple[Ended, bool, Optional[str]]:
        go = site.home.with_name(f"{site.home.name}.go")
        go.unlink(missing_ok=True)
        first = Play(plain(self.model.name), site, _holding(go, self.place))
        try:
            _wait_until(lambda: first.obeyed or first.over, f"{self.label}: the place")
            if self.orphaned:
                first.kill()
            before = site.library.read_bytes()
            second = Play(plain(self.other), site).ended()
            untouched = site.library.read_bytes() == before
        finally:
            go.touch()
            done = first.ended()
        ended = done.ended()
        if not second.refused or not untouched:
            return ended, True, f"{self.other} did not refuse: {second.ended()}"
        if not self.orphaned and ended.how != DONE:
            return ended, True, f"the run that was met fails: {ended}"
        return ended, first.obeyed, self._lost(site, ended)


@dataclass(frozen=True)
class Crowd(_Playing):
    """Eight of them come to the lock at the same moment: one or more of them succeed, the others refuse."""

    def _tried(self, site: Site) -> Tuple[Ended, bool, Optional[str]]:
        go = site.home.with_name(f"{site.home.name}.go")
        go.unlink(missing_ok=True)
        place = _TAKING if self.model.name == DEPLOY else replace(_TAKING, task="Restore the backup")
        crowd = [Play(plain(self.model.name), site, _holding(go, place)) for _unused in range(AT_ONCE)]
        try:
            _wait_until(lambda: all(each.obeyed or each.over for each in crowd), "that all come to the lock")
        finally:
            go.touch()
            ends = [each.ended() for each in crowd]
        succeeded = [each for each in ends if each.code == 0]
        bad = [each for each in ends if each.code != 0 and not each.refused]
        ended = (bad or succeeded or ends)[0].ended()
        if bad or not succeeded:
            return ended, True, f"{len(succeeded)} succeeded, {len(bad)} ended otherwise than refused"
        return ended, all(each.obeyed for each in crowd), self._lost(site, ended)
