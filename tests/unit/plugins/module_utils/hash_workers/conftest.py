"""A library whose pictures are assigned to this host and to workers that are folders beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.hashing import hash_share
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.merge import merge
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.plan import plan
from ansible_collections.mobius.dhash.plugins.module_utils.migration.hashing import facts
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from ansible_collections.mobius.dhash.tests.support.site import Site


class Fan:
    """The owner's library, and how a share goes to a worker and its results return."""

    def __init__(self, site: Site, count: int) -> None:
        self.site = site
        self.options = Options(str(site.library), workers=1)
        site.write({"components": [{"image": image} for image in site.pictures(count)]})
        self.workers = [self.worker("w1"), self.worker("w2")]

    def worker(self, name: str, **changes: Any) -> Dict[str, Any]:
        return {"name": name, "processors": 1, "maker": facts(self.options)["maker"], **changes}

    def plan(self, **arguments: Any) -> Dict[str, Any]:
        return plan(self.options, self.workers, host="owner", **{"min_seconds": 0, **arguments})

    def hash(self, share: Dict[str, Any], root: str = "", **arguments: Any) -> Dict[str, Any]:
        """As on another host: from a copy of the share, in a folder of its own."""
        place = self.site.home / f"on-{share['worker']}"
        place.mkdir()
        shutil.copy(share["file"], place / "share")
        if share["pack"]:
            arguments["pack"] = shutil.copy(share["pack"], place / "pack")
        options = Options(str(place / "share"), image_root=root or str(self.site.home), workers=1)
        result = hash_share(options, str(place / "results"), **arguments)
        self.bring(share, (place / "results").read_bytes())
        assert sorted(path.name for path in place.iterdir()) == sorted(
            [".share.dhash", "share", "results", *(["pack"] if share["pack"] else [])]
        )
        assert not list((place / ".share.dhash").iterdir())
        return result

    def bring(self, share: Dict[str, Any], results: bytes) -> Path:
        path = Path(share["file"]).with_suffix(".results")
        path.write_bytes(results)
        return path

    def merge(self, planned: Dict[str, Any], **arguments: Any) -> Dict[str, Any]:
        return merge(self.options, planned["folder"], **arguments)

    def shared(self, planned: Dict[str, Any]) -> List[Dict[str, Any]]:
        return [share for share in planned["shares"] if not share["own"]]


@pytest.fixture
def fan(tmp_path: Path) -> Fan:
    return Fan(Site(tmp_path), 12)
