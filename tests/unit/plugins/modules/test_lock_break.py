"""mobius_lock_break and the module's option: a boolean, or the id of the run whose lock is broken."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import parse_break


@pytest.mark.parametrize(
    ("text", "force"),
    [("", False), ("False", False), ("no", False), ("True", True), ("yes", True), (" 1 ", True), (" A ", "A")],
)
def test_values_of_lock_break(text: str, force: object) -> None:
    assert parse_break(text) == force
