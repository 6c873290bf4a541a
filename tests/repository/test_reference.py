"""The reference pages match their sources."""

from __future__ import annotations

import importlib.util
import re

import pytest
from ansible_collections.mobius.dhash.tests.support.places import ROOT

_spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
assert _spec and _spec.loader
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


@pytest.mark.parametrize("path", sorted(reference.pages()), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_what_make_reference_writes(path):
    assert path.read_text("utf-8") == reference.pages()[path], "run make reference"


def test_every_public_variable_is_listed_and_described():
    page = (ROOT / "docs" / "variables.md").read_text("utf-8")
    for name in {*reference.table.VARIABLES, *reference.table.OTHERS} - set(reference.INTERNAL):
        row = re.search(rf"^\| `{name}` \|[^|]*\|(?:[^|]|\\\|)*\|([^|]+)\|", page, re.MULTILINE)
        assert row, name
        assert len(row[1].strip()) > 5, name


@pytest.mark.parametrize(
    "markup, markdown",
    [
        ("Path of C(library.json).", "Path of `library.json`."),
        ("Either V(auto) or I(none)", "Either `auto` or *none*"),
        ("Selectors such as C(components[]), O(items)", "Selectors such as `components[]`, `items`"),
        ("See M(mobius.dhash.run_finish) and C(f(x))", "See `mobius.dhash.run_finish` and `f(x)`"),
        ("Plugin P(mobius.dhash.answered#filter); a | b", "Plugin `mobius.dhash.answered`; a \\| b"),
    ],
)
def test_ansible_markup_becomes_markdown(markup, markdown):
    assert reference.plain(markup) == markdown


@pytest.mark.parametrize(
    "default, shown",
    [
        ("{{ mobius_x | default('') | mobius.dhash.answered(7) }}", "`7`"),
        ("{{ mobius_x | default('') | mobius.dhash.answered('') }}", ""),
        (
            "{{ mobius_x | default('') | mobius.dhash.answered(deploy_library_path | dirname ~ '/logs') }}",
            "`logs` beside the library",
        ),
        ("{{ mobius_x | default('') | mobius.dhash.answered(a(b) ~ 'c') }}", "see the description"),
        (
            "{{ mobius_x | default('') | mobius.dhash.answered(true) | bool or mobius_y is defined }}",
            "see the description",
        ),
        ("plain", "`plain`"),
        ("", ""),
    ],
)
def test_a_default_reads_as_a_value(default, shown):
    assert reference.default_of(default) == shown
