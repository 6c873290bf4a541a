"""The short path of a second run: its result is that of the long path, whatever changed in between."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply, block, last_run
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import read_current
from ansible_collections.mobius.dhash.tests.support.site import draw, swap


def both(site, monkeypatch, **options):
    """A run in check mode as it is, and one that has no last run to go by."""
    short = site.migrate(check_mode=True, **options)
    with monkeypatch.context() as patch:
        patch.setattr(apply, "recall", lambda *_unused: None)
        long = site.migrate(check_mode=True, **options)
    return short, long


def timeless(result):
    """Without the times, which differ where a picture is hashed."""
    return {name: value for name, value in result.items() if name not in ("metrics", "hash_times")}


@pytest.mark.parametrize("form", ["object", "list"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_to_do_takes_the_short_path_with_the_same_result(varied, ways, monkeypatch, form, check_mode):
    if form == "list":
        varied.write(varied.read()["components"])
    varied.migrate()
    tree = varied.tree()
    short, long = both(varied, monkeypatch)
    assert short == long
    del ways[:]
    assert varied.migrate(check_mode=check_mode) == long
    assert ways == []
    assert varied.tree() == tree
    assert (short["changed"], short["hashed"], short["unchanged"]) == (False, 0, 6)
    assert short["metrics"]["avg_hash_time"] > 0


def rewrite(path, data=None):
    """Other bytes of the same length, and the mtime of before."""
    facts = path.stat()
    old = path.read_bytes()
    path.write_bytes(data or old[:-1] + bytes([old[-1] ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def folder_elsewhere(site):
    """The images through a link, to a copy with other pictures of the same names, sizes and times."""
    shutil.copytree(site.home / "images", site.home / "moved", symlinks=True)
    swap(site.home / "moved/0.png", site.home / "moved/1.png")
    shutil.rmtree(site.home / "images")
    (site.home / "images").symlink_to("moved")


CHANGES = {
    "a picture's bytes": lambda site: rewrite(site.home / "images/0.png"),
    "a picture's bytes, drawn again": lambda site: draw(site.home / "images/0.png", 99),
    "a picture touched": lambda site: (site.home / "images/0.png").touch(),
    "two pictures swapped": lambda site: swap(site.home / "images/0.png", site.home / "images/1.png"),
    "a picture gone": lambda site: (site.home / "images/0.png").unlink(),
    "a picture behind a link": lambda site: (
        (site.home / "images/0.png").rename(site.home / "images/real.png"),
        (site.home / "images/0.png").symlink_to("real.png"),
    ),
    "a missing picture found": lambda site: draw(site.home / "images/gone.png", 7),
    "a torn picture mended": lambda site: draw(site.home / "images/torn.png", 8),
    "an empty file filled": lambda site: draw(site.home / "images/empty.png", 9),
    "a folder that becomes a picture": lambda site: (
        (site.home / "images/folder.png").rmdir(),
        draw(site.home / "images/folder.png", 10),
    ),
    "a link that leads inside now": lambda site: (
        (site.home / "images/out.png").unlink(),
        (site.home / "images/out.png").symlink_to("0.png"),
    ),
    "the folder of the pictures": folder_elsewhere,
    "an item": lambda site: site.library.write_text(site.library.read_text().replace('"id": 3', '"id": 33')),
    "an item's dHash": lambda site: site.library.write_text(
        site.library.read_text().replace(site.read()["components"][0]["dhash"], "f" * 16)
    ),
    "an item more": lambda site: site.write(
        {**site.read(), "components": [*site.read()["components"], {"image": "images/0.png"}]}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_seen(settled, ways, monkeypatch, change):
    CHANGES[change](settled)
    settled.age()
    short, long = both(settled, monkeypatch)
    assert ways == ["long", "long"]
    assert timeless(short) == timeless(long)
    settled.migrate()
    settled.migrate()
    del ways[:]
    assert settled.migrate()["changed"] is False
    assert ways == []


@pytest.mark.parametrize("change", CHANGES)
def test_where_nothing_may_change_whatever_has_changed_is_refused(settled, ways, change):
    assert settled.migrate(unchanged_only=True)["changed"] is False
    CHANGES[change](settled)
    settled.age()
    tree = settled.tree()
    with pytest.raises(MobiusError, match="Something has changed since the last run"):
        settled.migrate(unchanged_only=True)
    assert (settled.tree(), ways) == (tree, [])


def test_another_picture_under_a_link_is_seen(site, ways):
    images = site.pictures(3)
    (site.home / "images/link.png").symlink_to("0.png")
    site.write({"components": [{"image": images[2]}, {"image": "images/link.png"}]})
    site.migrate()
    assert (site.migrate()["hashed"], ways) == (0, ["long"])
    (site.home / "images/link.png").unlink()
    (site.home / "images/link.png").symlink_to("1.png")
    assert site.migrate()["changed"] is True
    draw(site.home / "images/1.png", 99)
    site.age()
    assert site.migrate()["changed"] is True
    del ways[:]
    assert (site.migrate()["changed"], ways) == (False, [])


def test_a_folder_that_becomes_a_link_is_seen(site, ways):
    for number, name in enumerate(("a", "b")):
        draw(site.home / f"images/{name}/x.png", number)
    site.age()
    site.write({"components": [{"image": "images/a/x.png"}, {"image": "images/none/x.png"}]})
    site.migrate()
    shutil.rmtree(site.home / "images/a")
    (site.home / "images/a").symlink_to("b")
    assert site.migrate()["changed"] is True
    (site.home / "images/none").symlink_to("b")
    assert site.migrate()["changed"] is True
    del ways[:]
    assert (site.migrate()["changed"], ways) == (False, [])


def test_a_folder_moved_out_of_the_root_is_seen(site, ways):
    draw(site.home / "images/a/x.png", 1)
    draw(site.home / "images/y.png", 2)
    site.age()
    site.write({"components": [{"image": "a/x.png"}, {"image": "y.png"}]})
    root = str(site.home / "images")
    site.migrate(image_root=root)
    # The picture itself stays as it was, with all its times.
    (site.home / "images/a").rename(site.home / "outside")
    (site.home / "images/a").symlink_to("../outside")
    result = site.migrate(image_root=root)
    assert [each["reason"] for each in result["failures"]] == ["escapes-root"]


def test_another_root_behind_the_same_name_is_seen(site, ways):
    for number, name in enumerate(("v1", "v2")):
        draw(site.home / name / "x.png", number)
    site.age()
    (site.home / "now").symlink_to("v1")
    site.write({"components": [{"image": "x.png"}]})
    root = str(site.home / "now")
    first = site.migrate(image_root=root)
    assert (site.migrate(image_root=root)["changed"], len(ways)) == (False, 1)
    (site.home / "now").unlink()
    (site.home / "now").symlink_to("v2")
    assert site.migrate(image_root=root)["sha256_after"] != first["sha256_after"]


def test_another_root_is_seen(site, ways):
    for number, name in enumerate(("v1", "v2")):
        draw(site.home / name / "x.png", number)
    site.age()
    site.write({"components": [{"image": "x.png"}]})
    results = [site.migrate(image_root=str(site.home / name)) for name in ("v1", "v2", "v2")]
    assert [each["changed"] for each in results] == [True, True, False]
    assert ways == ["long", "long"]


OPTIONS = [
    {"confidence_threshold": 0.99},
    {"max_pixels": 100},
    {"image_key": "id"},
    {"items": ["components[]"]},
    {"image_timeout": 1.0},
    {"rehash": "all"},
    {"rehash": "missing"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: next(iter(options)))
def test_other_options_take_the_long_path(settled, ways, monkeypatch, options):
    short, long = both(settled, monkeypatch, **options)
    assert ways == ["long", "long"]
    assert timeless(short) == timeless(long)


def test_options_without_effect_on_the_outcome_take_the_short_path(settled, ways):
    settled.migrate(workers=2, max_failure_rate=63, items=[])
    assert ways == []


def test_too_many_failures_fail_each_time(settled, ways):
    for _unused in range(2):
        with pytest.raises(MobiusError, match="10 of 16 pictures could not be hashed"):
            settled.migrate(max_failure_rate=5)
    assert len(ways) == 2


@pytest.mark.parametrize("name", ["GENERATION", "pillow", "VERSION"])
def test_another_program_takes_the_long_path(settled, ways, monkeypatch, name):
    if name == "pillow":
        monkeypatch.setattr(apply, "versions", lambda: {"pillow": "1.0", "imagehash": "4.3.2"})
    elif name == "VERSION":
        monkeypatch.setattr(last_run, name, "0.9.9")
    else:
        monkeypatch.setattr(block, name, 99)
    settled.migrate()
    assert ways == ["long"]


def test_the_warning_about_another_pillow_stays(settled, ways, monkeypatch):
    monkeypatch.setattr(apply, "versions", lambda: {"pillow": "1.0", "imagehash": "4.3.2"})
    reported = [settled.migrate() for _unused in range(3)]
    assert [each["warnings"] for each in reported] == [reported[0]["warnings"]] * 3
    assert "made with Pillow" in reported[0]["warnings"][0]
    assert [each["hashed"] for each in reported] == [6, 0, 0]
    assert ways == ["long"]


def test_without_the_index_all_is_hashed_again(settled, ways):
    index = settled.state / "pictures.sqlite"
    data = index.read_bytes()
    index.unlink()
    assert settled.migrate()["hashed"] == 6
    index.write_bytes(data)
    assert (settled.migrate()["hashed"], ways) == (0, ["long", "long"])


def test_an_index_left_with_a_journal_is_opened(settled, ways):
    journal = settled.state / "pictures.sqlite-journal"
    journal.write_bytes(b"left by a run that was killed")
    settled.migrate()
    assert ways == ["long"]


def test_a_run_stopped_while_comparing_does_not_start_hashing(settled, ways, monkeypatch):
    update = apply.Progress.update

    def stopped(self, tally, phase=apply.COMPARING):
        (settled.state / "progress.stop").touch()
        self._written = self._heard = -1e9
        update(self, tally, phase)

    monkeypatch.setattr(apply.Progress, "update", stopped)
    with pytest.raises(MobiusError, match="was canceled by"):
        apply.migrate(Options(str(settled.library), workers=1, max_failure_rate=100), idle_timeout=60)
    assert ways == []


def test_pictures_to_hash_again_have_no_short_path(site, ways):
    images = site.pictures(2)
    site.write({"components": [{"image": image} for image in images]})
    draw(site.home / images[0], 5)
    os.utime(site.home / images[0], (4e9, 4e9))
    site.migrate(max_pixels=100)
    site.migrate(max_pixels=100)
    assert not (site.state / last_run.NAME).exists()
    assert ways == ["long", "long"]


def test_a_picture_replaced_while_it_is_hashed_is_seen_by_the_next_run(site, ways, monkeypatch):
    images = site.pictures(3)
    site.write({"components": [{"image": image} for image in images]})
    heard = apply.Survey._heard

    def late(self, outcome):
        entries = heard(self, outcome)
        if self.tally.hashed == 3:
            draw(site.home / images[0], 50)
        return entries

    monkeypatch.setattr(apply.Survey, "_heard", late)
    site.migrate()
    monkeypatch.setattr(apply.Survey, "_heard", heard)
    site.age()
    assert site.migrate()["changed"] is True
    assert ways == ["long", "long"]


def test_the_state_is_adopted_on_the_short_path_too(settled, ways):
    known = read_current(str(settled.library))
    (settled.state / "current.json").unlink()
    settled.migrate(deployment="d-9")
    assert ways == []
    current = read_current(str(settled.library))
    assert current["deployment"] == "d-9"
    for name in ("sha256", "items", "with_dhash", "metrics", "versions", "migrated_at"):
        assert current[name] == known[name], name


def test_an_output_is_written_on_the_short_path_too(settled, tmp_path, monkeypatch):
    monkeypatch.setattr(block, "timestamp", lambda: "2031-01-01T00:00:00Z")
    assert settled.migrate(output=tmp_path / "out.json")["changed"] is True
    assert (tmp_path / "out.json").read_bytes() == settled.library.read_bytes()


def test_many_items_of_few_pictures_and_odd_names(site, ways):
    site.pictures(2)
    names = [
        "images/0.png",
        "images/../images/1.png",
        "images//0.png",
        "/images/1.png",
        str(site.home / "images/0.png"),
    ]
    odd = os.fsdecode(b"images/\xff \xc3\xbc\n.png")
    draw(site.home / odd, 3)
    site.age()
    site.write({"components": [{"image": name} for name in [*names, odd] * 3000]})
    site.migrate()
    assert (site.migrate()["unchanged"], len(ways)) == (18_000, 1)
    assert (site.state / last_run.NAME).stat().st_size < 5000
    draw(site.home / odd, 4)
    site.age()
    assert site.migrate()["changed_items"] == 3000


@pytest.mark.parametrize("year", [1900, 2200, 2300, 2440])
def test_a_picture_from_any_year_does_not_fail_the_run(site, ways, year):
    image = site.home / site.pictures(1)[0]
    seconds = (year - 1970) * 31_556_952
    try:
        os.utime(image, (seconds, seconds))
    except OSError:
        pytest.skip("this file system knows no such year")
    site.age()
    site.write({"components": [{"image": "images/0.png"}]})
    assert site.migrate()["hashed"] == 1
    assert (site.migrate()["unchanged"], len(ways)) == (1, 1)
    os.utime(image, (seconds + 1, seconds + 1))
    site.migrate()
    assert len(ways) == 2


def test_modes(settled):
    assert (settled.state / last_run.NAME).stat().st_mode & 0o777 == 0o640
    assert not list(settled.state.glob("*.tmp"))
