"""Backups: every visible one verifies, those of older scripts are read, and odd files in the folder do no harm."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import examine, names, store
from ansible_collections.mobius.dhash.plugins.module_utils.backups.checksums import compose_line, read_checksums
from ansible_collections.mobius.dhash.plugins.module_utils.backups.names import BACKUP, SNAPSHOT, Name
from ansible_collections.mobius.dhash.plugins.module_utils.backups.prune import Rules, prune
from ansible_collections.mobius.dhash.plugins.module_utils.backups.report import human, info
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import (
    create_backup,
    ensure_backup,
    list_backups,
)
from ansible_collections.mobius.dhash.plugins.module_utils.clock import utc_now
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import ChangedMeanwhile, read_version
from ansible_collections.mobius.dhash.tests.support.planted import plant


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.json"
    path.write_bytes(b'{"components": []}\n')
    return path


def sha256sum(folder: Path, name: str) -> int:
    return subprocess.run(
        ["sha256sum", "--strict", "-c", name], cwd=folder, capture_output=True, check=False
    ).returncode


def test_a_backup_has_the_bytes_and_passes_the_guides_sha256sum(library: Path) -> None:
    made = create_backup(str(library))
    path = Path(made["backup"]["path"])
    assert made["changed"] is True
    assert path.read_bytes() == library.read_bytes()
    assert made["backup"]["sha256"] == hashlib.sha256(library.read_bytes()).hexdigest()
    assert sha256sum(library.parent, f"backups/{path.name}.sha256") == 0
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, Path(f"{path}.sha256"), path.parent)]
    assert modes == [0o640, 0o640, 0o750]


def test_twice_is_once(library: Path) -> None:
    first = create_backup(str(library))
    before = {each: each.stat().st_mtime_ns for each in library.parent.rglob("*")}
    again = create_backup(str(library))
    assert (again["changed"], again["backup"]) == (False, first["backup"])
    assert {each: each.stat().st_mtime_ns for each in library.parent.rglob("*")} == before


def test_check_mode_predicts_and_writes_nothing(library: Path) -> None:
    predicted = create_backup(str(library), check_mode=True)
    assert predicted["changed"] is True
    assert sorted(library.parent.iterdir()) == [library]
    made = create_backup(str(library))
    assert predicted["backup"]["sha256"] == made["backup"]["sha256"]
    assert predicted["diff"]["after"].split()[1:] == made["diff"]["after"].split()[1:]
    assert create_backup(str(library), check_mode=True)["changed"] is False


def test_bytes_that_return_are_backed_up_again(library: Path) -> None:
    for content in (b"1", b"2", b"1"):
        library.write_bytes(content)
        assert create_backup(str(library))["changed"] is True
    assert [Path(each.path).read_bytes() for each in list_backups(str(library))] == [b"1", b"2", b"1"]


def test_two_in_one_second(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2024, 9, 24, 16, 0, 0, tzinfo=timezone.utc)
    monkeypatch.setattr(store, "utc_now", lambda: moment)
    paths = []
    for number in range(12):
        library.write_bytes(b"%d" % number)
        paths.append(create_backup(str(library))["backup"]["path"])
    assert [Path(each).name for each in paths[:2]] == [
        "library.json.bak.20240924T160000Z",
        "library.json.bak.20240924T160000Z-2",
    ]
    assert [each.path for each in list_backups(str(library))] == paths[::-1]


def test_a_name_that_is_taken_by_a_lone_checksum_or_a_link_is_not_used(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2024, 9, 24, 16, 0, 0, tzinfo=timezone.utc)
    monkeypatch.setattr(store, "utc_now", lambda: moment)
    folder = library.parent / "backups"
    folder.mkdir()
    (folder / "library.json.bak.20240924T160000Z.sha256").write_text("half a li")
    (folder / "library.json.bak.20240924T160000Z-2").symlink_to("nowhere")
    assert create_backup(str(library))["backup"]["path"].endswith("160000Z-3")


def test_a_clock_set_back_makes_no_endless_backups(library: Path) -> None:
    plant(library, b"of the future", days=-30)
    assert create_backup(str(library))["changed"] is True
    assert create_backup(str(library))["changed"] is False


def test_the_time_is_in_the_name_not_in_the_mtime(library: Path) -> None:
    older = plant(library, b"older", days=2)
    plant(library, b"newer", days=1)
    os.utime(older)
    assert [Path(each.path).read_bytes() for each in list_backups(str(library))] == [b"newer", b"older"]


def test_a_backup_folder_elsewhere_has_absolute_checksums(library: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    path = Path(create_backup(str(library), str(elsewhere))["backup"]["path"])
    assert Path(f"{path}.sha256").read_text().endswith(f"  {path}\n")
    assert sha256sum(Path("/"), f"{path}.sha256") == 0


def test_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "a \\ b\nc \udcff"
    folder.mkdir()
    library = folder / "li brary\\.json"
    library.write_bytes(b"{}")
    path = Path(create_backup(str(library))["backup"]["path"])
    assert sha256sum(folder, f"backups/{path.name}.sha256") == 0
    assert [each.verified for each in list_backups(str(library))] == [True]
    assert compose_line("0" * 64, "/x/a\\b\nc", "/x/l.json") == b"\\" + b"0" * 64 + b"  a\\\\b\\nc\n"


def test_a_link_keeps_its_own_name_and_lists_those_of_the_file_behind(library: Path) -> None:
    create_backup(str(library))
    link = library.parent / "current.json"
    link.symlink_to("library.json")
    assert create_backup(str(link))["changed"] is False
    library.write_bytes(b"[1]")
    made = create_backup(str(link))
    assert Path(made["backup"]["path"]).name.startswith("current.json.bak.")
    assert len(list_backups(str(link))) == 2


SHA = hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize(
    "line",
    [
        f"{SHA}  library.json.bak.X\n",
        f"{SHA}  backups/library.json.bak.X\n",
        f"{SHA}  /srv/old/backups/library.json.bak.X\n",
        f"{SHA}  library.json\n",
        f"{SHA} *library.json.bak.X\r\n",
        f"{SHA}\n",
        SHA.upper(),
        f"SHA256 (library.json.bak.X) = {SHA}\n",
        f"{'1' * 64}  library.json\n{SHA}  library.json.bak.X\n",
        f"# made by hand\n{SHA}  x\n",
    ],
)
def test_checksum_files_of_older_scripts_are_read(tmp_path: Path, line: str) -> None:
    (tmp_path / "library.json.bak.X.sha256").write_bytes(line.encode())
    assert read_checksums(str(tmp_path / "library.json.bak.X"))[0] == SHA


def break_checksum(path: Path, how: str) -> None:
    checksum = Path(f"{path}.sha256")
    if how == "foreign":
        checksum.write_text(f"{'1' * 64}  {path.name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}  other\n")
    elif how in ("empty", "text"):
        checksum.write_text("" if how == "empty" else "not a checksum\n")
    else:
        checksum.unlink()
        if how == "fifo":
            os.mkfifo(checksum)
        elif how == "folder":
            checksum.mkdir()
        elif how == "link":
            checksum.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "no checksum file; if you trust it, create one: sha256sum "),
        ("empty", "no SHA-256"),
        ("text", "no SHA-256"),
        ("foreign", "do not match"),
        ("fifo", "FIFO"),
        ("folder", "folder"),
        ("link", "link"),
    ],
)
def test_damaged_checksums(library: Path, how: str, reason: str) -> None:
    break_checksum(plant(library, b"old", days=1), how)
    (backup,) = list_backups(str(library))
    assert backup.verified is False
    assert reason in backup.reason
    assert create_backup(str(library))["changed"] is True


def test_the_command_that_the_reason_gives_makes_it_verify(library: Path) -> None:
    plant(library, b"old", days=1, checksum=False)
    command = list_backups(str(library))[0].reason.partition("create one: ")[2]
    subprocess.run(command, shell=True, check=True)
    assert list_backups(str(library))[0].verified is True


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("flipped", "do not match"),
        ("truncated", "do not match"),
        ("empty", "it is empty"),
        ("link", "a link, not a regular file"),
        ("folder", "a folder, not a regular file"),
        ("fifo", "a FIFO, not a regular file"),
    ],
)
def test_damaged_backups_are_reported_and_never_block(library: Path, how: str, reason: str) -> None:
    path = plant(library, b"content", days=1)
    kept = plant(library, library.read_bytes(), days=2)
    if how in ("flipped", "truncated", "empty"):
        path.write_bytes({"flipped": b"Content", "truncated": b"conten", "empty": b""}[how])
    else:
        path.unlink()
        if how == "fifo":
            os.mkfifo(path)
        elif how == "folder":
            path.mkdir()
        else:
            path.symlink_to(kept.name)
    damaged, whole = list_backups(str(library))
    assert (damaged.verified, whole.verified) == (False, True)
    assert reason in damaged.reason
    assert create_backup(str(library))["backup"]["path"] == str(kept)


def test_what_cannot_be_read_is_not_called_damaged(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: str, **_more: object) -> None:
        raise OSError(5, "Input/output error", path)

    plant(library, b"old", days=90)
    plant(library, b"new", days=1)
    monkeypatch.setattr(examine, "read_version", broken)
    assert {(each.verified, each.judged) for each in list_backups(str(library))} == {(False, False)}
    assert prune(str(library), rules=Rules())["removed"] == []


def test_ten_thousand_files_in_the_folder(library: Path) -> None:
    folder = library.parent / "backups"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"library.json.bak.copy{number}").touch()
    create_backup(str(library))
    assert len(list_backups(str(library))) == 1


@pytest.mark.parametrize(
    "name",
    [
        "library.json.bak",
        "library.json.bak.20240924",
        "library.json.bak.20241324T160000Z",
        "library.json.bak.20240924T160000Z-0",
        "library.json.bak.20240924T160000Z-",
        "library.json.bak.20240924T160000Z.gz",
        "library.json.bak.20240924T160000Z\n",
        "library.json.bak.２０２４0924T160000Z",
        "xlibrary.json.bak.20240924T160000Z",
        "library.json.20240924T160000Z",
    ],
)
def test_names_that_are_none(name: str) -> None:
    assert names.parse(("library.json",), name) is None


def test_names_and_back() -> None:
    for kind in (BACKUP, SNAPSHOT):
        for number in (1, 2, 17):
            name = Name(datetime(2024, 9, 24, 16, 0, 1, tzinfo=timezone.utc), number, kind)
            assert names.parse(("other", "library.json"), names.compose("library.json", name)) == name


def test_a_library_that_changes_while_it_is_copied_gives_no_backup(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = read_version(str(library))
    library.write_bytes(b"edited")
    with pytest.raises(ChangedMeanwhile):
        ensure_backup(str(library), None, version)
    assert list((library.parent / "backups").iterdir()) == []


def test_ensure_makes_one_only_where_none_holds_the_bytes(library: Path) -> None:
    version = read_version(str(library))
    first = ensure_backup(str(library), None, version)
    assert ensure_backup(str(library), None, version).path == first.path
    Path(first.path).write_bytes(b"rotten")
    assert ensure_backup(str(library), None, version).path != first.path


def test_another_holder_is_refused_its_own_deployment_is_not(library: Path) -> None:
    lock.acquire(str(library), "A")
    for check_mode in (False, True):
        with pytest.raises(lock.Locked):
            create_backup(str(library), check_mode=check_mode)
    assert create_backup(str(library), deployment="A")["changed"] is True


def test_many_at_once(library: Path) -> None:
    """Threads share one process and so one lock, which leaves the folder's own to keep them apart."""
    contents = [b"%d" % number for number in range(6)]
    paths = []

    def one(content: bytes) -> None:
        source = library.parent / f"source{content.decode()}"
        source.write_bytes(content)
        version = read_version(str(source))
        mine = store.Store.of(str(library))
        with mine.exclusively():
            paths.append(mine.add(str(source), version).path)

    threads = [threading.Thread(target=one, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Path(path).read_bytes() for path in paths) == contents
    assert all(each.verified for each in list_backups(str(library)))


def test_the_list_for_people(library: Path) -> None:
    plant(library, b"x" * 1_234_567, days=1)
    plant(library, b"snapshot", days=2, kind=SNAPSHOT)
    plant(library, b"no checksum", days=3, checksum=False)
    rows = info(str(library))["backups"]
    assert [row["verified"] for row in rows] == [True, True, False]
    assert "1.2 MB" in rows[0]["line"]
    assert rows[0]["line"].endswith("verified")
    assert "NOT VERIFIED: it has no checksum file" in rows[2]["line"]
    unread = info(str(library), verify=False)["backups"]
    assert [row["verified"] for row in unread] == [None, None, False]
    assert [row["sha256"] for row in unread][:2] == [row["sha256"] for row in rows][:2]


def test_sizes_for_people() -> None:
    assert [human(size) for size in (0, 999, 1000, 1_234_567, 5 * 10**15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.2 MB",
        "5000.0 TB",
    ]


def test_a_file_where_the_folder_should_be(library: Path) -> None:
    (library.parent / "backups").touch()
    with pytest.raises(MobiusError, match="not a folder"):
        list_backups(str(library))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_owners(library: Path) -> None:
    os.chown(library, 1234, 4321)
    path = Path(create_backup(str(library))["backup"]["path"])
    state = library.parent / ".library.json.dhash"
    made = [path, Path(f"{path}.sha256"), path.parent, state, state / "writing"]
    assert {(each.stat().st_uid, each.stat().st_gid) for each in made} == {(1234, 4321)}
    library.write_bytes(b"[2]")
    given = Path(create_backup(str(library), owner="5", group="6", mode=0o600)["backup"]["path"]).stat()
    assert (given.st_uid, given.st_gid, stat.S_IMODE(given.st_mode)) == (5, 6, 0o600)


def test_age_of_a_planted_backup_is_right(library: Path) -> None:
    plant(library, b"x", days=3)
    assert timedelta(days=3) <= utc_now() - list_backups(str(library))[0].created < timedelta(days=3, seconds=10)
