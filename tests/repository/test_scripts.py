"""The scripts of the tests: where hosts come from, and that nothing is skipped silently."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.places import ROOT


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def run(script: str, *arguments: str, bin_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOBIUS_")}
    path = f"{bin_dir}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(ROOT / script), *arguments],
        env={**kept, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("allowed, status", [({}, 1), ({"MOBIUS_ALLOW_SKIP": ""}, 1), ({"MOBIUS_ALLOW_SKIP": "1"}, 0)])
def test_molecule_without_hosts_fails_unless_that_is_allowed(tmp_path, allowed, status):
    program(tmp_path / "bin", "id", "echo 1000")
    done = run("molecule/run.sh", bin_dir=tmp_path / "bin", **allowed)
    assert done.returncode == status, done.stderr
    assert "Molecule did not run: " in done.stderr


@pytest.mark.parametrize(
    "sources, suite, archive",
    [
        (["bookworm http://mirror.invalid/debian/"], "bookworm", "http://mirror.invalid/debian"),
        (["trixie https://mirror.invalid/debian/"], "bookworm", "https://mirror.invalid/debian"),
        (
            [
                "bookworm-security http://a.invalid/sec/",
                "bookworm-updates http://a.invalid/u/",
                "bookworm http://a.invalid/d",
            ],
            "bookworm",
            "http://a.invalid/d",
        ),
        (["nodistro http://node.invalid/", "bookworm http://a.invalid/d/"], "trixie", "http://a.invalid/d"),
        (["bookworm http://a.invalid/d/"], "noble", ""),
        (["noble http://ubuntu.invalid/ubuntu/"], "noble", "http://ubuntu.invalid/ubuntu"),
        (["noble http://ubuntu.invalid/ubuntu/"], "bookworm", ""),
        ([], "bookworm", ""),
    ],
)
def test_an_image_comes_from_the_machines_own_package_sources(tmp_path, sources, suite, archive):
    program(tmp_path / "bin", "apt-get", "\n".join(f"echo '{line}'" for line in sources) or "true")
    done = run("molecule/shared/hosts.sh", "mirror", bin_dir=tmp_path / "bin", MOBIUS_TEST_SUITE=suite)
    assert (done.returncode, done.stdout.strip()) == (0, archive), done.stderr


def test_a_named_archive_comes_first(tmp_path):
    program(tmp_path / "bin", "apt-get", "echo 'bookworm http://mirror.invalid/debian/'")
    named = {"MOBIUS_TEST_MIRROR": "http://named.invalid/debian"}
    assert (
        run("molecule/shared/hosts.sh", "mirror", bin_dir=tmp_path / "bin", **named).stdout.strip()
        == named["MOBIUS_TEST_MIRROR"]
    )


@pytest.mark.parametrize("allowed, status", [({}, 1), ({"MOBIUS_ALLOW_SKIP": "1"}, 0)])
def test_a_missing_program_fails_unless_that_is_allowed(tmp_path, allowed, status):
    # A checkout of its own, whose cache is empty, and a machine whose apt-get and programs are not to be had.
    script = tmp_path / "tests" / "programs.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "tests" / "programs.sh").read_bytes())
    program(tmp_path / "bin", "apt-get", "exit 100")
    program(tmp_path / "bin", "id", "echo 1000")
    for name in ("bash", "dirname", "mkdir", "cat"):
        (tmp_path / "bin" / name).symlink_to(Path("/usr/bin") / name)
    done = subprocess.run(
        ["/usr/bin/bash", str(script), "promtool=prometheus", "amtool=prometheus-alertmanager"],
        env={"PATH": str(tmp_path / "bin"), **allowed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    # The first one missing is an error; where that is allowed, each is named.
    assert "promtool is not installed" in done.stderr
    assert ("amtool is not installed" in done.stderr) is bool(allowed)


@pytest.mark.parametrize(
    "mode, fragments, status, message",
    [
        ("build-in", ["1-one.yml"], 0, ""),
        ("build", ["1-one.yml"], 1, "fragments are not in the changelog: changelogs/fragments/1-one.yml"),
        ("build", ["2-two.yaml"], 1, "fragments are not in the changelog: changelogs/fragments/2-two.yaml"),
        # The next check is that of the archive's files.
        ("build", [], 1, "the archive holds odd.txt"),
    ],
)
def test_only_a_release_refuses_notes_that_wait_for_it(tmp_path, mode, fragments, status, message):
    checkout = tmp_path / "checkout"
    git = ["git", "-C", str(checkout), "-c", "user.name=Ann", "-c", "user.email=ann@mail.invalid"]
    subprocess.run(["git", "clone", "--quiet", "--no-local", "--depth=1", f"file://{ROOT}", str(checkout)], check=True)
    (checkout / ".cache" / "controller").mkdir(parents=True)
    (checkout / ".cache" / "controller" / "bin").symlink_to(Path(sys.executable).parent)
    (checkout / "tools" / "release.sh").write_bytes((ROOT / "tools" / "release.sh").read_bytes())
    shutil.rmtree(checkout / "changelogs" / "fragments", ignore_errors=True)
    for name in fragments:
        (checkout / "changelogs" / "fragments").mkdir(exist_ok=True)
        (checkout / "changelogs" / "fragments" / name).write_text("---\nbugfixes:\n  - deploy - one.\n")
    if not fragments:
        (checkout / "odd.txt").touch()
        subprocess.run([*git, "add", "odd.txt"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message=Odd"], check=True)
    done = subprocess.run(
        [str(checkout / "tools" / "release.sh"), mode, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert message in done.stderr


@pytest.mark.parametrize("names, status", [(["good", "fine"], 0), (["bad", "good", "fine"], 123)])
def test_every_part_runs_and_one_that_fails_fails_the_whole(tmp_path, names, status):
    program(tmp_path / "bin", "make", 'echo "output of $2"; [ "$2" != bad ]')
    done = run("tests/parts.sh", *names, bin_dir=tmp_path / "bin")
    assert done.returncode == status, done.stderr
    for name in names:
        assert f"output of {name}\n{name}: {'failed' if name == 'bad' else 'passed'} after " in done.stdout
