"""The library that is verified."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.tests.support.placed import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)
