"""A small library with real pictures, and what else may lie around in one."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply
from ansible_collections.mobius.dhash.tests.support.site import Site
from PIL import Image


@pytest.fixture
def site(tmp_path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def varied(site) -> Site:
    """Good pictures beside every kind of item that has none."""
    good = site.pictures(4)
    Image.new("RGB", (64, 64), "red").save(site.home / "images/flat.png")
    (site.home / "images/torn.png").write_bytes((site.home / good[0]).read_bytes()[:200])
    (site.home / "images/text.png").write_text("no picture")
    (site.home / "images/empty.png").touch()
    (site.home / "images/folder.png").mkdir()
    (site.home / "images/out.png").symlink_to("/etc/hostname")
    items = [{"id": number, "image": image} for number, image in enumerate(good)]
    items += [
        {"id": "absolute", "image": "/images/0.png"},
        {"id": "flat", "image": "images/flat.png", "dhash": None},
        {"id": "torn", "image": "images/torn.png", "dhash": "hash_torn_1758752108"},
        {"id": "text", "image": "images/text.png"},
        {"id": "empty file", "image": "images/empty.png"},
        {"id": "folder", "image": "images/folder.png"},
        {"id": "gone", "image": "images/gone.png", "dhash": "0123456789abcdef"},
        {"id": "up", "image": "../../../etc/hostname"},
        {"id": "link", "image": "images/out.png"},
        {"id": "remote", "image": "https://user:secret@example.org/x.png"},
        {"id": "none"},
        {"id": "null", "image": None},
        {"id": "blank", "image": ""},
        {"id": "number", "image": 7},
        {"id": "surrogate", "image": "images/\ud800.png"},
        {"id": "nul", "image": "images/a\0.png"},
    ]
    site.age()
    site.write({"version": 1, "components": items})
    return site


@pytest.fixture
def ways(monkeypatch):
    """What each run took: "long" where the library was walked."""
    taken = []
    survey = apply.Survey.run

    def walked(self):
        taken.append("long")
        return survey(self)

    monkeypatch.setattr(apply.Survey, "run", walked)
    return taken


@pytest.fixture
def settled(varied, ways):
    """Migrated, so that the next run has nothing to do."""
    varied.migrate()
    del ways[:]
    return varied
