from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.evidence import keep_evidence
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.report import write_report
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError

TIMELINE = [{"at": "2026-01-01T00:00:00Z", "event": "start"}, {"at": "2026-01-01T00:00:05Z", "event": "rollback"}]


def test_a_value_cannot_forge_a_line_of_the_report(tmp_path):
    report = {"deployment": "a", "status": "failed", "reason": "x\nstatus: deployed\n2026-01-01T00:00:00Z  forged"}
    lines = Path(write_report(str(tmp_path), "deployment", report)["log"]).read_text().splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["deployment: a", "status: failed", "reason: x"]


def test_the_report_is_written_for_machines_and_people(tmp_path):
    os.umask(0)
    report = {"deployment": "20260101T000000Z-ab", "status": "deployed", "facts": {"items": 3}, "timeline": TIMELINE}
    written = write_report(str(tmp_path / "logs"), "deployment", report)
    assert json.loads(Path(written["report"]).read_text())["facts"] == {"items": 3}
    lines = Path(written["log"]).read_text().splitlines()
    assert "status: deployed" in lines
    assert lines[-1] == "2026-01-01T00:00:05Z  rollback"
    assert stat.S_IMODE(os.stat(written["log"]).st_mode) == 0o640
    assert stat.S_IMODE(os.stat(tmp_path / "logs").st_mode) == 0o750


def test_what_a_killed_run_left_of_a_report_goes_and_nothing_else(tmp_path):
    evidence = tmp_path / "evidence-20260101T000000Z-0a1b2c"
    elsewhere = tmp_path / "elsewhere"
    for folder in (evidence, elsewhere):
        folder.mkdir()
    (tmp_path / "evidence-link").symlink_to(elsewhere)
    ours = [
        tmp_path / ".deployment-20260101T000000Z-0a1b2c.json.0123456789ab.tmp",
        evidence / ".rejected-library.json.0123456789ab.tmp",
    ]
    others = [tmp_path / ".notes.json.0123456789ab.tmp", tmp_path / "deployment-1.json.0123456789ab.tmp"]
    others += [evidence / "rejected-library.json", elsewhere / ".a.0123456789ab.tmp"]
    fresh = tmp_path / ".rollback-2.log.0123456789ab.tmp"
    for path in (*ours, *others, fresh):
        path.touch()
    for path in (*ours, *others):
        os.utime(path, (0, 0))
    write_report(str(tmp_path), "deployment", {"deployment": "3"})
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in (*others, fresh))


def test_a_report_in_check_mode_writes_nothing(tmp_path):
    write_report(str(tmp_path / "logs"), "rollback", {"deployment": "x", "timeline": []}, check_mode=True)
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("bad", ["../x", "a/b", "", ".hidden", "a\nb"])
def test_an_id_that_would_leave_the_folder_is_refused(tmp_path, bad):
    with pytest.raises(MobiusError):
        write_report(str(tmp_path), "deployment", {"deployment": bad, "timeline": []})


def evidence(tmp_path, **more):
    library = tmp_path / "library.json"
    library.write_bytes(b'{"components": []}')
    return keep_evidence(
        str(library), str(tmp_path / "logs"), "id-1", failure={"message": "password=hunter2"}, timeline=TIMELINE, **more
    )


def test_evidence_holds_the_rejected_bytes_and_no_secret(tmp_path):
    log = tmp_path / "service.log"
    log.write_text("x" * 2_000_000 + "\nGET http://me:hunter2@host/\n")
    kept = evidence(tmp_path, samples=[{"status": 503}], logs=[str(log), str(tmp_path / "gone.log")])
    folder = tmp_path / "logs" / "evidence-id-1"
    assert kept["folder"] == str(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(kept["files"])
    assert (folder / "rejected-library.json").read_bytes() == b'{"components": []}'
    assert (folder / "service.log").stat().st_size <= 1_100_000
    assert not any(b"hunter2" in path.read_bytes() for path in folder.iterdir())


def test_a_library_that_is_too_large_is_named_not_copied(tmp_path):
    kept = evidence(tmp_path, samples=[], max_library_bytes=4)
    assert "rejected-library.json" not in kept["files"]
    assert "larger than 4 bytes" in (tmp_path / "logs" / "evidence-id-1" / "failure.json").read_text()


def test_evidence_keeps_other_texts_bounded_and_without_secrets(tmp_path):
    journal = "x" * 2_000_000 + "\nGET http://me:hunter2@host/\n"
    kept = evidence(tmp_path, samples=[], texts={"journal-unit.txt": journal})
    text = (tmp_path / "logs" / "evidence-id-1" / "journal-unit.txt").read_text()
    assert "journal-unit.txt" in kept["files"]
    assert len(text) <= 1_100_000
    assert text.endswith("GET http://***@host/\n")


def test_a_damaged_state_does_not_prevent_evidence(tmp_path):
    (tmp_path / ".library.json.dhash").mkdir()
    (tmp_path / ".library.json.dhash" / "current.json").write_text("{")
    evidence(tmp_path, samples=[])
    assert "is damaged" in (tmp_path / "logs" / "evidence-id-1" / "failure.json").read_text()
