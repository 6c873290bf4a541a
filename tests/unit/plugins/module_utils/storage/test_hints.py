"""References to missing files: which file is meant, whatever is wrong with the reference."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.migration.locate import Refusal, locate
from ansible_collections.mobius.dhash.plugins.module_utils.storage.images import ImageRoot

NFD = unicodedata.normalize("NFD", "Müller.png")
NAMES = [
    NFD,
    "plain.png",
    "a b.png",
    "sub/Deep/x.JPG",
    "odd/#1.png",
    "c&d.png",
    "no\u00a0break.png",
    "100%.png",
    "é.gif",
    "it\u2019s.png",
    "en\u2013dash.png",
    "\u0130stanbul.png",
]


@pytest.fixture
def root(tmp_path: Path) -> ImageRoot:
    folder = tmp_path / "srv" / "images"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/F\xfcr.png")).write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    (folder / "out").symlink_to(tmp_path)
    return ImageRoot(str(folder))


@pytest.mark.parametrize(
    ("reference", "meant", "why"),
    [
        ("Müller.png", NFD, "NFD on disk, NFC in the library"),
        ("M%C3%BCller.png", NFD, "percent-encoded; the Unicode form"),
        ("MÜLLER.PNG", NFD, "case"),
        (unicodedata.normalize("NFD", "é.gif"), "é.gif", "NFC on disk, NFD in the library"),
        ("PLAIN.PNG", "plain.png", "case"),
        ("Sub/deep/X.jpg", "sub/Deep/x.JPG", "case"),
        ("a%20b.png", "a b.png", "percent-encoded"),
        ("a+b.png", "a b.png", "plus signs"),
        ("100%25.png", "100%.png", "percent-encoded"),
        ("sub\\Deep\\x.JPG", "sub/Deep/x.JPG", "backslashes"),
        ("plain.png ", "plain.png", "blanks"),
        ("\tplain.png\r\n", "plain.png", "blanks"),
        ("sub /Deep/x.JPG", "sub/Deep/x.JPG", "blanks"),
        ("\ufeffplain.png", "plain.png", "blanks"),
        ("no break.png", "no\u00a0break.png", "look-alike"),
        ("pla\u200bin.png", "plain.png", "invisible"),
        ("plain.png?v=3", "plain.png", "query"),
        ("plain.png#top", "plain.png", "fragment"),
        ("odd/%231.png?v=1", "odd/#1.png", "query or fragment; it is percent-encoded"),
        ("c&amp;d.png", "c&d.png", "HTML"),
        ("plain.jpg", "plain.png", "extension"),
        ("sub/Deep/x.jpeg", "sub/Deep/x.JPG", "extension"),
        ("plain", "plain.png", "extension"),
        ("images/plain.png", "plain.png", 'no "images" in it'),
        ("/static/img/plain.PNG", "plain.png", 'no "static" in it; upper'),
        ("C:\\images\\plain.png", "plain.png", "another system"),
        ("Deep/x.JPG", "sub/Deep/x.JPG", "folder of the image root"),
        ("#1.png", "odd/#1.png", "folder of the image root"),
        ("Für.png", "F\\xfcr.png", "not UTF-8"),
        ("file://{root}/plain.jpg", "plain.png", "extension"),
        ("file:///old/place/plain.png", "plain.png", 'no "old" in it'),
        ("//Plain.png", "plain.png", "case"),
        ("plain.png&w=640&q=75", "plain.png", "query"),
        ("plain.png;v=3", "plain.png", "query"),
        ("plain.png.", "plain.png", "dot"),
        ("it's.png", "it\u2019s.png", "look-alike"),
        ("en-dash.png", "en\u2013dash.png", "look-alike"),
        ("en\u2014dash.png", "en\u2013dash.png", "look-alike"),
        ("istanbul.png", "\u0130stanbul.png", "look-alike"),
        ("none.png", None, ""),
        ("odd/plain.png", None, ""),
        ("SECRET.png", None, ""),
        ("out/SECRET.png", None, ""),
        ("../SECRET.png", None, ""),
    ],
)
def test_names_the_file_that_is_there(root: ImageRoot, reference: str, meant: str, why: str) -> None:
    found = locate(root, reference.format(root=root.names[0].rstrip("/")) if "{root}" in reference else reference)
    assert isinstance(found, Refusal)
    assert found.code in ("missing", "escapes-root")
    if meant is None:
        assert "exists" not in found.text
    else:
        assert f'but "{meant}" exists (' in found.text
        assert why in found.text


def test_the_case_of_a_file_url_is_a_picture(root: ImageRoot) -> None:
    for reference in ("plain.png", f"file://{root.names[0]}plain.png", "//plain.png"):
        found = locate(root, reference)
        assert not isinstance(found, Refusal)
        assert found.path == f"{root.names[1]}plain.png"


def test_an_empty_root_is_not_searched(tmp_path: Path) -> None:
    assert locate(ImageRoot(str(tmp_path)), "A.png") == Refusal("missing", "no such file")
