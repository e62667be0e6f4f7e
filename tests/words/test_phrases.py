"""Phrases: lemmas, negations, alternatives and places."""

from __future__ import annotations

import pytest

from earwitness.words.phrases import before_place, find_lemma, read_tokens, split_alternatives, split_phrase

KNOWN = frozenset("bark dog goose hoof close run slam tire cry glass bus horse brush buzz snore chop".split())


@pytest.mark.parametrize(
    ("word", "lemma"),
    [
        ("barks", "bark"), ("barking", "bark"), ("barked", "bark"), ("geese", "goose"), ("hooves", "hoof"),
        ("closing", "close"), ("closed", "close"), ("running", "run"), ("ran", "run"), ("slammed", "slam"),
        ("tyres", "tire"), ("cries", "cry"), ("cried", "cry"), ("glass", "glass"), ("buses", "bus"), ("bus", "bus"),
        ("horses", "horse"), ("brushes", "brush"), ("buzzing", "buzz"), ("snoring", "snore"), ("chopping", "chop"),
        ("harbour", "harbor"), ("vaporise", "vaporize"), ("king", "king"),
    ],
)  # fmt: skip
def test_inflected_words_have_a_plain_form(word: str, lemma: str) -> None:
    assert find_lemma(word, KNOWN) == lemma


def test_tokens_are_without_articles_possessives_and_signs() -> None:
    assert read_tokens("the dog's bark!") == ("dog", "bark")
    assert read_tokens("a dog-bark") == ("dog", "bark")
    assert read_tokens("the") == ("the",)  # rather than nothing


def test_negations_and_alternatives_are_split() -> None:
    assert split_phrase("siren, not music").excluded == ("music",)
    assert split_phrase("rain without thunder or wind").excluded == ("thunder", "wind")
    assert split_phrase("knock") == split_phrase("knock,")
    assert split_phrase("nose blowing").excluded == ()
    assert split_alternatives("cat, dog and sheep") == ["cat", "dog", "sheep"]
    assert before_place("dog barking at the gate") == "dog barking"
