"""How words are compared as text."""

from __future__ import annotations

import pytest

from earwitness.errors import WordError
from earwitness.words.spelling import as_key, normalise_word


def test_accents_case_underscores_and_spaces_change_nothing() -> None:
    assert normalise_word(" Café_Restaurant ") == "cafe restaurant"
    assert normalise_word("rain  on\ta roof") == "rain on a roof"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "an empty word"),
        (" _ ", "an empty word"),
        ("赤ちゃん", "is not a Latin letter; the text model knows English only"),
        ("сирена", "'с' is not a Latin letter"),
        ("a" * 300, "300 characters; give a word or a short phrase"),
    ],
)
def test_words_that_mean_nothing_are_refused(word: str, message: str) -> None:
    with pytest.raises(WordError, match=message):
        normalise_word(word)


def test_a_key_has_neither_spaces_nor_signs() -> None:
    assert as_key("Baby_cry") == as_key("baby cry") == as_key("babycry") == "babycry"
    assert as_key("") == ""
