"""A broken library is backed up, marked, and restored only on request."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.prune import Rules, prune
from ansible_collections.mobius.dhash.plugins.module_utils.backups.report import info
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.backups.validity import problem_of
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.tests.support.deployed import A, B, deploy
from ansible_collections.mobius.dhash.tests.support.planted import plant

BROKEN = {
    "empty": b"",
    "blank": b" \n\t\n",
    "byte order mark only": b"\xef\xbb\xbf",
    "byte order mark and blanks": b"\xef\xbb\xbf  \n",
    "cut off": b'{"components": [{"image": "a.p',
    "cut off after a value": b'{"components": [{"image": "a.png"}',
    "NUL bytes": bytes(4096),
    "cut off, then NUL bytes": b'{"components": [' + bytes(100),
    "two documents": b"{}{}",
    "trailing text": b"{} x",
    "not UTF-8": b'{"name": "M\xfcller"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "NaN": b'{"a": NaN}',
    "trailing comma": b'{"a": [1,]}',
    "comment": b'{"a": 1} // x',
    "single quotes": b"{'a': 1}",
    "a number": b"12",
    "a string": b'"text"',
    "null": b"null",
    "HTML": b"<!DOCTYPE html><html></html>",
    "a merge conflict": b'{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> x\n}',
    "gzip": b"\x1f\x8b\x08\x00abc",
    "blanks of a block, then a number": b" " * 70_000 + b"12",
    "blanks only, of more than a block": b"\n" * 70_000,
    "two byte order marks": b"\xef\xbb\xbf" * 2 + b"{}",
    "half a byte order mark": b"\xef\xbb{}",
    "a byte order mark at the end": b"{}\xef\xbb\xbf",
    "a no-break space": "\u00a0{}".encode(),
    "form feed": b"\x0c{}",
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "a NUL byte at the end": b"{}\0",
    "a NUL byte in a string": b'{"a": "\0"}',
    "NUL bytes after a block": b'{"a": "' + b"x" * 70_000 + b'"' + bytes(50),
    "text after many blanks": b"{}" + b" " * 70_000 + b"x",
    "JSON lines": b'{"a": 1}\n{"a": 2}\n',
    "JSON text sequence": b'\x1e{"a": 1}\n',
    "base64": b"eyJhIjogMX0=",
    "bzip2": b"BZh91AY&SY",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n",
    "an error of curl": b"curl: (22) The requested URL returned error: 404",
    "YAML": b"---\ncomponents:\n- image: a.png\n",
    "XML": b'<?xml version="1.0"?><a/>',
    "a cut escape": b'{"a": "\\',
    "a cut surrogate pair": b'{"a": "\\ud83d',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "EBCDIC": '{"a":1}'.encode("cp500"),
}
SOUND = {
    "object": b"{}",
    "list": b"[]",
    "byte order mark": b"\xef\xbb\xbf{}",
    "byte order mark and blanks": b"\xef\xbb\xbf\n {}\n",
    "a key twice, which readers take": b'{"a": 1, "a": 2}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "deep": b"[" * 600 + b"]" * 600,
    "blanks of a block, then an object": b" \r\n\t" * 20_000 + b"{}",
    "a number of many digits": b"[1" + b"0" * 5_000 + b"]",
    "a number beyond a double": b"[1e400]",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_library_is_marked_and_never_chosen(library: Path, name: str) -> None:
    create_backup(str(library))
    library.write_bytes(BROKEN[name])
    result = create_backup(str(library))
    assert (result["changed"], result["backup"]["verified"], result["backup"]["valid"]) == (True, True, False)
    assert result["backup"]["problem"]
    assert "is marked as invalid" in result["warnings"][0]
    made = Path(result["backup"]["path"])
    assert made.read_bytes() == BROKEN[name]
    command = ["sha256sum", "--strict", "-c", f"backups/{made.name}.sha256"]
    assert subprocess.run(command, cwd=library.parent, capture_output=True, check=True).stderr == b""
    assert json.loads(Path(f"{made}.meta").read_text())["valid"] is False
    for wanted in ("latest", "deployment"):
        library.write_bytes(b"gone bad")
        back = restore(str(library), None, wanted)
        assert library.read_bytes() == A
        if wanted == "latest":
            assert any(f"the library in {made} is not valid" in text for text in back["warnings"])
    back = restore(str(library), None, made.name)
    assert library.read_bytes() == BROKEN[name]
    assert any("is not valid" in text for text in back["warnings"])


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_library_is_chosen(library: Path, name: str) -> None:
    create_backup(str(library))
    library.write_bytes(SOUND[name])
    result = create_backup(str(library))
    assert (result["backup"]["valid"], result["backup"]["problem"], result["warnings"]) == (True, "", [])
    library.write_bytes(b"")
    restore(str(library), None, "latest")
    assert library.read_bytes() == SOUND[name]


@pytest.mark.parametrize("name", BROKEN)
def test_backups_of_older_versions_are_judged_when_needed(library: Path, name: str) -> None:
    plant(library, B, days=2)
    plant(library, BROKEN[name], days=1)
    restore(str(library), None, "latest")
    assert library.read_bytes() == B


def test_a_second_backup_repeats_the_warning_and_creates_nothing(library: Path) -> None:
    library.write_bytes(b"")
    assert create_backup(str(library))["changed"] is True
    again = create_backup(str(library))
    assert again["changed"] is False
    assert "is not valid: it is empty (0 bytes)" in again["warnings"][0]
    assert create_backup(str(library), check_mode=True)["warnings"] == again["warnings"]


def test_check_mode_gives_the_same_warning_and_writes_nothing(library: Path) -> None:
    library.write_bytes(b"{")
    before = sorted(library.parent.rglob("*"))
    predicted = create_backup(str(library), check_mode=True)
    assert predicted["backup"]["valid"] is False
    assert sorted(library.parent.rglob("*")) == before
    assert create_backup(str(library))["warnings"] == predicted["warnings"], "the same file name within the same second"


def test_pruning_keeps_the_newest_valid_one_however_old(library: Path) -> None:
    good = plant(library, A, days=90)
    older = plant(library, B, days=100)
    for days in (30, 20, 10, 1):
        plant(library, b'{"cut": %d' % days, days=days)
    result = prune(str(library), rules=Rules())
    assert good.exists()
    assert str(older) in [each["path"] for each in result["removed"]]
    library.write_bytes(b"")
    restore(str(library), None, "latest")
    assert library.read_bytes() == A


def test_where_none_is_valid_the_newest_that_verifies_stays(library: Path) -> None:
    paths = [plant(library, b"[%d" % days, days=days) for days in (10, 20, 30)]
    prune(str(library), rules=Rules())
    assert [each.exists() for each in paths] == [True, False, False]
    with pytest.raises(MobiusError, match="no backup that verifies and can be used"):
        restore(str(library), None, "latest")


def test_the_deployments_own_backup_may_not_be_broken(library: Path) -> None:
    library.write_bytes(b'{"v": ')
    deploy(library, B, "1")
    with pytest.raises(MobiusError, match="before the last deployment is not valid") as error:
        restore(str(library), None, "deployment")
    assert "-e mobius_backup=" in str(error.value)
    assert library.read_bytes() == B


def test_a_mark_of_other_bytes_does_not_count(library: Path) -> None:
    made = create_backup(str(library))["backup"]["path"]
    meta = Path(f"{made}.meta")
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "sha256": "0" * 64, "valid": False}))
    assert list_backups(str(library))[0].problem is None
    library.write_bytes(b"")
    restore(str(library), None, "latest")
    assert library.read_bytes() == A


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"sha256": 3}', b"\xff\xfe", b"null"])
def test_an_unreadable_sidecar_is_ignored(library: Path, content: bytes) -> None:
    made = create_backup(str(library))["backup"]["path"]
    Path(f"{made}.meta").write_bytes(content)
    library.write_bytes(b"")
    restore(str(library), None, "latest")
    assert library.read_bytes() == A


def test_the_list_marks_an_invalid_backup(library: Path) -> None:
    create_backup(str(library))
    library.write_bytes(b"")
    create_backup(str(library))
    newest, older = info(str(library))["backups"]
    assert "NOT A VALID LIBRARY: it is empty (0 bytes)" in newest["line"]
    assert "NOT" not in older["line"]


def test_orphans_are_removed_with_their_backup(library: Path) -> None:
    plant(library, B, days=1)
    made = Path(create_backup(str(library))["backup"]["path"])
    made.unlink()
    prune(str(library), rules=Rules())
    assert [each.name for each in made.parent.iterdir() if made.name in each.name] == []


def test_a_large_library_is_read_in_little_memory(library: Path) -> None:
    library.write_bytes(b"[" + b'{"image": "a.png"},' * 100_000 + b"{}]")
    assert problem_of(str(library)) == ""
    library.write_bytes(library.read_bytes()[:-1])
    assert "it is not valid JSON, line 1" in problem_of(str(library))
