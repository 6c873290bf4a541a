"""A migration whose pictures are all missing: refused with that reason, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration.apply import migrate
from ansible_collections.mobius.dhash.plugins.module_utils.migration.dry_run import dry_run
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options


@pytest.mark.parametrize("limit", [0.0, 5.0, 100.0])
def test_an_empty_image_root_is_not_a_failure_rate(tmp_path: Path, limit: float) -> None:
    library = tmp_path / "library.json"
    library.write_text(json.dumps([{"image": f"{n}.png", "dhash": "00000000000000ff"} for n in range(20)]))
    before = library.read_bytes()
    (tmp_path / "images").mkdir()
    options = Options(str(library), image_root=str(tmp_path / "images"), max_failure_rate=limit)
    with pytest.raises(MobiusError) as refusal:
        migrate(options)
    assert "All 20 pictures are missing: the image root is empty" in str(refusal.value)
    assert "max_failure_rate" not in str(refusal.value)
    assert library.read_bytes() == before
    predicted = dry_run(options)
    assert predicted["would_fail"]
    assert "the image root is empty" in predicted["refusal"]
    assert "max_failure_rate" not in predicted["refusal"]
