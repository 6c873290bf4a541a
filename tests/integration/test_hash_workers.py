"""One library hashed on several hosts: the same result as on one, whatever happens to the others."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Dict

import imagehash
import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import VENV, Site, draw
from ansible_collections.mobius.dhash.tests.support.remote import connection, unavailable
from PIL import Image

PICTURES = 25
SHARED = {"mobius_service_enabled": False, "mobius_health_check": False, "mobius_hash_workers_least": 0}


@pytest.fixture
def bare(tmp_path):
    """An empty folder of a site; no service will run there."""
    place = Site(tmp_path / "site")
    (place.home / "images").mkdir(parents=True)
    return place


@pytest.fixture
def large(bare, monkeypatch):
    """A library for four hosts, of pictures that are all as large, and a folder for what its workers write."""
    for number in range(PICTURES):
        path = bare.home / "images" / f"{number:02}.png"
        draw(path, number)
        # What follows the end of a PNG is nobody's.
        path.write_bytes(path.read_bytes().ljust(60_000, b"\0"))
    bare.write_library([{"image": f"images/{number:02}.png"} for number in range(PICTURES)])
    bare.workers = tmp = bare.home.parent / "workers"
    tmp.mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp))
    return bare


def inventory(site, **workers: Dict[str, Any]) -> str:
    for about in workers.values():
        about.setdefault("ansible_connection", "local")
        about.setdefault("ansible_python_interpreter", "{{ ansible_playbook_python }}")
    path = site.home.parent / "workers.json"
    path.write_text(json.dumps({"mobius_hash_workers": {"hosts": workers}}))
    return str(path)


def far(site, **environment: str) -> Dict[str, Any]:
    """Another host: this machine over a real sshd."""
    if unavailable():
        pytest.skip(str(unavailable()))
    return connection(site.home.parent / "ssh", {"PATH": os.environ["PATH"], **environment})


def elsewhere(site) -> Path:
    """The pictures at another path, as storage that is mounted elsewhere shows them."""
    path = site.home.parent / "elsewhere"
    path.symlink_to(site.home)
    return path


def other_pictures(site) -> Path:
    """A folder of different pictures with the same names, sizes and times."""
    folder = site.home.parent / "stale"
    for number in range(PICTURES):
        name = f"images/{number:02}.png"
        other = folder / name
        other.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(site.home / f"images/{(number + 1) % PICTURES:02}.png", other)
        facts = os.stat(site.home / name)
        os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return folder


def killing(site) -> Path:
    """A Python that is killed when it is to hash a share."""
    path = site.home.parent / "killing"
    path.write_text(
        f'#!/bin/sh\ncase "$1" in */AnsiballZ_dhash_share_hash.py) kill -9 $$ ;; esac\nexec {VENV}/bin/python "$@"\n'
    )
    path.chmod(0o755)
    return path


def lying(site, seen: Path) -> Path:
    """A Python that lies about shares when it assigns them, and notes what the controller has where it hashes."""
    path = site.home.parent / "lying"
    path.write_text(f"""#!{VENV}/bin/python
import json, os, pathlib, subprocess, sys
command = ["{VENV}/bin/python", *sys.argv[1:]]
if sys.argv[1].endswith("AnsiballZ_dhash_share_hash.py"):
    with open("{seen}", "a") as seen:
        for each in pathlib.Path(os.environ["ANSIBLE_LOCAL_TEMP"]).rglob("*.share"):
            seen.write(f"{{each}}\\n")
if not sys.argv[1].endswith("AnsiballZ_dhash_share_plan.py"):
    os.execv(command[0], command)
plan = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
_mine, theirs, other = plan["shares"]
theirs["own"] = True
evil = plan["folder"] + "/evil.share"
os.rename(other["file"], evil)
other.update(number="../evil", file=evil)
plan["folder"] += "/."
print(json.dumps(plan))
""")
    path.chmod(0o755)
    return path


def claiming(site, **facts: Any) -> Path:
    """A Python that claims facts when it is pinged."""
    path = site.home.parent / "claiming"
    answer = shlex.quote(json.dumps({"changed": False, "ping": "pong", "ansible_facts": facts}))
    path.write_text(
        f'#!/bin/sh\ncase "$1" in */AnsiballZ_ping.py) echo {answer}; exit ;; esac\nexec {VENV}/bin/python "$@"\n'
    )
    path.chmod(0o755)
    return path


def is_as_by_one_host_alone(site) -> bool:
    again = site.play("migrate", "--check", mobius_rehash="all").succeeded()
    return again.changed == 0


def left_behind(site):
    return [*site.workers.rglob("*.shar*"), *(site.home / ".library.json.dhash").glob("shares-*")]


def test_the_library_is_as_by_one_host_alone_whatever_becomes_of_the_others(large):
    workers = inventory(
        large,
        honest={**far(large, TMPDIR=str(large.workers)), "mobius_hash_workers_root": str(elsewhere(large))},
        killed={"mobius_runtime_source": "system", "mobius_runtime_python": str(killing(large))},
        wrong={"mobius_hash_workers_root": str(other_pictures(large))},
        away={"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
    )
    run = large.play("deploy", "-i", workers, **SHARED).succeeded()
    reported = " ".join(run.output.split())
    # Four hosts have a share each, and two of them are accepted.
    taken = re.search(r"(\d+) pictures are hashed, (\d+) are left", reported)
    assert taken, run.output
    assert int(taken.group(1)) + int(taken.group(2)) == PICTURES
    assert 12 <= int(taken.group(1)) <= 13
    assert "The results of killed are rejected" in reported
    assert "The results of wrong are rejected" in reported
    assert "The results of honest are rejected" not in reported
    for item in large.items():
        with Image.open(large.home / item["image"]) as image:
            assert item["dhash"] == str(imagehash.dhash(image))
    assert is_as_by_one_host_alone(large)
    assert left_behind(large) == []


def test_pictures_are_sent_to_workers_that_have_none(large):
    workers = inventory(large, one={"mobius_hash_workers_root": "/nowhere"}, two={})
    before = large.tree()
    large.play("hash_ahead", "--check", "-i", workers, **SHARED).succeeded()
    assert large.tree() == before
    run = large.play("hash_ahead", "-i", workers, **SHARED, mobius_hash_workers_send="yes").succeeded()
    assert f"{PICTURES} pictures are hashed, 0 are left" in " ".join(run.output.split())
    assert run.changed == 0
    assert left_behind(large) == []


def test_no_host_names_a_file_on_the_controller(large, monkeypatch):
    seen = large.home.parent / "seen"
    folder = large.home.parent / "controller"
    folder.mkdir()
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", str(folder))
    liar = str(lying(large, seen))
    source = {"ansible_pipelining": False, "mobius_runtime_source": "system", "mobius_runtime_python": liar}
    large.play("hash_ahead", "-i", inventory(large, one={}, two={}), **SHARED, **source)
    shares = {line.partition("/localhost/")[2] for line in seen.read_text().splitlines()}
    assert sorted(re.sub("[0-9a-f]{64}/", "", name) for name in shares) == ["0.share", "1.share"]


def test_no_host_claims_that_a_share_was_assigned(large):
    """The controller would send it files of its own for results."""
    share = {"worker": "thief", "own": False, "staging": str(large.home.parent), "number": "secret"}
    thief = str(claiming(large, __hash_workers_assigned=[share]))
    workers = inventory(large, thief={"ansible_python_interpreter": thief, "ansible_pipelining": False})
    run = large.play("hash_ahead", "-i", workers, **SHARED).succeeded()
    assert f"{PICTURES} pictures are hashed" in " ".join(run.output.split())
    bringing = re.search(r"Copy the results\] \*+\n(.*?)\nTASK", run.output, re.DOTALL)
    assert bringing and "skipping: [thief]" in bringing.group(1)


def test_ctrl_c_at_a_terminal_leaves_the_host_clean(bare):
    first = bare.home / "images" / "large.jpg"
    Image.radial_gradient("L").rotate(30).resize((3000, 2400)).convert("RGB").save(first)
    for number in range(600):
        os.link(first, bare.home / "images" / f"{number}.jpg")
    before = bare.write_library([{"image": f"images/{number}.jpg"} for number in range(600)])
    jobs = bare.home.parent / "jobs"
    bare.run_by = [sys.executable, str(Path(__file__).with_name("ctrl_c.py")), "of about"]
    run = bare.play(
        "deploy",
        mobius_progress=True,
        mobius_workers=1,
        mobius_service_enabled=False,
        mobius_health_check=False,
        ansible_async_dir=str(jobs),
        # Where no process of the play is to be seen, its death frees no lock.
        **far(bare),
    )
    bare.run_by = []
    assert run.code != 0
    assert "items, " in run.output
    assert bare.library.read_bytes() == before
    state = bare.home / ".library.json.dhash"
    until = time.monotonic() + 60
    while (list(jobs.iterdir()) or workers_of(bare)) and time.monotonic() < until:
        time.sleep(0.2)
    assert workers_of(bare) == []
    assert list(jobs.iterdir()) == []
    assert sorted(path.name for path in state.iterdir()) == ["pictures.sqlite", "run.json", "validity.json", "writing"]
    bare.play("lock", playbook=str(Path(__file__).with_name("lock.yml")), test_pid=os.getpid()).succeeded()


def workers_of(site):
    """Processes that have a file of this library open."""
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            names = [os.readlink(name) for name in folder.iterdir()]
        except OSError:
            continue
        if any(name.startswith(f"{site.home}/") for name in names):
            found.append(folder.parent.name)
    return found
