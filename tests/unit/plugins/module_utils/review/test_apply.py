from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.library.compare import unexpected_changes
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import open_document
from ansible_collections.mobius.dhash.plugins.module_utils.library.fields import OWNED
from ansible_collections.mobius.dhash.plugins.module_utils.review import apply as module
from ansible_collections.mobius.dhash.plugins.module_utils.review.apply import Request, apply
from ansible_collections.mobius.dhash.plugins.module_utils.review.queue import build, reviewed_facts
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import Locked, acquire
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import read_current
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request as Verification
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import verify
from ansible_collections.mobius.dhash.tests.support.site import Site, draw
from PIL import Image

AT = "2026-01-02T03:04:05Z"


@pytest.fixture
def site(tmp_path):
    """A migrated library: three good pictures, two flat ones, one that is missing."""
    site = Site(tmp_path)
    names = site.pictures(3)
    for number in range(2):
        Image.new("RGB", (60, 60), (90, 90, 90 + number)).save(tmp_path / f"images/flat{number}.png")
    site.age()
    images = [*names, "images/flat0.png", "images/flat1.png", "images/gone.png"]
    site.write({"name": "x", "components": [{"id": n, "image": image, "note": "ä"} for n, image in enumerate(images)]})
    site.migrate(deployment="D1")
    return site


def entries(site):
    with open_document(str(site.library)) as document:
        return build(((item.pointer, item.value) for item in document.items()), "image").entries


def decisions(site, decision="accept", **members):
    rows = [
        {
            "pointer": entry.pointer,
            "dhash": entry.dhash,
            "image": entry.image,
            "decision": decision,
            "by": "Ann",
            "at": AT,
            **members,
        }
        for entry in entries(site)
    ]
    return {"format": "mobius.dhash/review-decisions", "version": 1, "decisions": rows}


def run(site, document, check_mode=False, **options):
    return apply(Request(str(site.library), json.dumps(document).encode(), **options), check_mode=check_mode)


def reviews(site):
    return [item.get("dhash_review") for item in site.read()["components"]]


def metrics(site):
    return read_current(str(site.library))["metrics"]


def test_accepted_items_leave_the_queue_and_nothing_else_changes(site):
    before = site.library.read_bytes()
    assert len(entries(site)) == 3 and metrics(site)["low_confidence_queue_length"] == 3
    result = run(site, decisions(site))
    assert (result["changed"], result["applied"], result["refused"]) == (True, 3, [])
    assert (result["queue_before"], result["low_confidence"]) == (3, 0)
    assert reviews(site)[3:] == [{"decision": "accept", "by": "Ann", "at": AT}] * 3 and reviews(site)[:3] == [None] * 3
    assert entries(site) == [] and metrics(site)["low_confidence_queue_length"] == 0
    text = site.library.read_text()
    added = ',\n      "dhash_review": {"decision": "accept", "by": "Ann", "at": "2026-01-02T03:04:05Z"}'
    assert text.count(added) == 3 and text.replace(added, "").encode() == before
    # The same file once more changes nothing: it speaks of the same dHashes.
    again = run(site, decisions_of(result, site))
    assert (again["changed"], again["applied"], again["unchanged"]) == (False, 0, 3)


def decisions_of(_result, site):
    items = site.read()["components"]
    rows = [
        {"pointer": f"/components/{n}", "dhash": reviewed_facts(item, "image")[0], **item["dhash_review"]}
        for n, item in enumerate(items)
        if "dhash_review" in item
    ]
    return {"format": "mobius.dhash/review-decisions", "version": 1, "decisions": rows}


def test_a_rollback_undoes_the_review_and_a_second_one_the_migration(site):
    migrated = site.library.read_bytes()
    measured = metrics(site)
    run(site, decisions(site))
    restore(str(site.library), backup="deployment")
    assert site.library.read_bytes() == migrated and len(entries(site)) == 3
    current = read_current(str(site.library))
    assert current["metrics"] == measured and current["status"] == "deployed" and current["deployment"] == "D1"
    restore(str(site.library), backup="deployment")
    assert "dhash" not in site.library.read_text()


def test_a_wrong_picture_stays_in_the_queue_with_its_mark(site):
    result = run(site, decisions(site, "wrong_picture", comment="that is an orc"))
    assert result["low_confidence"] == 3 and metrics(site)["low_confidence_queue_length"] == 3
    assert [entry.review.comment for entry in entries(site)] == ["that is an orc"] * 3
    assert run(site, decisions(site, "leave_out"))["low_confidence"] == 0


def test_a_migration_keeps_a_review_and_drops_it_with_its_dhash(site):
    run(site, decisions(site))
    assert site.migrate()["changed"] is False
    assert site.migrate(rehash="all")["metrics"]["low_confidence_queue_length"] == 0
    before = site.library.read_bytes()
    (site.home / "before.json").write_bytes(before)
    draw(site.home / "images/flat0.png", 77)
    draw(site.home / "images/gone.png", 78)
    site.age()
    result = site.migrate()
    assert result["changed_items"] == 2 and reviews(site)[3] is None and reviews(site)[5] is None
    assert reviews(site)[4]["decision"] == "accept" and result["low_confidence"] == 0
    assert unexpected_changes(str(site.home / "before.json"), str(site.library)) == []
    # A flat picture instead: its dHash changes again, and it is in the queue again.
    run(site, decisions(site))
    Image.new("RGB", (60, 60), (1, 2, 3)).save(site.home / "images/flat0.png")
    site.age()
    assert site.migrate()["low_confidence"] == 1 and len(entries(site)) == 1


def test_the_migrations_proof_refuses_a_review_that_changed_without_its_dhash(site):
    run(site, decisions(site))
    before = site.home / "before.json"
    before.write_bytes(site.library.read_bytes())
    for old, new in (("Ann", "Bob"), (', "at": "2026-01-02T03:04:05Z"}', "}")):
        site.library.write_text(before.read_text().replace(old, new))
        found = unexpected_changes(str(before), str(site.library))
        assert found and "dhash_review" in found[0]["message"]
        assert unexpected_changes(str(before), str(site.library), owned=OWNED) == []
    site.library.write_bytes(before.read_bytes())
    assert verify(Verification(str(site.library), against="deployment"))["valid"]


def test_a_members_name_that_no_review_wrote_is_left_alone(site):
    items = site.read()["components"]
    items[3]["dhash_review"] = "mine"
    site.write({"components": items})
    draw(site.home / "images/flat0.png", 5)
    site.age()
    site.migrate()
    assert reviews(site)[3] == "mine"
    assert "review" in [each["kind"] for each in verify(Verification(str(site.library)))["problems"]]


def test_stale_decisions_are_refused_one_by_one(site):
    document = decisions(site)
    rows = document["decisions"]
    first = next(row for row in rows if row["dhash"])
    first["dhash"] = "f" * 16
    rows[1 if rows[0] is first else 0]["image"] = "images/other.png"
    rows += [{**rows[2], "pointer": "/components/99"}, {**rows[2], "decision": "leave_out"}]
    result = run(site, document)
    assert result["applied"] == 1 and len(result["refused"]) == 4
    reasons = " / ".join(each["reason"] for each in result["refused"])
    for part in ("dHash has changed since, from ffffffffffffffff", "another image", "no such item", "earlier decision"):
        assert part in reasons
    assert sum("refused" in warning for warning in result["warnings"]) == 4


def test_not_one_that_fits_is_an_error_and_changes_nothing(site):
    before = site.library.read_bytes()
    document = decisions(site)
    for row in document["decisions"]:
        row["dhash"] = "f" * 16
    with pytest.raises(MobiusError, match="None of the 3 decisions fits"):
        run(site, document)
    assert site.library.read_bytes() == before


def test_the_reviewer_is_required(site):
    with pytest.raises(MobiusError, match="name the reviewer"):
        run(site, decisions(site, by=""))
    assert run(site, decisions(site, by=""), by="Bob")["applied"] == 3
    assert reviews(site)[3]["by"] == "Bob"


def test_check_mode_predicts_and_writes_nothing(site):
    before = {path: path.read_bytes() for path in site.home.rglob("*") if path.is_file()}
    predicted = run(site, decisions(site), check_mode=True)
    assert {path: path.read_bytes() for path in site.home.rglob("*") if path.is_file()} == before
    real = run(site, decisions(site))
    for name in ("changed", "applied", "refused", "queue_before", "low_confidence", "diff"):
        assert predicted[name] == real[name]
    assert 'dhash_review={"decision": "accept"' in real["diff"]["after"] and predicted["sha256_after"] is None


def test_a_held_library_is_left_alone(site):
    acquire(str(site.library), "other")
    for check_mode in (True, False):
        with pytest.raises(Locked):
            run(site, decisions(site), check_mode=check_mode)


def test_the_backup_holds_the_bytes_of_before(site):
    before = site.library.read_bytes()
    result = run(site, decisions(site))
    assert Path(result["backup"]["path"]).read_bytes() == before


def test_an_edit_during_the_review_is_not_overwritten(site, monkeypatch):
    document = decisions(site)
    replace = module.replace_whole

    def edited(path, write, **options):
        Path(path).write_bytes(Path(path).read_bytes() + b"\n")
        return replace(path, write, **options)

    monkeypatch.setattr(module, "replace_whole", edited)
    with pytest.raises(MobiusError):
        run(site, document)
    assert reviews(site) == [None] * 6 and read_current(str(site.library))["deployment"] == "D1"


def test_a_broken_edit_fails_the_proof_and_the_library_stays(site, monkeypatch):
    before = site.library.read_bytes()
    splices = module.member_splices
    broken = [
        lambda layout, name, value: splices(layout, name, {**value, "by": "x"}),
        lambda layout, name, value: splices(layout, "other", value),
        lambda layout, name, value: [],
    ]
    for each in broken:
        monkeypatch.setattr(module, "member_splices", each)
        with pytest.raises(MobiusError, match="failed its proof"):
            run(site, decisions(site))
        assert site.library.read_bytes() == before


@pytest.mark.parametrize(
    "style", [{"indent": None}, {"indent": None, "separators": (",", ":")}, {"indent": "\t"}, {"indent": 2}]
)
def test_every_style_keeps_its_form_and_hostile_text_stays_text(site, style):
    items = site.read()["components"]
    site.write(items, **style)
    before = site.library.read_text()
    hostile = '"}],{\\" <script> \u2028 =1+1'
    result = run(site, decisions(site, comment=hostile, by='A "B" \\'))
    assert result["applied"] == 3
    assert [each["comment"] for each in (item.get("dhash_review") for item in site.read()) if each] == [
        '"}],{\\" <script> \\u2028 =1+1'
    ] * 3
    restore(str(site.library), backup="deployment")
    assert site.library.read_text() == before


def test_a_library_that_was_never_deployed_by_us_can_be_reviewed(tmp_path):
    site = Site(tmp_path)
    item = {"image": "a.png", "dhash": "0f1e2d3c4b5a6978", "dhash_confidence": 0.2}
    before = site.write([item])
    assert run(site, decisions(site))["low_confidence"] == 0
    restore(str(site.library), backup="deployment")
    assert site.library.read_bytes() == before
