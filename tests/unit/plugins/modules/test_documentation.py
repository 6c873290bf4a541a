"""What ansible-doc shows of each module."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.mobius.dhash.tests.support.places import ROOT
from ansible_collections.mobius.dhash.tests.support.plays import documented

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))


@pytest.fixture(scope="module")
def pages():
    return documented(*MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_page_has_attributes_results_and_examples(pages, name):
    page = pages[name]
    assert {"check_mode", "diff_mode", "platform"} <= set(page["doc"]["attributes"])
    assert page["return"]
    assert f"mobius.dhash.{name}:" in page["examples"] and yaml.safe_load(page["examples"])
