"""Texts to vectors without a text model."""

from __future__ import annotations

import time

import numpy as np
import pytest

from earwitness.words import static_embedding
from earwitness.words.ontology import tag_names
from earwitness.words.static_embedding import (
    TOKEN_VECTORS_PATH,
    embed_static,
    lift_to_mpnet,
    project_from_mpnet,
    read_token_vectors,
    split_tokens,
)


def test_a_word_is_split_into_its_longest_known_beginnings() -> None:
    known = {token: row for row, token in enumerate(["chain", "##saw", "##s", "saw", "a", "##e", "2"])}
    assert split_tokens("A chainsaw, two saws: Sawes!", known) == [
        "a",
        "chain",
        "##saw",
        "saw",
        "##s",
        "saw",
        "##e",
        "##s",
    ]
    assert split_tokens("22 Chaîn", known) == ["2", "2", "chain"]
    assert split_tokens("a saw", {**known, "a saw": 7}) == ["a", "saw", "a saw"]
    assert split_tokens("?!", known) == []


def test_every_letter_and_digit_is_a_token() -> None:
    rows = read_token_vectors().rows
    assert all(letter in rows and f"##{letter}" in rows for letter in "abcdefghijklmnopqrstuvwxyz")
    assert all(digit in rows for digit in "0123456789")
    assert split_tokens("ß", rows) == split_tokens("ss", rows)


def test_embeddings_are_of_unit_length_or_nothing() -> None:
    found = embed_static(["a dog barks", "Rain!", "xqzvw", "", "..."])
    assert found.shape == (5, 256)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found[:3], axis=1), 1, atol=1e-5)
    assert not found[3:].any()
    assert embed_static([]).shape == (0, 256)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("the barking of a dog", "dog barks loudly", "piano concert"),
        ("a kettle that boils", "boiling water", "car engine"),
        ("heavy rain on a tent", "rain drops falling", "people laughing"),
        ("church bells", "ringing bell", "snoring man"),
    ],
)
def test_texts_that_mean_the_same_are_nearer(text: str, near: str, far: str) -> None:
    first, second, third = embed_static([text, near, far])
    assert first @ second > first @ third + 0.2


def test_a_tag_is_nearest_to_itself() -> None:
    tags = embed_static(tag_names())
    assert np.array_equal((tags @ tags.T).argmax(axis=1), np.arange(527))


def test_lifted_embeddings_keep_their_cosines() -> None:
    static = embed_static(tag_names()[:50])
    lifted = lift_to_mpnet(static)
    assert lifted.shape == (50, 768)
    assert np.allclose(lifted @ lifted.T, static @ static.T, atol=2e-3)
    assert np.allclose(project_from_mpnet(lifted), static, atol=2e-3)


def test_the_file_is_small_and_quick() -> None:
    assert TOKEN_VECTORS_PATH.stat().st_size < 5_000_000
    read_token_vectors.cache_clear()
    began = time.perf_counter()
    read_token_vectors()
    loaded = time.perf_counter()
    for _ in range(100):
        static_embedding.embed_static(["a man sharpens a knife on a stone in a kitchen"])
    assert loaded - began < 0.5  # 0.05 s where nothing else runs
    assert (time.perf_counter() - loaded) / 100 < 0.02  # 0.002 s
