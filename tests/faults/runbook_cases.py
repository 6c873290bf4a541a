"""Where and how the playbooks are broken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Tuple

import paths
from ansible_collections.mobius.dhash.tests.support import remote
from paths import Model
from plays import make_runtime
from runbooks import DEPLOY, ITEMS, ROLLBACK, TASKS, UNCHANGED, Crowd, Interrupted, Met, Place
from sweep import Bench

_LOCK = r"\.library\.json\.dhash/lock$"
_LIBRARY = r"/library\.json$"
_JOURNAL = r"\.library\.json\.dhash/run\.json$"
_NOTE = r"\.library\.json\.dhash/current\.json$"
_PREPARE, _RESTORING, _ROLLING_BACK = "Check the library, lock it and back it up", "Restore the backup", "Roll back"
_BACKUP = Place(_PREPARE, "os.rename", r"/backups/library\.json\.bak\.[^/]*Z$")
_MIGRATION = Place("Migrate", "os.rename", _LIBRARY)
_MIGRATED = Place("Migrate", "os.rename", _NOTE, 2)
# The module of the migration verifies, too: when it notes how that ended.
_VERIFICATION = Place("Migrate", "os.rename", _JOURNAL, 4)
#: Between two steps that are one process on the host.
_BETWEEN_STEPS = {
    DEPLOY: (
        Place(_PREPARE, "os.rename", _JOURNAL, 2),
        Place("Migrate", "os.rename", _JOURNAL, 2),
        Place("Migrate", "os.rename", _JOURNAL, 3),
    ),
    # Before and after the migration that refuses to change anything, and after the verification.
    UNCHANGED: tuple(Place(_PREPARE, "os.rename", _JOURNAL, when) for when in (3, 4, 5, 6)),
    ROLLBACK: (),
}
_SNAPSHOT = r"/backups/library\.json\.pre-restore\.[^/]*Z$"
_RESTORE = Place(_RESTORING, "os.rename", _LIBRARY)
_RELEASE = Place("Finish", "os.remove", _LOCK)

#: Where the library itself is replaced everything dies in turn, at the other steps what leaves the most behind, and
#: beside them the module alone.
_HEART = {DEPLOY: (_MIGRATION,), UNCHANGED: (), ROLLBACK: (_RESTORE,)}
_OTHERS = {
    DEPLOY: (
        Place(_PREPARE, "os.rename", _LOCK),
        _BACKUP,
        _MIGRATED,
        _VERIFICATION,
    ),
    UNCHANGED: (),
    ROLLBACK: (
        Place(_RESTORING, "os.rename", _LOCK),
        Place(_RESTORING, "os.rename", _SNAPSHOT),
        Place(_RESTORING, "os.rename", _NOTE, 2),
        _RELEASE,
        Place("Finish", "os.rename", r"/logs/rollback-[^/]*\.json$"),
    ),
}
_BESIDE = {
    DEPLOY: (
        Place(_PREPARE, "os.rename", r"/migrate-dryrun\.json$"),
        _RELEASE,
        Place("Finish", "os.rename", r"/logs/deployment-[^/]*\.json$"),
        Place("Finish", "os.remove", r"/backups/"),
    ),
    UNCHANGED: (_RELEASE,),
    ROLLBACK: (),
}
#: Of a deployment that fails at its verification and rolls back.
_ROLLBACK = (
    Place(_ROLLING_BACK, "os.rename", r"/rejected-library\.json$"),
    Place(_ROLLING_BACK, "os.rename", _SNAPSHOT),
    Place(_ROLLING_BACK, "os.rename", _LIBRARY),
    Place(_ROLLING_BACK, "os.rename", _NOTE, 2),
)
_FAILING = '{"type": "object", "required": ["no-such-member"]}'

#: Row of the table, by what dies.
_DEATHS = {
    "module": "module killed",
    "controller": "ansible-playbook killed",
    "both": "both killed",
    "TERM": "SIGTERM",
    "INT": "Ctrl-C",
}
_TWO = ("module", "both")
_SIGNALS = {"KILL": "ansible-playbook killed", "TERM": "SIGTERM", "INT": "Ctrl-C"}
_SHORT = ((_MIGRATION, "both"), (_MIGRATED, "module"), (_RESTORE, "both"))


def cases(bench: Bench, wanted: List[str]) -> List[Any]:
    """All of these, and the models that they start from."""
    names = [name for name in (DEPLOY, UNCHANGED, ROLLBACK) if name in wanted]
    if not names:
        return []
    pictures = bench.folder / "pictures"
    paths.draw(pictures, ITEMS)
    (bench.folder / "schema.json").write_text(_FAILING)
    make_runtime(bench.folder / "runtime")
    proven = bench.folder / "proven"
    proven.mkdir()
    with ThreadPoolExecutor(len(names)) as pool:
        models = dict(zip(names, pool.map(lambda name: paths.model(name, bench.folder, pictures), names)))
    found: List[Any] = []
    for name, model in models.items():
        given: Dict[str, Any] = {"model": model, "proven": proven}
        found += _between(name, given)
        found += [_broken(each, death, given) for each in (*_HEART[name], *_BETWEEN_STEPS[name]) for death in _DEATHS]
        found += [_broken(each, death, given) for each in _OTHERS[name] for death in _TWO]
        found += [_broken(each, "module", given) for each in _BESIDE[name]]
        if name != UNCHANGED:
            found += _cut(name, given)
            found.append(Crowd(kind="8 at once", label="8 at once", **given))
    if DEPLOY in models:
        failing = {"mobius_schema": str(bench.folder / "schema.json")}
        given = {"model": models[DEPLOY], "proven": proven}
        found += [_broken(place, death, given, variables=failing) for place in _ROLLBACK for death in _TWO]
    found += _met(models, proven)
    return found


def _between(name: str, given: Dict[str, Any]) -> List[Interrupted]:
    """Before each task that acts on the host, and at the end; every second time by a signal that can be caught."""
    found = []
    for place, (at, task) in enumerate([*TASKS[name], ("end", "the end")]):
        signals = ["KILL", ("TERM", "INT")[place // 2 % 2]] if place % 2 else ["KILL"]
        for each in signals:
            kind = f"{_SIGNALS[each]} between tasks"
            label = f"{each} before {task}"
            found.append(Interrupted(kind=kind, label=label, plan={"at": at, "signal": each}, **given))
    return found


def _broken(place: Place, death: str, given: Dict[str, Any], **more: Any) -> Interrupted:
    label = f"{death} within {place.task}, at {place.event} {place.when} of {place.path}"
    kind = f"{_DEATHS[death]} in a task"
    short = (place, death) in _SHORT and not more
    return Interrupted(kind=kind, label=label, plan={**place.plan(), "do": death}, in_short=short, **given, **more)


def _cut(name: str, given: Dict[str, Any]) -> List[Interrupted]:
    if remote.unavailable() is not None:
        return []
    places = (_BACKUP, _MIGRATION, _VERIFICATION) if name == DEPLOY else (_RESTORE,)
    found = []
    for place in places:
        for first in ("sshd", "ssh"):
            plan = {**place.plan(), "do": "connection", "first": first}
            label = f"{first} killed within {place.task}"
            found.append(
                Interrupted(kind="ssh connection cut in a task", label=label, plan=plan, over_ssh=True, **given)
            )
    return found


def _met(models: Dict[str, Model], proven: Any) -> List[Met]:
    """Each playbook while another one runs."""
    meetings: Tuple[Tuple[str, Place, str], ...] = (
        (DEPLOY, _BACKUP, ROLLBACK),
        (DEPLOY, _MIGRATION, ROLLBACK),
        (DEPLOY, _VERIFICATION, ROLLBACK),
        (DEPLOY, _VERIFICATION, DEPLOY),
        (ROLLBACK, _RESTORE, DEPLOY),
        (ROLLBACK, _RELEASE, DEPLOY),
    )
    found = []
    for name, place, other in meetings:
        if name in models:
            given = {"model": models[name], "proven": proven, "place": place, "other": other}
            label = f"{other} while it is in {place.task}"
            found.append(Met(kind=f"{other} meanwhile", label=label, in_short=place is _MIGRATION, **given))
    for name, place in ((DEPLOY, _MIGRATION), (ROLLBACK, _RESTORE)):
        if name in models:
            given = {"model": models[name], "proven": proven, "place": place, "other": name}
            found.append(Met(kind="orphaned module goes on", label=f"orphan in {place.task}", orphaned=True, **given))
    return found
