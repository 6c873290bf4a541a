"""The writing paths of the collection, each from a site that was made by the collection itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, Optional

from ansible_collections.mobius.dhash.plugins.module_utils.backups import names, prune, restore, store
from ansible_collections.mobius.dhash.plugins.module_utils.clock import utc_now
from ansible_collections.mobius.dhash.plugins.module_utils.migration.apply import migrate
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from PIL import Image

HOLDER = "D2"
UNRELATED = {
    "notes.txt": b"not ours\n",
    "other.json": b'{"components": []}\n',
    ".library.json.0123.tmp": b"another program's",
    "backups/readme": b"keep me\n",
    "backups/other.json.bak.20200101T000000Z": b"of another library\n",
}
_STAMPS = (
    (r"20\d{6}T\d{6}Z-[0-9a-f]{6}\b", "ID"),
    (r"20\d{6}T\d{6}Z(-\d+)?", "T"),
    (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "T"),
)


class Site:
    """One copy of a library with the files around it; the pictures are elsewhere, shared by all copies."""

    def __init__(self, home: Path, images: Path) -> None:
        self.home = home
        self.images = images
        self.library = home / "library.json"
        self.path = str(self.library)

    def tree(self) -> Dict[str, bytes]:
        """All files but those that only one run can explain: the lock files' and the index' bytes are not compared."""
        return {str(path.relative_to(self.home)): path.read_bytes() for path in self.home.rglob("*") if path.is_file()}

    def copy(self, home: Path) -> Site:
        """A copy whose state names the backups of the copy."""
        shutil.copytree(self.home, home, symlinks=True)
        current = home / ".library.json.dhash" / "current.json"
        if current.exists():
            current.write_text(current.read_text().replace(str(self.home), str(home)))
        return Site(home, self.images)

    def migrate(self, **options: Any) -> Any:
        return migrate(Options(self.path, image_root=str(self.images), workers=1), **options)

    def write(self, count: int) -> bytes:
        items = [{"id": number, "image": f"{number}.png", "size": 1.00} for number in range(count)]
        self.library.write_text(json.dumps({"name": "Überfall", "components": items}, indent=2) + "\n")
        self.library.chmod(0o640)
        return self.library.read_bytes()


def timeless(data: bytes) -> bytes:
    """Bytes or a name without the times in them."""
    text = data.decode("utf-8", "surrogateescape")
    for pattern, word in _STAMPS:
        text = re.sub(pattern, word, text)
    return text.encode("utf-8", "surrogateescape")


def draw(images: Path, count: int = 3) -> None:
    """Tiny pictures that are no plain colour."""
    images.mkdir()
    for number in range(count):
        gradient = Image.linear_gradient("L").resize((24, 18)).rotate(40 * number + 10, fillcolor=200)
        gradient.save(images / f"{number}.png")
        # Old enough to be taken for settled by the index.
        os.utime(images / f"{number}.png", (1_600_000_000, 1_600_000_000))


def plant(site: Site, content: bytes, *, days: float, kind: str = names.BACKUP) -> Path:
    """A backup made ``days`` ago by the older scripts."""
    name = names.compose("library.json", names.Name(utc_now() - timedelta(days=days), 1, kind))
    path = site.home / "backups" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    Path(f"{path}.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    return path


def _unrelated(site: Site) -> None:
    for name, content in UNRELATED.items():
        path = site.home / name
        if path.parent.is_dir():
            path.write_bytes(content)


def fresh(site: Site) -> None:
    """A library that was never migrated."""
    site.home.mkdir(parents=True)
    site.write(3)
    _unrelated(site)


def deployed(site: Site, count: int = 2) -> None:
    """A deployed migration, with older backups beside the one that it made."""
    site.home.mkdir(parents=True)
    site.write(count)
    for days, kind, content in ((20, names.BACKUP, b"1"), (15, names.SNAPSHOT, b"2"), (12, names.BACKUP, b"3")):
        plant(site, content, days=days, kind=kind)
    site.migrate(deployment="D1")
    _unrelated(site)


def grown(site: Site, count: int = 2) -> None:
    """A deployed library that got another item since."""
    deployed(site, count)
    document = json.loads(site.library.read_bytes())
    document["components"].append({"id": count, "image": f"{count}.png"})
    site.library.write_text(json.dumps(document, indent=2) + "\n")


def leased(site: Site) -> None:
    """The same, held by the deployment that is about to continue."""
    grown(site)
    lock.acquire(site.path, HOLDER)


def held(site: Site) -> None:
    deployed(site)
    lock.acquire(site.path, HOLDER)


def abandoned(site: Site) -> None:
    """Deployed, and held by a deployment whose process is gone."""
    deployed(site)
    lock.acquire(site.path, "dead")
    lease = site.home / ".library.json.dhash" / "lock"
    lease.write_text(json.dumps({**json.loads(lease.read_bytes()), "pid": 2**22 + 1, "pid_start": 1}))


def gone(site: Site) -> None:
    """Deployed, and then someone removed the library."""
    deployed(site)
    site.library.unlink()


@dataclass(frozen=True)
class Writing:
    """A writing path.

    ``title`` is its column of the table; ``call`` does it; ``reached`` tells whether it has done what it is for,
    beside the bytes of the library; ``prunes`` when backups may go.
    """

    title: str
    build: Callable[[Site], None]
    call: Callable[[Site], Any]
    reached: Callable[[Site], bool] = lambda site: True
    prunes: bool = False


def clean(site: Site) -> None:
    """Prune what no rule keeps, as whoever holds the library."""
    lease = lock.holder(site.path)
    holder = None if lease is None else str(lease["id"])
    prune.prune(site.path, rules=prune.Rules(days=30), deployment=holder)


def _prune(site: Site) -> Any:
    return prune.prune(site.path, rules=prune.Rules(days=5))


def _elsewhere(site: Site) -> Any:
    return site.migrate(output=f"{site.home}/out.json")


def _is_elsewhere(site: Site) -> bool:
    output = site.home / "out.json"
    return output.exists() and len(re.findall(rb'"dhash": "[0-9a-f]{16}"', output.read_bytes())) == 3


def _backed_up(site: Site) -> bool:
    sha256 = hashlib.sha256(site.library.read_bytes()).hexdigest()
    return any(each.verified and each.sha256 == sha256 for each in store.list_backups(site.path))


def _pruned(site: Site) -> bool:
    return len(store.list_backups(site.path)) == 1


def _held_by(holder: Optional[str]) -> Callable[[Site], bool]:
    return lambda site: (lock.holder(site.path) or {}).get("id") == holder


WRITING: Dict[str, Writing] = {
    "backup-first": Writing("backup", fresh, lambda site: store.create_backup(site.path), _backed_up),
    "backup": Writing("backup", deployed, lambda site: store.create_backup(site.path), _backed_up),
    "migrate-first": Writing("migrate", fresh, lambda site: site.migrate(deployment="D2")),
    "migrate": Writing("migrate", grown, lambda site: site.migrate()),
    "migrate-leased": Writing("migrate", leased, lambda site: site.migrate(deployment=HOLDER)),
    "migrate-output": Writing("migrate", grown, _elsewhere, _is_elsewhere),
    "restore": Writing("restore", deployed, lambda site: restore.restore(site.path, None, "deployment")),
    "restore-leased": Writing(
        "restore", held, lambda site: restore.restore(site.path, None, "deployment", deployment=HOLDER)
    ),
    "restore-gone": Writing("restore", gone, lambda site: restore.restore(site.path, None, "deployment")),
    "prune": Writing("prune", deployed, _prune, _pruned, prunes=True),
    "lock": Writing("lock", deployed, lambda site: lock.acquire(site.path, HOLDER), _held_by(HOLDER)),
    "lock-takeover": Writing("lock", abandoned, lambda site: lock.acquire(site.path, HOLDER), _held_by(HOLDER)),
    "lock-release": Writing("lock", held, lambda site: lock.release(site.path, HOLDER), _held_by(None)),
}

#: Whole playbooks; they have other fault points, which are listed elsewhere.
PLAYBOOKS: Dict[str, Writing] = {}


@dataclass(frozen=True)
class Model:
    """What a writing path starts from and what it leads to, from a run that nothing broke."""

    name: str
    site: Site
    before: Dict[str, bytes]
    library_after: bytes
    names_after: FrozenSet[str]
    may_go: FrozenSet[str]

    @property
    def writing(self) -> Writing:
        return {**WRITING, **PLAYBOOKS}[self.name]

    @property
    def library_before(self) -> Optional[bytes]:
        return self.before.get("library.json")


def model(name: str, folder: Path, images: Path) -> Model:
    """Build the site of a path, and see in a copy of it what the path does."""
    writing = {**WRITING, **PLAYBOOKS}[name]
    site = Site(folder / f"{name}-model", images)
    writing.build(site)
    before = site.tree()
    trial = site.copy(folder / f"{name}-trial")
    writing.call(trial)
    after = trial.tree()
    clean(trial)
    names_after = frozenset(timeless(each.encode()).decode() for each in [*after, *trial.tree(), *before])
    gone = frozenset(before) - frozenset(after) if writing.prunes else frozenset()
    return Model(name, site, before, after["library.json"], names_after, gone)
