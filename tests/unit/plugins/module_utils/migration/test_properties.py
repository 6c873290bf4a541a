"""Migrations of generated documents: stripping and restoring give the original, and a second run changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.tests.support.site import Site, draw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# `make properties` runs many more, and prints the number.
EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
_OWNED = re.compile(
    rb'\s*,\s*"(?:dhash|dhash_confidence|dhash_reasons)"\s*:\s*(?:"[^"]*"|[0-9.e-]+|\[[^\]]*\])|'
    rb'\s*,\s*"dhash_migration"\s*:\s*\{[^{}]*\}'
)
IMAGES = ["0.png", "1.png", "./0.png", "/1.png", "gone.png", "torn.png", "../up.png", "https://x/y.png", "", None, 7]

_names = st.text(max_size=8).filter(lambda name: name != "image" and not name.startswith("dhash"))
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)
_items = st.builds(
    lambda image, before, after: {**before, "image": image, **after},
    st.sampled_from(IMAGES),
    st.dictionaries(_names, _values, max_size=2),
    st.dictionaries(_names, _values, max_size=2),
)
_styles = st.sampled_from(
    [
        {"indent": 2},
        {"indent": "\t"},
        {"indent": 0},
        {"indent": None},
        {"separators": (",", ":")},
        {"indent": 4, "separators": (" ,", " : ")},
        {"indent": 1, "ensure_ascii": False},
    ]
)


@st.composite
def documents(draw_from: Any) -> bytes:
    """A library with at least one good picture."""
    others = draw_from(st.lists(_items, max_size=5))
    items: List[Any] = [*others, {"image": "0.png"}]
    around = draw_from(st.dictionaries(_names.filter(lambda name: name not in ("components", "games")), _values))
    shape = draw_from(st.sampled_from(["list", "components", "games"]))
    root: Any = items
    if shape == "components":
        root = {**around, "components": items}
    elif shape == "games":
        root = {**around, "games": [{"name": "a", "components": items}, {"name": "b", "components": []}]}
    text = json.dumps(root, **draw_from(_styles)) + draw_from(st.sampled_from(["", "\n", "\r\n", "  "]))
    return text.replace("\n", draw_from(st.sampled_from(["\n", "\r\n"]))).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("images")
    for number in range(2):
        draw(folder / f"{number}.png", number)
    (folder / "torn.png").write_bytes((folder / "0.png").read_bytes()[:99])
    yield folder


def kept(content: bytes, images: Path, check: Any) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        site = Site(home)
        site.library.write_bytes(content)
        assert site.migrate(image_root=str(images))["changed"]
        check(site)
    finally:
        shutil.rmtree(home)


whole = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@whole
@given(documents())
def test_migrate_then_strip_is_the_original(images: Path, content: bytes) -> None:
    def check(site: Site) -> None:
        after = site.library.read_bytes()
        assert after != content and _OWNED.sub(b"", after) == content

    kept(content, images, check)


@whole
@given(documents())
def test_migrate_then_restore_is_the_original(images: Path, content: bytes) -> None:
    def check(site: Site) -> None:
        assert restore(str(site.library), None, "deployment")["changed"]
        assert site.library.read_bytes() == content

    kept(content, images, check)


@whole
@given(documents())
def test_migrate_twice_is_once(images: Path, content: bytes) -> None:
    def check(site: Site) -> None:
        after = site.tree()
        assert not site.migrate(image_root=str(images))["changed"]
        again = site.tree()
        assert {name for name in again if "sqlite" not in name} == {name for name in after if "sqlite" not in name}
        assert again["library.json"] == after["library.json"]

    kept(content, images, check)
