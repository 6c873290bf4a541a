"""Text that is safe to show: every character can be seen, and no secret is left in it."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.text import (
    format_duration,
    mask_secrets,
    printable,
    redact,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Würfel 漢字 שלום \U0001f3b2", "Würfel 漢字 שלום \U0001f3b2"),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),
        ("a\u00a0b", "a\u00a0b"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\nb\tc\rd\x00", r"a\nb\tc\rd\x00"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f"),
        ("\ud800", r"\ud800"),
        ("\x9b31m", r"\x9b31m"),
        ("\ufeff\u2028", r"\ufeff\u2028"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_every_character_can_be_seen(text, shown):
    assert printable(text) == shown


def test_lines_and_tabs_are_kept_where_they_are_wanted():
    assert printable("a\nb\tc\rd", multiline=True) == "a\nb\tc\\rd"


def test_long_text_is_cut_and_states_its_length():
    assert printable("x" * 10_240, 5) == "xxxxx… (10,240 characters)"
    assert printable("x" * 5, 5) == "xxxxx"
    assert printable("x" * 5000, None) == "x" * 5000


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7260, "2 h 1 min")]
)
def test_a_duration_has_two_units_at_most(seconds, text):
    assert format_duration(seconds) == text


def test_users_and_passwords_are_masked_in_urls():
    assert mask_secrets("https://me:pw@host/x.png") == "https://***@host/x.png"
    assert mask_secrets("see https://bob:planted@index/simple") == "see https://***@index/simple"
    assert mask_secrets("https://host/a@b.png") == "https://host/a@b.png"


def test_control_characters_are_shown_not_sent():
    assert redact("a\x1b[2Jb\u202ec\ud800\u200f\ufeff") == r"a\x1b[2Jb\u202ec\ud800\u200f\ufeff"
    assert redact("é 中 \U0001f469\u200d\U0001f467\n\ttwo") == "é 中 \U0001f469\u200d\U0001f467\n\ttwo"
