"""The matrix of ansible-cores: what has passed is not run again, what is missing is reported."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from ansible_collections.mobius.dhash.tests.support.places import ROOT

_spec = importlib.util.spec_from_file_location("matrix_run", ROOT / "tests" / "matrix" / "run.py")
assert _spec and _spec.loader
matrix = sys.modules["matrix_run"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(matrix)

CORE = matrix.Row("2.19", "")
HOME = ROOT / "tests" / "unit" / "plugins" / "module_utils"
#: Folders whose tests import Ansible, or code of the controller.
NEED_ANSIBLE = {"deployment", "notify", "pages", "runtime", "variables"}


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "CACHE", tmp_path / "cache")
    return matrix.Results(fresh=False)


@pytest.mark.parametrize(
    "outcome, tested, current, again",
    [
        ("passed", "abc", "abc", True),
        ("failed", "abc", "abc", False),
        ("passed", "abc", "def", False),
        # A checkout with changes is another one each time.
        ("passed", "abc+", "abc+", False),
    ],
)
def test_only_what_passed_on_this_commit_is_left_out(results, outcome, tested, current, again):
    results.note(CORE, "sanity", outcome, "9 s", tested)
    kept = matrix.Results(fresh=False)
    assert kept.passed(CORE, "sanity", current) is again
    assert kept.passed(CORE, "units", current) is False
    assert matrix.Results(fresh=True).passed(CORE, "sanity", current) is False


def test_the_table_of_an_earlier_run_is_no_change_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    for name in ("docs/compatibility.md", "galaxy.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    clean = matrix.commit()
    (tmp_path / matrix.DOCUMENT).write_text("after\n")
    assert matrix.commit() == clean and not clean.endswith("+")
    (tmp_path / "galaxy.yml").write_text("after\n")
    assert matrix.commit() == f"{clean}+"


def test_results_that_were_cut_short_are_run_again(results):
    results.note(CORE, "sanity", "passed", "9 s", "abc")
    results.path.write_text(results.path.read_text()[:20])
    kept = matrix.Results(fresh=False)
    assert kept.by_row == {}
    kept.note(CORE, "sanity", "passed", "9 s", "abc")
    assert matrix.Results(fresh=False).passed(CORE, "sanity", "abc")


def test_the_table_has_every_core_and_every_python_of_a_host(results):
    results.note(CORE, "units", "passed", "2 min 05 s", "abc")
    lines = results.table({CORE.name: "3.12.1"}).splitlines()
    assert len(lines) == 2 + len(matrix.CORES) + len(matrix.HOSTS)
    assert len({line.count("|") for line in lines}) == 1
    assert "| ansible-core 2.19 | 3.12.1 | not run | passed (2 min 05 s, abc) | not run |" in lines
    assert f"| host side, Python {matrix.HOSTS[0]} | {matrix.HOSTS[0]} | | not run | |" in lines


@pytest.mark.parametrize(
    "core, wanted", [("2.16", "ansible-core==2.16.*"), ("2.22", "ansible-core>=2.22.0.dev0,<2.23.0.dev0")]
)
def test_only_the_next_core_is_a_pre_release(core, wanted):
    assert matrix.requirement(core) == wanted
    assert (core in matrix.NEXT) is not (core in matrix.CORES)


def test_a_python_that_is_not_available_is_not_found(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert matrix.find_python(("2.4", "9.99")) is None


def test_a_python_comes_from_the_packages_of_the_debian_that_ships_it(monkeypatch, tmp_path):
    launcher = tmp_path / "tests" / "matrix" / "debian.sh"
    launcher.parent.mkdir(parents=True)
    # Stands in for another /usr: it answers for the interpreter that it is to start.
    launcher.write_text('#!/bin/sh\n[ "$1 $2" = "forky /usr/bin/python3.14" ] && echo 3.14\n')
    launcher.chmod(0o755)
    (tmp_path / "mmdebstrap").write_text("#!/bin/sh\n")
    (tmp_path / "mmdebstrap").chmod(0o755)
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    monkeypatch.setattr(matrix.os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    found = matrix.find_python(("2.4", "3.14"))
    assert found == matrix.Python("/usr/bin/python3.14", (str(launcher), "forky"))
    monkeypatch.setattr(matrix.os, "geteuid", lambda: 1000)
    assert matrix.find_python(("2.4", "3.14")) is None


def test_the_host_side_runs_every_folder_of_tests_that_needs_no_ansible():
    """A new package of module_utils cannot be forgotten."""
    folders = {path.name for path in HOME.iterdir() if path.is_dir() and path.name[0] not in "._"}
    assert folders - set(matrix.HOST_TESTS) == NEED_ANSIBLE


def test_every_unit_test_runs_with_each_core_or_on_each_host():
    places = [*matrix.tests_with_ansible(), *(f"{matrix.UNIT}/module_utils/{name}" for name in matrix.HOST_TESTS)]
    left = [path for path in HOME.parent.rglob("test_*.py") if not any(path.is_relative_to(ROOT / p) for p in places)]
    assert left == []


def test_every_core_has_a_sanity_file_with_the_link_alone():
    for core in matrix.CORES:
        lines = (ROOT / "tests" / "sanity" / f"ignore-{core}.txt").read_text().splitlines()
        assert [line.split(" #")[0] for line in lines] == [
            "playbooks/collections/ansible_collections/mobius/dhash/ symlinks"
        ], core
