"""The published method, on tag logits drawn by hand."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from earwitness.errors import MissingExtraError
from earwitness.recognition.published_method import best_tags, find_events_tmrl, rank_scenes_tmrl
from earwitness.recognition.tags import TagScores
from earwitness.words import embeddings
from earwitness.words.ontology import tag_names

NAMES = tag_names()


def make_rows(*windows: tuple[str, ...]) -> list[TagScores]:
    """Return windows whose best tags are the named ones, best first; the rest of the twenty are of no matter here."""
    fillers = [index for index, name in enumerate(NAMES) if name in ("Silence",)] + list(range(200, 219))
    logits = np.full((len(windows), 527), -12.0, np.float32)
    for row, tags in enumerate(windows):
        chosen = [NAMES.index(tag) for tag in tags] + fillers
        for rank, tag in enumerate(dict.fromkeys(chosen[:20])):
            logits[row, tag] = 2.0 - 0.5 * rank
    return [TagScores(logits, np.arange(len(windows), dtype=float), 4.0)]


def test_the_twenty_best_tags_are_taken_in_order() -> None:
    logits = np.random.default_rng(0).standard_normal((3, 527)).astype(np.float32)
    best = best_tags(logits)
    assert best.shape == (3, 20)
    assert (np.diff(np.take_along_axis(logits, best, axis=1), axis=1) <= 0).all()
    assert np.array_equal(best[:, 0], logits.argmax(axis=1))


def test_a_word_is_named_by_similarity_or_as_part_of_a_tag() -> None:
    rows = make_rows(("Baby cry, infant cry",), ("Baby cry, infant cry",), ("Engine",), ("Gunshot, gunfire",))
    events = list(find_events_tmrl(rows, ["baby cry", "gunfire", "rooster"], hop_s=1.0))
    assert [(e.word, e.onset_s, e.offset_s) for e in events] == [("baby cry", 0.0, 2.0), ("gunfire", 3.0, 4.0)]
    assert events[0].tags[0].tag == "Baby cry, infant cry"
    assert events[0].tags[0].similarity > 0.8
    assert events[0].score == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-5)


def test_one_tag_may_name_several_words() -> None:
    events = list(find_events_tmrl(make_rows(("Gunshot, gunfire",)), ["gunshot", "gunfire"], hop_s=1.0))
    assert {event.word for event in events} == {"gunshot", "gunfire"}


def test_scenes_come_from_the_largest_groups_by_both_rankings() -> None:
    rows = make_rows(*[("Train", "Rail transport", "Railroad car, train wagon", "Train horn")] * 4)
    found = rank_scenes_tmrl(rows, ["train station", "kitchen"])
    assert found.weighted[0].scene == "train station"
    assert found.winners[0] == "train station"
    assert [each.scene for each in found.ranked] == ["train station", "kitchen"]
    assert found.simple[0].score >= found.weighted[0].score > 0


def test_without_mpnet_group_texts_are_approximated_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(texts: object) -> None:
        raise MissingExtraError("no model; get MPNet")

    monkeypatch.setattr(embeddings, "embed_with_mpnet", missing)
    embeddings.embed_others.cache_clear()
    rows = make_rows(*[("Train", "Rail transport", "Railroad car, train wagon", "Train horn")] * 4)
    with caplog.at_level(logging.WARNING):
        found = rank_scenes_tmrl(rows, ["train station", "kitchen"])
    assert found.weighted[0].scene == "train station"
    assert "compared by the mean of their embeddings" in caplog.text
