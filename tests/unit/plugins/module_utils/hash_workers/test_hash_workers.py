"""Pictures assigned to hosts, hashed there and merged: what proves right is not hashed again, the rest is."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers import hashing as hashing_module
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.assignment import Reservoir
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.files import InvalidShare, results, share_rows
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.merge import _same_time, merge
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from PIL import Image


def folders(fan) -> List[Path]:
    return list(fan.site.state.glob("shares-*"))


def lines(path: Path) -> List[Any]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def rewrite(path: Path, change: Callable[[List[Any]], List[Any]]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in change(lines(path))).encode()))


def plain(fan) -> Any:
    """What a migration without any workers gives."""
    return [{name: value for name, value in item.items() if name != "image"} for item in fan.site.read()["components"]]


@pytest.fixture
def hashed(fan):
    """All shares hashed, as they lie before the merge."""
    planned = fan.plan()
    for share in planned["shares"]:
        fan.hash(share)
    return planned


def test_what_workers_hash_is_not_hashed_again_and_is_the_same(fan, hashed):
    assert [share["worker"] for share in hashed["shares"]] == ["owner", "w1", "w2"]
    assert sum(share["pictures"] for share in hashed["shares"]) == 12
    merged = fan.merge(hashed)
    assert (merged["merged"], merged["left"], merged["warnings"]) == (12, 0, [])
    assert folders(fan) == []
    result = fan.site.migrate()
    assert (result["hashed"], result["unchanged"], result["warnings"]) == (0, 12, [])
    shared = plain(fan)
    (fan.site.state / "pictures.sqlite").unlink()
    (fan.site.state / "last-run").unlink()
    assert fan.site.migrate(rehash="all")["changed"] is False
    assert plain(fan) == shared


def test_nothing_is_shared_twice(fan, hashed):
    fan.merge(hashed)
    again = fan.plan()
    assert (again["changed"], again["shares"], again["pictures"], folders(fan)) == (False, [], 0, [])


def test_sent_pictures_are_hashed_without_storage_to_share(fan):
    planned = fan.plan(send=True)
    for share in fan.shared(planned):
        hashed = fan.hash(share, root="/no/such/folder")
        assert (hashed["hashed"], hashed["missing"], hashed["left"]) == (share["pictures"], 0, 0)
    merged = fan.merge(planned)
    assert merged["merged"] == sum(share["pictures"] for share in fan.shared(planned))
    assert "owner" in merged["warnings"][0]
    assert fan.site.migrate()["hashed"] == 12 - merged["merged"]


def test_a_worker_with_another_image_root_finds_nothing_and_harms_nothing(fan, tmp_path):
    planned = fan.plan()
    (tmp_path / "elsewhere").mkdir()
    share = fan.shared(planned)[0]
    assert fan.hash(share, root=str(tmp_path / "elsewhere"))["missing"] == share["pictures"]
    assert fan.merge(planned)["merged"] == 0
    assert fan.site.migrate()["hashed"] == 12


def test_pictures_of_another_time_are_not_those_of_the_owner(fan, tmp_path):
    planned = fan.plan()
    share = fan.shared(planned)[0]
    shutil.copytree(fan.site.home / "images", tmp_path / "stale" / "images")
    rows = list(share_rows(share["file"]))
    for row in rows[1:]:
        os.utime(tmp_path / "stale" / row.path, ns=(1, row.mtime_ns - 10**9))
    os.utime(tmp_path / "stale" / rows[0].path, ns=(1, rows[0].mtime_ns))
    assert fan.hash(share, root=str(tmp_path / "stale"))["hashed"] == len(rows)
    assert fan.merge(planned, sample=0)["merged"] == 1


@pytest.mark.parametrize("sample", [4, 100])
def test_one_wrong_hash_in_the_sample_refuses_the_share_and_names_the_worker(fan, hashed, sample):
    found = Path(fan.shared(hashed)[0]["file"]).with_suffix(".results")

    def lie(all_lines):
        all_lines[2][3] = "0123456789abcdef"
        return all_lines

    rewrite(found, lie)
    merged = fan.merge(hashed, sample=sample)
    by_name = {each["worker"]: each for each in merged["workers"]}
    assert by_name["w1"]["merged"] == 0
    assert by_name["w2"]["merged"] == by_name["w2"]["pictures"]
    (warning,) = merged["warnings"]
    assert "w1" in warning
    assert "0123456789abcdef" in warning
    assert fan.site.migrate()["hashed"] == by_name["w1"]["pictures"]


def no_results(path: Path) -> None:
    path.unlink()


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def not_zipped(path: Path) -> None:
    path.write_bytes(b"<html>Internal Server Error</html>")


def without_end(path: Path) -> None:
    rewrite(path, lambda all_lines: all_lines[:-1])


def a_row_too_many(path: Path) -> None:
    rewrite(path, lambda all_lines: [*all_lines[:-1], [99, *all_lines[1][1:]], all_lines[-1]])


def a_row_twice(path: Path) -> None:
    rewrite(path, lambda all_lines: [*all_lines[:2], *all_lines[1:]])


def going_on(path: Path) -> None:
    rewrite(path, lambda all_lines: [*all_lines, all_lines[1]])


def other_pillow(path: Path) -> None:
    rewrite(path, lambda all_lines: [{**all_lines[0], "maker": "1/13.0.0"}, *all_lines[1:]])


def deep(path: Path) -> None:
    path.write_bytes(gzip.compress(b'{"form": 1}\n' + b"[" * 60_000 + b"\n"))


def endless(path: Path) -> None:
    path.write_bytes(gzip.compress(b" " * 100_000_000))


def field(place: int, value: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        def changed(all_lines):
            all_lines[1][place] = value
            return all_lines

        rewrite(path, changed)

    change.__name__ = f"{place}-{value!r}"
    return change


BAD = [no_results, cut_off, not_zipped, without_end, a_row_too_many, a_row_twice, going_on, other_pillow, deep, endless]
BAD += [
    field(0, -1),
    field(0, True),
    field(1, "7"),
    field(2, 1.5),
    field(3, "x" * 16),
    field(3, "0123"),
    field(3, None),
]
BAD += [
    field(4, 2),
    field(4, float("nan")),
    field(5, "flat"),
    field(5, ["a b"]),
    field(6, "x\n"),
    field(7, float("inf")),
]


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_garbage_costs_its_share_alone(spoil, fan, hashed):
    share = fan.shared(hashed)[1]
    spoil(Path(share["file"]).with_suffix(".results"))
    merged = fan.merge(hashed)
    assert merged["merged"] == 12 - share["pictures"]
    assert "The results of w2 are rejected" in merged["warnings"][0]
    assert merged["warnings"][0].isprintable()
    result = fan.site.migrate()
    assert (result["hashed"], result["with_dhash"]) == (share["pictures"], 12)
    assert folders(fan) == []


def test_a_picture_that_changed_during_hashing_is_hashed_again(fan):
    planned = fan.plan()
    share = fan.shared(planned)[0]
    first, second, *_rest = (row.path for row in share_rows(share["file"]))
    facts = os.stat(fan.site.home / first)
    data = bytearray((fan.site.home / first).read_bytes())
    data[-10] ^= 1
    # The same size and time: the worker cannot see the change, and its hash is of other bytes.
    (fan.site.home / first).write_bytes(data)
    os.utime(fan.site.home / first, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert fan.hash(share)["missing"] == 0
    Image.new("L", (50, 40), 90).save(fan.site.home / second)
    fan.merge(planned)
    result = fan.site.migrate()
    # Those two, and the shares that nobody hashed.
    assert result["hashed"] == 12 - share["pictures"] + 2
    before = plain(fan)
    fan.site.migrate(rehash="all")
    assert plain(fan) == before


def test_what_a_worker_could_not_hash_the_owner_tries_itself(fan):
    torn = fan.site.home / "images/3.png"
    torn.write_bytes(torn.read_bytes()[:300])
    fan.site.age()
    planned = fan.plan()
    for share in planned["shares"]:
        fan.hash(share)
    assert fan.merge(planned)["merged"] == 11
    result = fan.site.migrate()
    assert (result["hashed"], result["failed_items"], result["unchanged"]) == (0, 1, 11)


def test_a_worker_of_another_pillow_gets_no_share(fan):
    fan.workers[1] = fan.worker("w2", maker="1/9.9.9")
    planned = fan.plan()
    assert [share["worker"] for share in planned["shares"]] == ["owner", "w1"]
    assert "w2 hashes with 1/9.9.9" in planned["warnings"][0]


def test_shares_are_as_large_as_their_hosts(fan):
    fan.workers = [fan.worker("w1", processors=4), fan.worker("w2", processors=1)]
    count = {share["worker"]: share["pictures"] for share in fan.plan()["shares"]}
    assert count == {"owner": 2, "w1": 8, "w2": 2}


def test_large_pictures_are_spread(fan):
    fan.options = Options(str(fan.site.library), workers=1, items=["components[]"])
    noise = os.urandom(3 * 900 * 900)
    for number in range(3):
        Image.frombytes("RGB", (900, 900), noise).save(fan.site.home / f"images/{number}.png")
    fan.site.age()
    shares = fan.plan()["shares"]
    assert all(share["bytes"] > 2_000_000 for share in shares)


def test_a_sample_is_of_all_of_them():
    chosen = [Reservoir(3) for _unused in range(300)]
    for each in chosen:
        for number in range(12):
            each.offer(number)
    assert {len(set(each.chosen)) for each in chosen} == {3}
    assert {number for each in chosen for number in each.chosen} == set(range(12))
    none = Reservoir(0)
    none.offer(1)
    assert none.chosen == []


def test_little_work_is_not_shared(fan):
    planned = fan.plan(min_seconds=60)
    assert (planned["shares"], planned["folder"], planned["pictures"]) == ([], "", 12)
    assert 0 < planned["seconds"] < 60
    assert folders(fan) == []


def test_hashing_everything_again_is_not_shared(fan):
    fan.options = Options(str(fan.site.library), workers=1, rehash="all")
    planned = fan.plan()
    assert planned["shares"] == []
    assert "rehash" in planned["warnings"][0]


def test_check_mode_writes_nothing(fan, hashed):
    before = fan.site.tree()
    planned = fan.plan(check_mode=True, send=True)
    assert [share["pictures"] for share in planned["shares"]] == [share["pictures"] for share in hashed["shares"]]
    assert fan.merge(hashed, check_mode=True)["merged"] == 12
    assert fan.site.tree() == before


def test_a_library_that_cannot_be_read_leaves_no_folder(fan):
    fan.site.library.write_text('{"components": [{"image": "images/0.png"},]}')
    with pytest.raises(MobiusError, match="JSON"):
        fan.plan()
    assert folders(fan) == []


def test_folders_of_dead_runs_are_removed_and_young_ones_stay(fan):
    dead, young = fan.plan()["folder"], fan.plan()["folder"]
    os.utime(dead, (1, 1))
    fan.plan()
    assert not Path(dead).exists()
    assert Path(young).exists()


@pytest.mark.parametrize("name", ["..", "/tmp", "{state}", "{state}/../images", "{state}/shares-no"])
def test_only_a_folder_of_shares_is_removed(name, fan, hashed):
    with pytest.raises(MobiusError, match="Not a folder of shares"):
        merge(fan.options, name.format(state=fan.site.state))
    assert (fan.site.home / "images").is_dir()
    assert len(folders(fan)) == 1


def test_too_little_space_for_the_sent_pictures_is_refused(fan, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _unused: type("Usage", (), {"free": 1000})())
    with pytest.raises(MobiusError, match="mobius_hash_workers_send"):
        fan.plan(send=True)
    assert folders(fan) == []


def test_a_worker_past_its_deadline_gives_what_it_has(fan, monkeypatch):
    planned = fan.plan()
    share = fan.shared(planned)[0]
    in_time = iter([True, True, False])
    monkeypatch.setattr(hashing_module._Run, "_in_time", lambda _self: next(in_time, False))
    hashed = fan.hash(share, deadline=1)
    assert (hashed["hashed"], hashed["left"]) == (2, share["pictures"] - 2)
    monkeypatch.undo()
    assert fan.merge(planned)["merged"] == 2
    assert fan.site.migrate()["hashed"] == 10


def test_a_worker_that_is_no_longer_queried_stops_and_leaves_nothing(fan, monkeypatch):
    monkeypatch.setattr("ansible_collections.mobius.dhash.plugins.module_utils.migration.progress._WRITE_SECONDS", 0.0)
    monkeypatch.setattr("ansible_collections.mobius.dhash.plugins.module_utils.engine.pool._PROGRESS_SECONDS", 0.0)
    share = fan.shared(fan.plan())[0]
    with pytest.raises(MobiusError, match="progress was not queried"):
        fan.hash(share, idle_timeout=1e-9)
    assert not list(fan.site.home.glob("on-*"))


@pytest.mark.parametrize("spoil", [b"no tar at all" * 100, b""])
def test_what_was_sent_and_cannot_be_read_is_an_error(spoil, fan):
    share = fan.shared(fan.plan(send=True))[0]
    Path(share["pack"]).write_bytes(spoil)
    with pytest.raises(MobiusError, match="cannot be read"):
        fan.hash(share)


@pytest.mark.parametrize("send", [False, True])
def test_odd_names_travel(send, fan):
    names = ["images/\udcff.png", "images/a\nb.png", "images/ü 'x'.png"]
    for number, name in enumerate(names):
        os.rename(fan.site.home / f"images/{number}.png", os.fsencode(fan.site.home) + b"/" + os.fsencode(name))
    fan.site.write({"components": [{"image": name} for name in names]})
    fan.site.age()
    fan.workers = [fan.worker("w1", processors=1000)]
    planned = fan.plan(send=send)
    for share in planned["shares"]:
        assert fan.hash(share)["missing"] == 0
    assert fan.merge(planned)["merged"] == 3
    result = fan.site.migrate()
    assert (result["with_dhash"], result["hashed"]) == (3, 0)


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        (1_700_000_000_123_456_789, 1_700_000_000_123_456_789, True),
        (1_700_000_000_123_456_789, 1_700_000_000_123_456_700, True),
        (1_700_000_000_123_456_789, 1_700_000_000_123_456_000, True),
        (1_700_000_000_123_456_789, 1_700_000_000_000_000_000, True),
        (1_700_000_000_123_456_789, 1_700_000_000_123_456_788, False),
        (1_700_000_000_123_456_789, 1_700_000_001_000_000_000, False),
        (1_700_000_000_123_456_000, 1_700_000_000_123_457_000, False),
    ],
)
def test_times_are_compared_in_the_coarser_of_two_clocks(mine, theirs, same):
    assert [_same_time(*pair) for pair in ((mine, theirs), (theirs, mine))] == [same, same]


def test_a_picture_of_several_items_is_assigned_once(fan):
    fan.site.write({"components": [{"image": f"images/{number % 3}.png"} for number in range(9)]})
    assert fan.plan()["pictures"] == 3


def test_a_single_host_needs_no_shares(fan):
    fan.site.write({"components": [{"image": "images/0.png"}]})
    assert fan.plan()["shares"] == []
    assert folders(fan) == []


def test_a_result_without_a_file_is_garbage(tmp_path):
    with pytest.raises(InvalidShare):
        list(results(str(tmp_path / "none"), 3))
