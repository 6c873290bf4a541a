"""Rows that a worker sends: whatever they hold, they are results or an InvalidShare."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.files import InvalidShare, head, results

ROW: List[Any] = [0, 10, 5, "0123456789abcdef", 0.9, [], None, 0.1]
END = {"end": True}
ODD = {
    0: [-1, True, None, "0", 1.0, 10**400, [0], 2**63],
    1: ["7", True, None, 1.5, 10**400, -(10**400)],
    2: [1.5, "5", True, 10**400],
    3: ["x" * 16, "0123", None, 1, ["0123456789abcdef"]],
    4: [2, -0.1, float("nan"), float("inf"), 10**400, True, "0.9", None],
    5: ["flat", ["a b"], [1], None, {"a": 1}, ["x"] * 21],
    6: ["x\n", "an error beside a dHash", 1, []],
    7: [float("inf"), float("nan"), -1, 10**400, None, "1"],
}


def write(path: Path, *rows: Any) -> str:
    lines = [json.dumps(row) if not isinstance(row, str) else row for row in ({"form": 1}, *rows)]
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return str(path)


def test_a_good_row(tmp_path: Path) -> None:
    (result,) = results(write(tmp_path / "r", ROW, END), 1)
    assert (result.number, result.kept.dhash, result.kept.confidence) == (0, "0123456789abcdef", 0.9)


@pytest.mark.parametrize("place, value", [(place, value) for place, values in ODD.items() for value in values], ids=str)
def test_a_row_with_a_value_of_another_kind(tmp_path: Path, place: int, value: Any) -> None:
    row = [value if number == place else each for number, each in enumerate(ROW)]
    with pytest.raises(InvalidShare):
        list(results(write(tmp_path / "r", row, END), 1))


@pytest.mark.parametrize("row", [[], {}, "1", "null", ROW[:-1], [*ROW, 1], "[" * 60_000, "[" * 400 + "]" * 400, "{"])
def test_a_row_of_another_shape(tmp_path: Path, row: Any) -> None:
    path = write(tmp_path / "r", row, END)
    with pytest.raises(InvalidShare):
        list(results(path, 1))


@pytest.mark.parametrize("first", ["[1]", "null", "{}", '{"form": 2}', '{"form": ' * 400 + "1" + "}" * 400, "["])
def test_a_header_of_another_form(tmp_path: Path, first: str) -> None:
    path = tmp_path / "r"
    path.write_bytes(gzip.compress(f"{first}\n".encode()))
    with pytest.raises(InvalidShare):
        head(str(path))
