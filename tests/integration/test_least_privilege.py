"""A user without any privilege deploys what is its own; whatever the umask, nothing is for the world."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT, Site, draw

NOBODY, TEAM = 65534, 64999
SHARED = [Path("/tmp"), Path("/var/tmp")]
TOLERANT = {"mobius_max_failure_rate": 30, "mobius_become": False}


def as_nobody(*more: str) -> list:
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--groups", str(TEAM), *more, "--no-new-privs"]


def way_to_be_nobody() -> list:
    """The Python of the tests may lie in a home that is closed to others: the right to read alone is added then."""
    caps = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    python = str(ROOT / ".cache" / "test-runtime" / "bin" / "python")
    for way in (as_nobody(), as_nobody(*caps)):
        if (
            subprocess.run([*way, "sh", "-c", f"exec '{python}' -c ''"], capture_output=True, check=False).returncode
            == 0
        ):
            return way
    pytest.skip("nobody may read this checkout or its Python, and this root may not lend that right")


@pytest.fixture
def own():
    """A site that belongs to nobody, or, where the tests are run by an ordinary user, to that one."""
    home = Path(tempfile.mkdtemp(prefix="mobius-test-", dir="/var/tmp"))
    place = Site(home / "site")
    for number in range(3):
        draw(place.home / "images" / f"{number}.png", number)
    place.write_library([{"image": f"images/{number}.png"} for number in range(3)])
    (home / "user" / "tmp").mkdir(parents=True)
    place.environment = {
        "HOME": str(home / "user"),
        # Python, and so Ansible, has its temporary files here; what names /tmp by itself is found.
        "TMPDIR": str(home / "user" / "tmp"),
        "ANSIBLE_HOME": str(home / "user" / ".ansible"),
        # The home that the system knows of this user is none.
        "ANSIBLE_REMOTE_TMP": str(home / "user" / ".ansible" / "tmp"),
    }
    place.run_by, place.uid, place.gid = [], os.getuid(), os.getgid()
    if os.getuid() == 0:
        place.run_by, place.uid, place.gid = way_to_be_nobody(), NOBODY, TEAM
        # The first group of the user is another one than that of the files.
        for path in [home, *home.rglob("*")]:
            os.chown(path, NOBODY, TEAM)
    for path in [home, *home.rglob("*")]:
        path.chmod(0o750 if path.is_dir() else 0o640)
    place.home.chmod(0o2750)
    yield place
    place.end_service()
    shutil.rmtree(home)


class Watch(threading.Thread):
    """What a user has in folders that are shared with others, looked at again and again."""

    def __init__(self, uid: int, known: Path) -> None:
        super().__init__(daemon=True)
        self.uid, self.known, self.seen, self.ended = uid, known, {}, False

    def run(self) -> None:
        while not self.ended:
            for folder in SHARED:
                for entry in os.scandir(folder):
                    try:
                        facts = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if facts.st_uid == self.uid and Path(entry.path) != self.known:
                        self.seen[entry.path] = stat.S_IMODE(facts.st_mode)
            time.sleep(0.02)


def with_umask(place: Site, umask: str) -> None:
    before = place.run_by[: place.run_by.index("sh")] if "sh" in place.run_by else place.run_by
    place.run_by = [*before, "sh", "-c", f'umask {umask}; exec "$@"', "sh"]


def modes(place: Site) -> dict:
    found = {}
    for path in [place.home, *place.home.rglob("*")]:
        facts = path.lstat()
        if not stat.S_ISLNK(facts.st_mode) and "images" not in path.parts:
            found[str(path.relative_to(place.home))] = (facts.st_uid, facts.st_gid, oct(facts.st_mode & 0o777))
    return found


def assert_private(place: Site) -> None:
    # Public code, which the user of a service of the host may have to read.
    found = {name: facts for name, facts in modes(place).items() if not name.startswith("service/app")}
    wrong = {
        name: facts
        for name, facts in found.items()
        if facts != (place.uid, place.gid, oct(0o750 if (place.home / name).is_dir() else 0o640))
    }
    assert not wrong
    assert {"library.json", "backups", "logs", "logs/service.log", ".library.json.dhash/current.json"} <= set(found)


def test_an_unprivileged_user_deploys_and_rolls_back_its_own_library(own):
    before = own.library.read_bytes()
    watching = Watch(own.uid, own.home.parent)
    if os.getuid() == 0:
        watching.start()
    for umask, name in (("000", "deploy"), ("077", "rollback")):
        with_umask(own, umask)
        own.play(name, **TOLERANT).succeeded()
        assert_private(own)
        assert all(("dhash" in item) == (name == "deploy") for item in own.items())
    assert own.library.read_bytes() == before
    watching.ended = True
    assert watching.seen == {}


@pytest.fixture
def account():
    """A system user and a group that are gone again afterwards, and a folder for them."""
    if os.getuid() != 0:
        pytest.skip("only root makes users")
    home = Path(tempfile.mkdtemp(prefix="mobius-test-", dir="/var/tmp"))
    home.chmod(0o755)
    name = f"mobius-t{os.getpid()}"
    yield (
        Site(home / "site"),
        {
            "mobius_owner": name,
            "mobius_group": f"{name}-g",
            "mobius_owner_home": str(home / "home"),
        },
    )
    subprocess.run(["userdel", name], check=False, capture_output=True)
    subprocess.run(["groupdel", f"{name}-g"], check=False, capture_output=True)
    shutil.rmtree(home)


def test_a_role_makes_the_user_that_owns_the_library(account):
    place, variables = account
    (place.home / "backups").mkdir(parents=True)
    place.write_library([{"image": "0.png"}])
    (place.home / "backups" / "library.json.bak.20240924T160000Z").write_bytes(b"{}")
    for path in place.home.rglob("*"):
        path.chmod(0o777)
    place.play("account", **variables).succeeded()
    owner, group = pwd.getpwnam(variables["mobius_owner"]), grp.getgrnam(variables["mobius_group"])
    assert owner.pw_uid < 1000 and owner.pw_gid == group.gr_gid and owner.pw_shell == "/usr/sbin/nologin"
    found = modes(place)
    assert set(found.values()) == {
        (owner.pw_uid, group.gr_gid, "0o750"),
        (owner.pw_uid, group.gr_gid, "0o640"),
    }
    assert {"logs", "backups", "library.json"} <= set(found)
    assert place.play("account", **variables).succeeded().changed == 0


def test_a_folder_of_the_system_is_not_given_away(account):
    place, variables = account
    before = os.stat("/srv")
    place.play("account", mobius_library_path="/srv/library.json", **variables).failed("belongs to the system")
    after = os.stat("/srv")
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    with pytest.raises(KeyError):
        pwd.getpwnam(variables["mobius_owner"])
