"""The dry run: its prediction has to match the migration, and it leaves nothing but its report and log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import Outcome
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration import dry_run as module
from ansible_collections.mobius.dhash.plugins.module_utils.migration import hashing
from ansible_collections.mobius.dhash.plugins.module_utils.migration.dry_run import dry_run
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from ansible_collections.mobius.dhash.plugins.module_utils.migration.projection import Sample, hashing_seconds
from ansible_collections.mobius.dhash.plugins.module_utils.migration.survey import Survey
from ansible_collections.mobius.dhash.plugins.modules.dhash_dry_run import RETURN
from ansible_collections.mobius.dhash.tests.support.site import draw


def look(site, check_mode=False, sample=200, **options):
    return dry_run(Options(str(site.library), workers=1, **options), sample=sample, check_mode=check_mode)


def test_a_sample_of_everything_predicts_exactly(varied):
    before = varied.tree()
    reported = look(varied)
    left = varied.tree()
    assert {name: left[name] for name in before} == before
    assert sorted(set(left) - set(before)) == [
        "logs",
        str(Path(reported["log"]).relative_to(varied.home)),
        "migrate-dryrun.json",
    ]
    done = varied.migrate()
    for name in ("item_count", "with_dhash", "failed_items", "without_picture", "low_confidence", "failures"):
        assert reported[name] == done[name], name
    assert reported["exact"]
    assert reported["would_change"] == done["changed_items"]
    assert reported["expected_failure_rate"] == done["metrics"]["extraction_failures_rate"]
    assert reported["would_fail"]
    assert reported["projected_seconds"] > 0
    after = look(varied)
    assert (after["to_hash"], after["would_change"], after["unchanged"]) == (0, 0, 6)


def test_what_is_returned_is_documented(varied):
    assert set(look(varied)) - {"changed", "warnings"} | {"pillow_heif"} == set(yaml.safe_load(RETURN))


def test_the_report_is_what_was_returned(varied):
    reported = look(varied)
    path = Path(reported["report"])
    assert path.stat().st_mode & 0o777 == 0o640
    report = json.loads(path.read_text())
    assert report == {name: reported[name] for name in report}
    assert report["library"] == str(varied.library)
    assert Path(reported["log"]).name.startswith("dry-run-")


def test_check_mode_writes_nothing_at_all(varied):
    before = varied.tree()
    reported = look(varied, check_mode=True)
    assert varied.tree() == before
    assert reported["log"] is None


def test_a_smaller_sample_is_reported_as_one(site):
    images = site.pictures(30)
    items = [{"image": image} for image in images] + [{"image": images[0], "dhash": "0123456789abcdef"}]
    (site.home / images[7]).write_text("no picture")
    site.write({"components": items + [{"image": "images/gone.png"}]})
    reported = look(site, sample=10)
    assert (reported["sampled"], reported["exact"], reported["to_hash"], reported["pictures_to_hash"]) == (
        10,
        False,
        31,
        30,
    )
    assert reported["bytes_to_read"] == sum((site.home / image).stat().st_size for image in images)
    assert reported["would_change"] + reported["may_change"] == 32
    assert reported["would_change"] >= 31
    assert reported["expected_failure_rate"] >= 100 / 32


def test_samples_are_evenly_spaced(site, monkeypatch):
    images = site.pictures(64)
    site.write({"components": [{"image": image} for image in images]})
    sampled = []
    real = Survey.hash_some

    def hash_some(self, groups, seconds):
        sampled.extend(group[0].number for group in groups)
        return real(self, groups, seconds)

    monkeypatch.setattr(Survey, "hash_some", hash_some)
    look(site, sample=8)
    assert sorted(sampled) == list(range(0, 64, 8))
    assert {number // 32 for number in sampled[:2]} == {0, 1}


def test_a_sample_that_takes_too_long_is_cut_short(site, monkeypatch):
    images = site.pictures(30)
    site.write({"components": [{"image": image} for image in images]})
    monkeypatch.setattr(f"{dry_run.__module__}._SAMPLE_SECONDS", 0.0)
    reported = look(site)
    assert (reported["sampled"], reported["exact"], reported["to_hash"]) == (0, False, 30)
    assert reported["would_change"] == 30


def test_what_a_sample_only_suggests_refuses_nothing(site):
    images = site.pictures(40)
    site.write({"components": [{"image": image} for image in images]})
    for number in (0, 4):
        (site.home / images[number]).write_text("no picture")
    reported = look(site, sample=10, max_failure_rate=10)
    assert (reported["sampled"], reported["failed_items"], reported["expected_failure_rate"]) == (10, 2, 20)
    assert (reported["would_fail"], reported["refusal"]) == (False, "")
    assert reported["lines"][1] == (
        "failures  20.00 % expected from a sample of 10, the limit is 10 %: EXCEEDED, THE MIGRATION MAY FAIL"
    )
    assert site.migrate(max_failure_rate=10)["failed_items"] == 2


def test_what_is_certain_refuses_in_the_words_of_the_migration(site):
    images = site.pictures(9)
    site.write({"components": [{"image": image} for image in [*images, "images/gone.png"]]})
    reported = look(site, sample=1, max_failure_rate=9)
    assert reported["would_fail"] and not reported["exact"]
    with pytest.raises(MobiusError) as caught:
        site.migrate(max_failure_rate=9)
    assert caught.value.what == reported["refusal"]
    assert not look(site, sample=1, max_failure_rate=10)["would_fail"]


@pytest.mark.parametrize(("reason", "certain"), [("timeout", False), ("out-of-memory", False), ("broken", True)])
def test_what_the_next_try_may_not_meet_refuses_nothing(site, monkeypatch, reason, certain):
    images = site.pictures(4)
    site.write({"components": [{"image": image} for image in images]})

    def hash_all(tasks, **_unused):
        return (Outcome(key, None, 0.0, (reason,), "not this time", 0.1) for key, _path in tasks)

    monkeypatch.setattr(hashing, "hash_all", hash_all)
    reported = look(site)
    assert (reported["expected_failure_rate"], reported["failed_items"], reported["would_fail"]) == (100, 4, certain)


def test_it_is_reported_in_lines(varied):
    reported = look(varied, max_failure_rate=70)
    items, failures, time, report = reported["lines"]
    assert items.startswith(f"items     {reported['item_count']}: {reported['to_hash']} to hash, 0 as before, ")
    assert failures.endswith("% expected, the limit is 70 %")
    assert (time, report) == ("time      about 1 s for the migration", f"report    {reported['report']}")
    assert "lines" not in json.loads(Path(reported["report"]).read_text())
    assert len(look(varied, check_mode=True)["lines"]) == 3


def test_what_the_migration_would_refuse_is_refused(site):
    site.write({"components": [{"picture": "x"}]})
    with pytest.raises(MobiusError, match="names a picture"):
        look(site)
    site.write('{"components": [}')
    with pytest.raises(MobiusError, match="line 1 column"):
        look(site)
    image, *_unused = site.pictures(1)
    site.write({"components": [{"image": image}], "dhash_migration": 1})
    with pytest.raises(MobiusError, match="did not write"):
        look(site)
    with pytest.raises(MobiusError, match="^Invalid sample"):
        look(site, sample=0)
    assert not (site.home / "migrate-dryrun.json").exists()


def test_the_projection_follows_size_and_count():
    samples = [Sample(size, 0.001 + size * 1e-6, False, 1, 1) for size in (1000, 2000, 4000)]
    assert hashing_seconds(samples, 100, 300_000, 1) == pytest.approx(0.1 + 0.3)
    assert hashing_seconds(samples, 100, 300_000, 2) == pytest.approx(0.2)
    same = [Sample(1000, 0.002, False, 1, 1)] * 3
    assert hashing_seconds(same, 10, 10_000, 4) == pytest.approx(0.005)
    falling = [Sample(1000, 0.003, False, 1, 1), Sample(9000, 0.001, False, 1, 1)]
    assert hashing_seconds(falling, 10, 50_000, 1) == pytest.approx(0.02)
    assert hashing_seconds([], 0, 0, 2) == 0


def test_nothing_to_do_is_reported_without_a_look_at_every_item(varied, monkeypatch):
    varied.migrate()
    known = look(varied)
    monkeypatch.setattr(module, "recall", lambda *_unused: None)
    looked = look(varied)
    for reported in (known, looked):
        for name in ("made_at", "projected_seconds", "log"):
            reported.pop(name)
    assert known == looked
    monkeypatch.undo()
    draw(varied.home / "images/0.png", 77)
    varied.age()
    assert look(varied)["to_hash"] == 2


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_report_overwrites_nothing_that_is_needed(varied, check_mode):
    backup = varied.migrate()["backup"]["path"]
    before = varied.tree()
    for report in (str(varied.library), backup, f"{backup}.sha256"):
        with pytest.raises(MobiusError, match="The report may not be"):
            dry_run(Options(str(varied.library), workers=1), report=report, check_mode=check_mode)
    assert varied.tree() == before
