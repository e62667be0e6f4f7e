"""What is understood by words: known ones in any form, phrases of known parts, unknown ones, and what is excluded."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from earwitness.errors import WordError
from earwitness.words.meanings import WordMeanings, understand_words
from earwitness.words.ontology import tag_names


def best_tag(meanings: WordMeanings, index: int = 0) -> str:
    return tag_names()[int(meanings.weights[index].argmax())]


def test_known_words_have_the_weights_of_the_lexicon() -> None:
    meanings = understand_words(["baby crying", "gunshot", "dog bark"])
    assert meanings.weights.shape == meanings.similarities.shape == (3, 527)
    assert np.allclose(meanings.weights.sum(axis=1), 1, atol=1e-5)
    assert [best_tag(meanings, index) for index in range(3)] == ["Baby cry, infant cry", "Gunshot, gunfire", "Bark"]
    assert meanings.grades == ("exact",) * 3
    assert np.allclose(meanings.similarities.max(axis=1), 1)


@pytest.mark.parametrize(
    "forms",
    [
        ("dog bark", "dogs barking", "a dog barking", "barking dog", "the dog's bark", "bark of a dog", "Dog-Bark"),
        ("glass breaking", "breaking glass", "the glass breaks", "glass is breaking", "broken glass"),
        ("church bells", "the church bells", "the church's bells", "Church Bells!"),
        ("door slam", "slamming door", "doors slamming", "a door slams"),
        ("footsteps", "the footsteps", "the sound of footsteps"),
        ("sneeze", "sneezing", "someone sneezes", "sneezed"),
    ],
)
def test_forms_of_a_word_mean_the_same(forms: tuple[str, ...]) -> None:
    meanings = understand_words(forms)
    for index, form in enumerate(meanings.words):
        assert np.allclose(meanings.weights[index], meanings.weights[0]), form


def test_what_is_excluded_speaks_against() -> None:
    meanings = understand_words(["siren, not music", "rain without thunder", "siren"])
    assert meanings.against is not None
    assert meanings.against[0, tag_names().index("Music")] == 1
    assert meanings.against[1, tag_names().index("Thunder")] == 1
    assert meanings.excluded is not None
    assert np.array_equal(meanings.excluded[0] > 0, meanings.against[0] * (meanings.excluded[0] > 0) > 0)
    assert understand_words(["siren"]).excluded is None
    assert np.array_equal(meanings.weights[0], meanings.weights[2])


def test_a_place_in_a_phrase_is_not_its_sound() -> None:
    meanings = understand_words(["dog barking at the gate", "dog bark"])
    assert np.array_equal(meanings.weights[0], meanings.weights[1])
    assert meanings.grades == ("close", "exact")


def test_alternatives_share_the_weight() -> None:
    meanings = understand_words(["cat or dog", "cat", "dog"])
    assert np.allclose(meanings.weights[0], (meanings.weights[1] + meanings.weights[2]) / 2, atol=1e-6)
    assert meanings.grades[0] == "close"


def test_a_word_that_no_tag_hears_is_graded_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        meanings = understand_words(["qzxv", "rain"])
    assert meanings.grades == ("cannot be heard", "exact")
    assert not meanings.weights[0].any()
    assert meanings.unusable == ("qzxv",)
    assert "'qzxv' cannot be heard" in caplog.text


def test_a_repeated_word_is_taken_once_and_order_stays() -> None:
    assert understand_words(["siren", "Baby_Cry", "baby cry", " siren "]).words == ("siren", "Baby_Cry")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "an empty word"),
        (" _ ", "an empty word"),
        ("a" * 300, "300 characters; give a word or a short phrase"),
    ],
)
def test_what_is_no_word_is_refused(word: str, message: str) -> None:
    with pytest.raises(WordError, match=message):
        understand_words(["rain", word])


def test_no_words_have_no_meanings() -> None:
    assert understand_words([]).weights.shape == (0, 527)
