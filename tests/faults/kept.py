"""The verdicts of a run as they arrive, so that an interrupted run can be resumed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from sweep import Verdict

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".cache" / "faults" / "verdicts.jsonl"
_SOURCES = ("plugins", "playbooks", "roles", "tests/faults")

#: Group, how many faults it has, and the place of one among them.
Key = Tuple[str, int, int]


def tree() -> str:
    """A digest of what is tested and of the tests: verdicts of another tree do not apply to this one."""
    digest = hashlib.sha256()
    for source in _SOURCES:
        for path in sorted((ROOT / source).rglob("*")):
            named = path.relative_to(ROOT)
            if path.suffix in (".py", ".yml", ".txt") and "collections" not in named.parts and path.is_file():
                digest.update(f"{named}\0".encode() + path.read_bytes())
    return digest.hexdigest()


class Kept:
    """A file of verdicts, one a line after the digest of the tree; ``resume`` reads what is in it first."""

    def __init__(
        self, path: Path = FILE, resume: bool = False, quick: bool = False, only: Optional[List[str]] = None
    ) -> None:
        # A short run leaves what a whole one found.
        self.path = path.with_name(f"quick-{path.name}") if quick else path
        self._tree = f"{tree()} {sorted(only or [])}"
        self._known: Dict[Key, Verdict] = self._read() if resume else {}
        if not self._known:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(f"{json.dumps({'tree': self._tree})}\n", "utf-8")

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: Key) -> Optional[Verdict]:
        return self._known.get(key)

    def add(self, key: Key, verdict: Verdict) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([list(key), dataclasses.asdict(verdict)]) + "\n")

    def _read(self) -> Dict[Key, Verdict]:
        if not self.path.is_file():
            return {}
        lines: List[str] = self.path.read_text("utf-8").splitlines()
        if not lines or json.loads(lines[0]) != {"tree": self._tree}:
            return {}
        found: Dict[Key, Verdict] = {}
        for line in lines[1:]:
            try:
                (group, count, place), verdict = json.loads(line)
            except ValueError:
                # The run was ended while it wrote this line.
                continue
            found[(group, count, place)] = Verdict(**verdict)
        return found
