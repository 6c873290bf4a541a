from __future__ import annotations

from ansible_collections.mobius.dhash.plugins.module_utils.review.reasons import REASONS, reason


def test_every_reason_has_words_and_an_unknown_one_is_shown_as_it_is():
    assert all(words.title and words.meaning.endswith(".") and words.remedy.endswith(".") for words in REASONS.values())
    assert reason("\x1bodd").title == r"\x1bodd"
