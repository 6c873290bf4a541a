"""A library in a folder of its own, and what the migration writes into one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, verify

HASH = "0123456789abcdef"
FAILED = {"image": "b.png", "dhash_confidence": 0.0, "dhash_reasons": ["missing"]}


class Place:
    """A library in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / "library.json"

    def write(self, document) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.path.write_bytes(data)

    def verify(self, **options):
        before = self.path.read_bytes()
        result = verify(Request(path=str(self.path), **options))
        assert self.path.read_bytes() == before and result["changed"] is False
        assert result["sha256"] == hashlib.sha256(before).hexdigest()
        return result

    def kinds(self, **options):
        return [(problem["kind"], problem["severity"]) for problem in self.verify(**options)["problems"]]


def migrated(**members):
    return {"image": "a.png", "dhash": HASH, "dhash_confidence": 0.9, **members}
