"""The library that is backed up and restored."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.deployed import A


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.json"
    path.write_bytes(A)
    return path
