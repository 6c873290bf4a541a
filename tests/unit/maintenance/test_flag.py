"""The flag of the maintenance mode."""

from __future__ import annotations

import json

from ansible_collections.mobius.dhash.plugins.module_utils.maintenance.flag import read_flag, set_flag


def test_on_and_off_and_twice_is_once(tmp_path):
    flag = tmp_path / "flag"
    assert set_flag(str(flag), on=True, reason="a deployment", check_mode=True)["changed"]
    assert not flag.exists()
    assert set_flag(str(flag), on=True, reason="a deployment")["changed"]
    before = flag.read_bytes()
    assert json.loads(before)["reason"] == "a deployment"
    assert flag.stat().st_mode & 0o777 == 0o644
    assert not set_flag(str(flag), on=True, reason="another")["changed"]
    assert flag.read_bytes() == before
    assert set_flag(str(flag), on=False)["changed"]
    assert not flag.exists()
    assert not set_flag(str(flag), on=False)["changed"]


def test_a_flag_made_by_hand_counts(tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    assert read_flag(str(flag)) == {"reason": "made by hand"}
    assert set_flag(str(flag), on=False)["changed"]
