"""The flag of the maintenance mode."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
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
    reported = set_flag(str(flag), on=None)
    assert not reported["changed"] and reported["on"] and reported["content"]["reason"] == "a deployment"
    assert set_flag(str(flag), on=False)["changed"]
    assert not flag.exists()
    assert not set_flag(str(flag), on=False)["changed"]
    assert not set_flag(str(flag), on=None)["on"]


@pytest.mark.parametrize("content", ["", " \n"])
def test_a_manually_created_flag_counts(tmp_path, content):
    flag = tmp_path / "flag"
    flag.write_text(content)
    assert read_flag(str(flag)) == {"reason": "made by hand"}
    assert set_flag(str(flag), on=False)["changed"]
    assert not flag.exists()


@pytest.mark.parametrize("content", ["", "down until noon", None])
def test_a_deployment_removes_no_flag_but_its_own(tmp_path, content):
    flag = tmp_path / "flag"
    if content is None:
        set_flag(str(flag), on=True, deployment="first")
    else:
        flag.write_text(content)
    before = flag.read_bytes()
    assert not set_flag(str(flag), on=True, deployment="second")["changed"]
    reported = set_flag(str(flag), on=False, deployment="second")
    assert reported["on"] and not reported["changed"] and reported["content"] and reported["diff"]["after"] == "on\n"
    assert flag.read_bytes() == before


def test_a_deployment_removes_its_own_flag_and_a_person_any(tmp_path):
    flag = tmp_path / "flag"
    for remover in ("first", ""):
        set_flag(str(flag), on=True, deployment="first")
        assert set_flag(str(flag), on=False, deployment=remover)["changed"]
        assert not flag.exists()


OURS = {"reason": "x", "deployment": "d", "since": "then"}


@pytest.mark.parametrize(
    "content",
    [
        *("down until noon", "{}", "[]", '{"components": []}', '{"since": "then"}', "[" * 60_000),
        *(json.dumps({**OURS, name: value}) for name in OURS for value in (None, 1, [], {"a": 1})),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_foreign_file_counts_as_the_flag_and_is_not_removed(tmp_path, content, check_mode):
    flag = tmp_path / "flag"
    flag.write_text(content)
    assert read_flag(str(flag))
    with pytest.raises(MobiusError, match=f"rm {flag}"):
        set_flag(str(flag), on=False, check_mode=check_mode)
    assert flag.read_text() == content


@pytest.mark.parametrize("on", [True, False, None])
def test_the_library_is_no_flag(tmp_path, on):
    library = tmp_path / "library.json"
    library.touch()
    (tmp_path / "link").symlink_to(library)
    for flag in (library, tmp_path / "link"):
        with pytest.raises(MobiusError, match="may not be the library itself"):
            set_flag(str(flag), on=on, library=str(library))
    assert library.exists() and (tmp_path / "link").is_symlink()
