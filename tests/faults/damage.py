"""Damaged backups."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import broken
from ansible_collections.mobius.dhash.plugins.module_utils.backups import names, prune, store
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.clock import utc_now
from broken import CRASHED, DONE, KILLED, REPORTED, Ended
from paths import Site
from sweep import Bench, Verdict

MANY = 10_000


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _link(path: Path) -> None:
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _checksum(content: Optional[str]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        checksum = Path(f"{path}.sha256")
        checksum.unlink()
        if content is not None:
            checksum.write_text(content)

    return damage


def _checksum_fifo(path: Path) -> None:
    _fifo(Path(f"{path}.sha256"))


#: What is done to one backup. None of these may be restored, counted or trusted afterwards.
DAMAGE: Dict[str, Callable[[Path], None]] = {
    "bit flipped": _flip,
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "gone, checksum left": lambda path: path.unlink(),
    "a link": _link,
    "a folder": _folder,
    "a FIFO": _fifo,
    "no checksum": _checksum(None),
    "empty checksum": _checksum(""),
    "foreign checksum": _checksum("0" * 64 + "  library.json.bak.20200101T000000Z\n"),
    "garbage as checksum": _checksum("\x00\xffnot a checksum\n" * 100),
    "checksum is a FIFO": _checksum_fifo,
}


def _crowd(site: Site) -> None:
    """Files of others, and backups without a checksum, 10,000 in all."""
    start = utc_now() - timedelta(days=300)
    for number in range(MANY):
        name = names.compose("library.json", names.Name(start + timedelta(seconds=number), 1, names.BACKUP))
        (site.home / "backups" / (name if number % 2 else f"{number}.txt")).touch()


def _clock_set_back(site: Site) -> None:
    """All that is there has a name from the future."""
    for _unused, path in store.Store.of(site.path).paths():
        name = names.parse(("library.json",), os.path.basename(path))
        assert name is not None
        later = Path(path).with_name(
            names.compose("library.json", name._replace(created=name.created + timedelta(days=90)))
        )
        os.rename(path, later)
        if os.path.exists(f"{path}.meta"):
            os.rename(f"{path}.meta", f"{later}.meta")
        digest = Path(f"{path}.sha256").read_text().split()[0]
        Path(f"{path}.sha256").unlink()
        Path(f"{later}.sha256").write_text(f"{digest}  {later.name}\n")


def _same_second(site: Site) -> None:
    """Names of this and the next seconds are taken, so that the next backup of a second is its second one."""
    for seconds in range(20):
        created = utc_now() + timedelta(seconds=seconds)
        path = site.home / "backups" / names.compose("library.json", names.Name(created, 1, names.BACKUP))
        path.touch()


AROUND: Dict[str, Callable[[Site], None]] = {
    "10,000 files": _crowd,
    "clock set back": _clock_set_back,
    "two in one second": _same_second,
}
CALLS: Dict[str, Callable[[Site], Any]] = {
    "backup": lambda site: store.create_backup(site.path),
    "migrate": lambda site: site.migrate(),
    "restore": lambda site: restore(site.path, None, "latest"),
    "restore of the deployment": lambda site: restore(site.path, None, "deployment"),
    "prune": lambda site: prune.prune(site.path, rules=prune.Rules(days=5)),
}


@dataclass(frozen=True)
class Damaged:
    """``kind`` happens to the newest or the oldest backup, or to the folder, and then ``call`` is done."""

    kind: str
    call: str
    newest: bool = True

    def attempt(self, bench: Bench) -> Verdict:
        site = bench.model("migrate").site.copy(bench.folder / "damaged")
        try:
            backups = [each for each in store.list_backups(site.path) if each.kind == names.BACKUP]
            if self.kind in AROUND:
                AROUND[self.kind](site)
            else:
                DAMAGE[self.kind](Path(backups[0 if self.newest else -1].path))
            ended, found = self._judged(site)
        finally:
            shutil.rmtree(site.home)
        label = f"{self.kind} ({'newest' if self.newest else 'oldest'}), then {self.call}"
        return Verdict("damage", self.kind, self.call.split(" ")[0], label, True, found, str(ended))

    def _judged(self, site: Site) -> tuple[Ended, Optional[str]]:
        before = site.library.read_bytes()
        good = {each.path: Path(each.path).read_bytes() for each in store.list_backups(site.path) if each.verified}
        ended = broken.alone(lambda: CALLS[self.call](site))
        return ended, _lost(self.call, site, before, good, ended)

    def quick(self, _place: int) -> bool:
        return True


def _lost(call: str, site: Site, before: bytes, good: Dict[str, bytes], ended: Ended) -> Optional[str]:
    now = site.library.read_bytes()
    verified = {each.path: Path(each.path).read_bytes() for each in store.list_backups(site.path) if each.verified}
    if ended.how in (CRASHED, KILLED):
        return f"it ended badly: {ended}"
    if ended.how == REPORTED and now != before:
        return f"reported as failed, and the library changed: {ended}"
    if call.startswith("restore") and now not in (before, *good.values()):
        return "the restored bytes are not those of a verified backup"
    if call in ("backup", "prune") and now != before:
        return "the library changed"
    if call != "prune" and (ended.how == DONE or now != before) and before not in verified.values():
        return "no backup has the bytes from before"
    if call != "prune" and any(verified.get(path) != content for path, content in good.items()):
        return "a good backup is gone"
    newest = max((path for path in good if ".bak." in path), default=None)
    if newest is not None and newest not in verified:
        return "the newest good backup was pruned"
    if call in ("backup", "migrate") and ended.how != DONE:
        return f"a damaged backup stops it: {ended}"
    return None


def cases(_bench: Bench, wanted: List[str]) -> List[Damaged]:
    """Every damage before every call."""
    found = [Damaged(kind, call, newest) for kind in DAMAGE for call in CALLS for newest in (True, False)]
    found += [Damaged(kind, call) for kind in AROUND for call in CALLS]
    return [each for each in found if each.call.split(" ")[0] in wanted]
