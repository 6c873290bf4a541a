"""From a library to a verified dHash library, and back."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request

import imagehash
from PIL import Image

TOLERANT = {"mobius_max_failure_rate": 30}


def fetch(site, path: str):
    with urllib.request.urlopen(f"http://127.0.0.1:{site.port}{path}", timeout=5) as answer:
        return json.load(answer)


def test_there_and_back_again(site):
    before = site.library.read_bytes()
    first = site.play("deploy", **TOLERANT).succeeded()
    assert first.changed > 0
    deployed = site.library.read_bytes()

    for item in site.items():
        path = site.home / item["image"]
        if item["image"] in ("images/torn.png", "images/gone.png"):
            assert "dhash" not in item
            assert item["dhash_confidence"] == 0
            assert item["dhash_reasons"]
        else:
            with Image.open(path) as image:
                assert item["dhash"] == str(imagehash.dhash(image))

    assert fetch(site, "/health")["status"] == "healthy"
    metrics = fetch(site, "/metrics/dhash")
    assert metrics["low_confidence_queue_length"] == 2
    assert metrics["extraction_failures_rate"] == 25
    assert 0 < metrics["avg_hash_time"] <= metrics["p95_hash_time"]

    (backup,) = (site.home / "backups").glob("library.json.bak.*Z")
    assert backup.read_bytes() == before
    subprocess.run(["sha256sum", "-c", f"backups/{backup.name}.sha256"], cwd=site.home, check=True)
    assert backup.stat().st_mode & 0o777 == 0o640

    second = site.play("deploy", **TOLERANT).succeeded()
    assert second.changed == 0, second.output
    assert site.library.read_bytes() == deployed
    assert "Nothing to do" in second.output
    report = json.loads(max((site.home / "logs").glob("deployment-*.json")).read_text())
    done = [(step["event"], step["outcome"]) for step in report["timeline"]]
    assert done[-4:] == [("dry-run", "ok"), ("migrate", "ok"), ("verify", "ok"), ("health", "ok")], done

    back = site.play("rollback").succeeded()
    assert back.changed > 0
    assert site.library.read_bytes() == before
    assert fetch(site, "/health")["status"] == "healthy"

    again = site.play("rollback").succeeded()
    assert again.changed == 0, again.output
    assert "Nothing to roll back" in again.output
    assert site.library.read_bytes() == before

    (snapshot,) = (path for path in (site.home / "backups").glob("library.json.pre-restore.*Z"))
    site.play("rollback", mobius_backup=str(snapshot)).succeeded()
    assert site.library.read_bytes() == deployed


def test_check_mode_predicts_and_writes_nothing(site):
    before = site.tree()
    check = site.play("migrate", "--check", "--diff", **TOLERANT).succeeded()
    assert site.tree() == before
    assert re.search(r"^\+/components/0: dhash=[0-9a-f]{16} dhash_confidence=", check.output, re.MULTILINE), (
        check.output
    )
    whole = site.play("deploy", "--check", **TOLERANT).succeeded()
    assert site.tree() == before, whole.output
    assert site.play("migrate", **TOLERANT).succeeded().changed == check.changed


def test_single_steps(site):
    before = site.library.read_bytes()
    assert site.play("backup").succeeded().changed == 1
    assert site.play("backup").succeeded().changed == 0
    site.play("dry_run", **TOLERANT).succeeded()
    report = json.loads((site.home / "migrate-dryrun.json").read_text())
    assert report["item_count"] == 8
    assert report["projected_seconds"] > 0
    assert site.library.read_bytes() == before
    assert site.play("migrate", **TOLERANT).succeeded().changed == 1
    site.play("verify").succeeded()
    listing = site.play("backups").succeeded()
    assert "library.json.bak." in listing.output
    for day in (1, 2):
        log = site.home / "logs" / f"dry-run-2024010{day}T120000Z.log"
        log.write_text(f"2024-01-0{day}T12:00:00Z dry-run of {site.library}\n")
    (site.home / "logs" / "dry-run-20240101T000000Z.log").write_text("somebody else's")
    before = site.tree()
    old = {"mobius_backup_keep_days": "0", "mobius_log_keep_last": "2"}
    predicted = site.play("cleanup", "--check", **old).succeeded()
    assert site.tree() == before
    cleaned = site.play("cleanup", **old).succeeded()
    assert set(before) - set(site.tree()) == {"logs/dry-run-20240101T120000Z.log"}
    for run, name in ((predicted, "would go"), (cleaned, "removed")):
        assert run.changed == 1
        assert f"{name:13}{site.home}/logs/dry-run-20240101T120000Z.log: older than 30 days" in run.output
        assert "it does not begin as the log of a dry-run does: not removed" in run.output
    hook = site.home.parent / "upload.yml"
    copy = {"src": "{{ mobius_review_file }}", "dest": f"{hook}.{{{{ mobius_review_count }}}}", "remote_src": True}
    hook.write_text(json.dumps([{"ansible.builtin.copy": copy}]))
    for form in ("html", "csv", "json"):
        site.play("review_export", mobius_review_format=form, mobius_review_hook=str(hook)).succeeded()
        assert "gone.png" in (site.home / f"review.{form}").read_text()
    (uploaded,) = hook.parent.glob("upload.yml.*")
    assert uploaded.read_bytes() == (site.home / "review.json").read_bytes()


def test_strings_from_extra_vars_are_understood(site):
    strings = {
        "mobius_max_failure_rate": "30",
        "mobius_workers": "1",
        "mobius_confirm": "false",
        "mobius_lock_break": "no",
        "mobius_lock_ttl": "60",
        "mobius_confidence_threshold": "0.7",
        "mobius_image_timeout": "20.5",
        "mobius_max_pixels": "1000000",
        "mobius_dry_run_sample": "3",
        "mobius_verify_sample": "2",
        "mobius_items": "components[],games[]",
        "mobius_backup_dir": "",
        "mobius_log_dir": "",
        "mobius_schema": "",
        "mobius_backup_keep_days": "7",
        "mobius_backup_keep_last": "1",
        "mobius_restart_command": f"touch '{site.home}/restarted by a text'",
    }
    site.play("deploy", mobius_service_enabled="false", mobius_health_check="False", **strings).succeeded()
    assert sum("dhash" in item for item in site.items()) == 6
    assert (site.home / "restarted by a text").exists()
    assert (site.home / "backups").is_dir() and (site.home / "logs").is_dir()
