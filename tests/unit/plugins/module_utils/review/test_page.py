from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.pages.frame import BASE_STYLE as STYLE
from ansible_collections.mobius.dhash.plugins.module_utils.review.page import Facts, as_html
from ansible_collections.mobius.dhash.plugins.module_utils.review.queue import build
from ansible_collections.mobius.dhash.plugins.module_utils.review.reasons import REASONS

FACTS = Facts("library.json", 0.7, "Migrated with Pillow 12.3.0.", [])
DECIDES = FACTS._replace(sha256="a" * 64)
URI = "data:image/webp;base64,UklGRg=="
VOID = {"meta", "input", "img", "path", "rect", "circle", "br"}


class Reader(HTMLParser):
    """Tags in order, checked for balance, and the text outside of the style."""

    def __init__(self, data: bytes):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(data.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs))
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def queue_of(*items):
    return build([(f"/components/{n}", {"image": "a.png", **each}) for n, each in enumerate(items)], "image")


HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>' onload='x",
    "</style></table></body>",
    "<!-- --> <![CDATA[ ]]> &amp; &lt;",
    "\x1b[31m\u202egnp.exe\x00",
    "{{ lookup('pipe', 'id') }}",
    "x" * 10_240,
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_the_library_is_shown_as_text(text):
    plain = queue_of({"name": "n", "id": "i", "dhash_confidence": 0, "dhash_reasons": ["r"]})
    member = {"name": text, "id": text, "image": text, "dhash_confidence": 0, "dhash_reasons": [text]}
    page = as_html(queue_of(member), FACTS._replace(library=text, made_with=text, notes=[text]), [URI], 9)
    same = as_html(plain, FACTS._replace(made_with="m", notes=["n"]), [URI], 9)
    assert [tag for tag, _unused in Reader(page).tags] == [tag for tag, _unused in Reader(same).tags]
    assert [set(attrs) for _unused, attrs in Reader(page).tags] == [set(attrs) for _unused, attrs in Reader(same).tags]
    assert all(character == "\n" or character.isprintable() for character in page.decode("utf-8"))
    if text.startswith("<script>"):
        assert text in Reader(page).text
    assert len(page) < 40_000


@pytest.mark.parametrize("text", HOSTILE)
def test_the_script_is_given_the_texts_as_they_are(text):
    page = Reader(as_html(queue_of({"image": text, "dhash_confidence": 0}), DECIDES._replace(library=text), None, 9))
    (item,) = [json.loads(tag["data-item"]) for tag in page.all("tr") if "data-item" in tag]
    assert item == {"pointer": "/components/0", "dhash": None, "image": text if len(text) < 1000 else None}
    assert [json.loads(tag["data-library"]) for tag in page.all("main")] == [{"name": text[:200], "sha256": "a" * 64}]
    assert len(page.all("script")) == 1


def test_a_page_to_decide_on_allows_its_own_script_alone():
    page = as_html(queue_of({"dhash_confidence": 0}), DECIDES, None, 9)
    script = re.search(rb"<script>(.*?)</script>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    (policy,) = [meta["content"] for meta in Reader(page).all("meta") if meta.get("http-equiv")]
    assert f"script-src 'sha256-{digest}'" in policy.split("; ") and "unsafe" not in policy
    assert not re.search(rb"<link|style=|https?://|@import|url\(| on[a-z]+=", page)


def test_an_earlier_decision_is_shown_and_a_settled_item_is_not():
    review = {"decision": "wrong_picture", "by": "<i>Ann", "at": "2026-01-02T03:04:05Z", "comment": "an & orc"}
    settled = {**review, "decision": "accept"}
    queue = queue_of(*({"dhash_confidence": 0.1, "dhash_review": each} for each in (review, settled, "mine")))
    page = Reader(as_html(queue, FACTS, None, 9))
    assert (len(queue.entries), queue.settled) == (2, 1)
    assert "Reviewed: wrong picture" in page.text and "by <i>Ann, 2026-01-02T03:04:05Z: an & orc" in page.text


def test_the_policy_allows_this_style_and_nothing_else():
    page = as_html(queue_of({"dhash_confidence": 0, "dhash_reasons": ["flat"]}), FACTS, [URI], 9)
    style = re.search(rb"<style>(.*?)</style>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    (policy,) = [meta["content"] for meta in Reader(page).all("meta") if meta.get("http-equiv")]
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{digest}'",
        "script-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert not re.search(rb"<script|<link|style=|https?://|@import|url\(", page)


def test_the_page_is_accessible():
    members = [{"name": "Die", "dhash_confidence": 0.1, "dhash_reasons": [code]} for code in REASONS]
    reader = Reader(as_html(queue_of(*members), FACTS, [URI] * len(members), 99))
    assert reader.all("html") == [{"lang": "en"}]
    assert len(reader.all("h1")) == 1 and len(reader.all("title")) == 1
    assert len(reader.all("caption")) == len(reader.all("table")) == 2
    assert {image["alt"] for image in reader.all("img")} == {"Picture of Die"}
    ids = [attrs["id"] for _unused, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {label["for"] for label in reader.all("label")} == {field["id"] for field in reader.all("input")} <= set(ids)
    assert {section["aria-labelledby"] for section in reader.all("section")} <= set(ids)
    assert all(head.get("scope") for head in reader.all("th"))


def test_each_filter_has_its_rule_and_its_rows():
    members = [{"dhash_confidence": 0, "dhash_reasons": reasons} for reasons in (["flat"], ["flat", "tiny"], [])]
    page = as_html(queue_of(*members), FACTS, None, 9)
    rows = [tag["class"].split() for tag in Reader(page).all("tr") if "class" in tag]
    assert rows == [["r0"], ["r0", "r1"], []]
    for name in ("r0", "r1"):
        assert f"main:has(#{name}:checked) .queue tbody tr:not(.{name})".encode() in page
    assert "Flat picture 2" in Reader(page).text and "Tiny picture 1" in Reader(page).text


def test_a_long_queue_is_truncated_with_a_note():
    queue = queue_of(*({"dhash_confidence": 0.1, "name": f"n{n}"} for n in range(30)))
    page = Reader(as_html(queue, FACTS, None, 20))
    assert "These are the first 20 of 30" in page.text and "30 items of 30 need review" in page.text
    assert "n19" in page.text and "n20" not in page.text
    assert "These are the first" not in Reader(as_html(queue, FACTS, None, 30)).text


def test_many_reasons_do_not_bloat_the_page():
    queue = queue_of(*({"dhash_confidence": 0.1, "dhash_reasons": [f"r{n}-{m}" for m in range(9)]} for n in range(99)))
    assert len(Reader(as_html(queue, FACTS, None, 99)).all("input")) == 26


def test_nothing_to_review_is_not_nothing_migrated():
    assert "Nothing to review" in Reader(as_html(queue_of({"dhash_confidence": 1}), FACTS, None, 9)).text
    unmigrated = Reader(as_html(queue_of({}, {}), FACTS, None, 9)).text
    assert "Nothing to review" not in unmigrated and "No item of this library has been migrated" in unmigrated


def test_the_bits_of_the_dhash_are_drawn():
    queue = queue_of({"dhash_confidence": 0.1, "dhash": "8000000000000001"})
    paths = [path["d"] for path in Reader(as_html(queue, FACTS, None, 9)).all("path")]
    assert paths == ["M0 0h1v1h-1zM7 7h1v1h-1z"]


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(scheme):
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for ground in ("ground", "sheet", "tint"):
        for text in ("ink", "soft", "none", "low", "near", "accent"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
