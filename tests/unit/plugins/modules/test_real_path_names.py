"""A path that no result can carry is refused before anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import refuse_unprintable
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError

NAMES = [b"d\xe9p\xf4t", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", "größe".encode("utf-16-be").replace(b"\0", b"\x01")]


@pytest.mark.parametrize("option", ["path", "backup_dir", "log_dir"])
@pytest.mark.parametrize("name", NAMES)
def test_a_link_to_a_path_that_is_not_utf8(tmp_path: Path, option: str, name: bytes) -> None:
    real = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(MobiusError, match=f"real path of the option {option} is not UTF-8") as error:
        refuse_unprintable({"path": str(tmp_path / "library.json"), option: str(tmp_path / "link" / "x")})
    str(error.value).encode("utf-8")


def test_other_names_are_right(tmp_path: Path) -> None:
    refuse_unprintable({"path": str(tmp_path / "Bücherei-日本-İ.json"), "backup_dir": None, "log_dir": ""})
    refuse_unprintable({"path": "a\0b"})
