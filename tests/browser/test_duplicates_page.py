from __future__ import annotations

import json

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.find import find
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.model import Request
from conftest import draw

HASH, NEAR = "0f1e2d3c4b5a6978", "0f1e2d3c4b5a697b"
HOSTILE = ["<script>document.title='broken'</script>", '"><img src=x onerror=alert(1)>', "=1+1", "\x1b[31m\u202e"]


def page_of(folder, rows, **options):
    library = folder / "library.json"
    library.write_text(json.dumps([{"image": image, "dhash": dhash} for image, dhash in rows]))
    dest = folder / "duplicates.html"
    find(Request(str(library), distance=3, dest=str(dest), include_images=True, **options))
    return dest


@pytest.fixture
def page(tmp_path):
    names = [f"token-{n}.png" for n in range(4)]
    for name in names:
        draw(tmp_path / name, flat=False)
    rows = [(names[0], HASH), (names[1], HASH), (names[2], NEAR), (names[0], HASH), ("gone.png", NEAR)]
    return page_of(tmp_path, [*rows, ("flat.png", "0" * 16)], service_url="http://127.0.0.1:5001")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing(page, browser, scheme, width):
    browser.size(width, 900)
    browser.scheme(scheme)
    browser.open(page)
    assert browser.axe() == [] and browser.problems() == []
    assert browser.js("return document.documentElement.scrollWidth <= window.innerWidth")
    browser.shot(f"duplicates-{scheme}-{width}")
    link = browser.one(".tiles a").get_attribute("href")
    assert link == f"http://127.0.0.1:5001/similar?dhash={HASH}&distance=3"
    browser.js("document.getElementById('near').scrollIntoView()")
    browser.shot(f"duplicates-{scheme}-{width}-near")


def test_text_of_a_library_stays_text(tmp_path, browser):
    rows = [(text, HASH) for text in HOSTILE] + [(text + "x", "0" * 16) for text in HOSTILE]
    browser.open(page_of(tmp_path, rows))
    assert browser.driver.title == "Duplicates in library.json: 1 groups"
    assert browser.all("script, img, iframe") == [] and browser.problems() == []
    assert HOSTILE[0] in browser.one("main").text
