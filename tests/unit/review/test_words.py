from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.review.words import (
    REASONS,
    reason,
    visible,
    without_passwords,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Würfel 漢字 שלום \U0001f3b2", "Würfel 漢字 שלום \U0001f3b2"),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),
        ("a\u00a0b", "a\u00a0b"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\nb\tc\rd\x00", r"a\x0ab\x09c\x0dd\x00"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f"),
        ("\ud800", r"\ud800"),
        ("\x9b31m", r"\x9b31m"),
        ("\ufeff\u2028", r"\ufeff\u2028"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_every_character_can_be_seen(text, shown):
    assert visible(text) == shown


def test_long_text_is_cut_and_says_how_long_it_was():
    assert visible("x" * 10_240, 5) == "xxxxx… (10,240 characters)"
    assert visible("x" * 5, 5) == "xxxxx"


def test_every_reason_has_words_and_an_unknown_one_is_shown_as_it_is():
    assert all(words.title and words.meaning.endswith(".") and words.remedy.endswith(".") for words in REASONS.values())
    assert reason("\x1bodd").title == r"\x1bodd"


def test_users_and_passwords_are_taken_out_of_urls():
    assert without_passwords("https://me:pw@host/x.png") == "https://***@host/x.png"
    assert without_passwords("https://host/a@b.png") == "https://host/a@b.png"
