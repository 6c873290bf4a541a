from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.pages.frame import bits, page
from ansible_collections.mobius.dhash.plugins.module_utils.pages.spreadsheet import cell
from ansible_collections.mobius.dhash.plugins.module_utils.pages.template import Html, Parts, join, text
from ansible_collections.mobius.dhash.tests.support.places import ROOT


def test_the_python_modules_match_their_templates():
    done = subprocess.run(
        [sys.executable, ROOT / "pages" / "build.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_values_are_escaped_unless_they_are_html():
    parts = Parts("<!-- part: a -->\n<b>$x</b>\n<!-- part: b -->\n$x $y\n")
    assert parts.fill("a", x="<i>&\"'\x1b") == "<b>&lt;i&gt;&amp;&quot;&#x27;\\x1b</b>"
    assert parts.fill("a", x=Html("<i>")) == "<b><i></b>"
    assert parts.fill("b", x=1234567, y="$x ${x}") == "1,234,567 $x ${x}"
    assert join(["<", Html("<br>")]) == "&lt;<br>"
    assert text("<" * 999, 3) == "<bdi>&lt;&lt;&lt;… (999 characters)</bdi>"
    with pytest.raises(KeyError):
        parts.fill("a")


def test_the_policy_allows_this_style_and_script_and_nothing_else():
    source = page("t", [Html("<p>x</p>")], ".a { color: red; }\n", "alert(1)\n").decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', source).group(1)
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy and "http" not in policy


def test_a_hash_is_drawn_bit_by_bit():
    drawing = bits("8000000000000001")
    assert 'd="M0 0h1v1h-1zM7 7h1v1h-1z"' in drawing and "differ" not in drawing
    assert bits("8000000000000001", "0000000000000001").count("differ") == 1


@pytest.mark.parametrize(
    "formula",
    [
        "=1",
        "+1",
        "-1",
        "@x",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\uff1d1",
        "=cmd|'/c calc'!A0",
        '=HYPERLINK("x")',
    ],
)
def test_no_cell_begins_as_a_formula_does(formula):
    assert cell(formula).startswith("'") and not set(cell(formula)) & set("\t\r\n")


@pytest.mark.parametrize("plain", ["", "a=1", "1-2", "/components/0", "0012", "'x"])
def test_other_cells_stay_as_they_are(plain):
    assert cell(plain) == plain
