"""Evidence of words over time: above the background of a recording, and of sounds that last."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.encoders.base import TagStats
from earwitness.recognition.evidence import (
    LASTING_OFFSET,
    NARROW_LASTING,
    NARROW_SHORT,
    SHORT_OFFSET,
    Scorer,
    count_rows,
    find_background,
    smooth,
    track_words,
)
from earwitness.recognition.rows import StoredRows
from earwitness.words.meanings import understand_words
from earwitness.words.ontology import tag_names

SPAN_S = 0.16
STATS = TagStats(np.full(527, -8.0, np.float32), np.full(527, 2.0, np.float32))
SIREN = tag_names().index("Siren")
MEANINGS = understand_words(["siren", "dog bark"])


def make_rows(n_rows: int, siren: np.ndarray | None = None, seed: int = 0) -> StoredRows:
    """Return rows of a quiet recording in which the tag "Siren" is added."""
    logits = np.random.default_rng(seed).normal(-8.0, 0.5, (n_rows, 527)).astype(np.float32)
    if siren is not None:
        logits[:, SIREN] += siren
    return StoredRows(logits, SPAN_S * np.arange(n_rows), SPAN_S)


def bump(n_rows: int, first: int, end: int, height: float) -> np.ndarray:
    added = np.zeros(n_rows, np.float32)
    added[first:end] = height
    return added


def test_what_is_excluded_takes_off_as_much_as_it_is_detected() -> None:
    meanings = understand_words(["siren", "siren, not music"])
    rows = make_rows(500, bump(500, 200, 215, 14.0))
    alone = track_words(rows, meanings, STATS)
    rows.logits[:, tag_names().index("Music")] = 9.0  # type: ignore[index]
    within_music = track_words(rows, meanings, STATS)
    assert np.allclose(alone.scores[:, 0], alone.scores[:, 1], atol=1e-6)
    assert np.allclose(within_music.scores[:, 0], alone.scores[:, 0], atol=1e-6)
    assert alone.scores[205, 1] > 0.9 > 0.5 > within_music.scores[205, 1]


def test_a_word_that_its_tags_stand_for_more_than_needs_more() -> None:
    meanings = understand_words(["bird", "bullfinch"])
    assert meanings.is_narrower is not None
    assert meanings.is_narrower.tolist() == [False, True]
    scorer = Scorer(meanings, STATS)
    assert scorer.short_offsets.tolist() == pytest.approx([SHORT_OFFSET, SHORT_OFFSET - NARROW_SHORT])
    assert scorer.lasting_offsets.tolist() == pytest.approx([LASTING_OFFSET, LASTING_OFFSET - NARROW_LASTING])


def test_a_short_sound_stands_out_of_its_background() -> None:
    track = track_words(make_rows(500, bump(500, 200, 215, 14.0)), MEANINGS, STATS)
    assert track.scores[205, 0] > 0.9
    assert track.scores[:190, 0].max() < 0.1
    assert track.scores[:, 1].max() < 0.1


def test_what_sounds_all_the_time_is_background_and_lasts() -> None:
    track = track_words(make_rows(500, bump(500, 0, 500, 14.0)), MEANINGS, STATS)
    assert track.lasting is not None
    assert track.scores[:, 0].max() < 0.1
    assert track.lasting[:, 0].min() > 0.8
    assert np.array_equal(track.largest[:, 0], track.lasting[:, 0])


def test_a_recording_that_is_read_in_parts_scores_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_rows(1200, np.abs(np.random.default_rng(1).normal(0, 5, 1200)).astype(np.float32))
    whole = track_words(rows, MEANINGS, STATS)
    monkeypatch.setattr("earwitness.recognition.evidence.N_ROWS_AT_ONCE", 250)  # 246 rows: not of the background's step
    parts = track_words(rows, MEANINGS, STATS)
    assert np.allclose(whole.scores, parts.scores, atol=1e-6)
    assert whole.lasting is not None
    assert parts.lasting is not None
    assert np.allclose(whole.lasting, parts.lasting, atol=1e-6)


def test_the_background_is_the_upper_quartile_around() -> None:
    standard = np.random.default_rng(2).normal(size=(240, 3)).astype(np.float32)
    found = find_background(standard, 1, 20)
    assert found[100] == pytest.approx(np.quantile(standard[80:121], 0.75, axis=0))
    assert found[0] == pytest.approx(np.quantile(standard[:21], 0.75, axis=0))
    assert find_background(standard[:5], 1, 20).shape == (5, 3)


def test_few_rows_and_none_are_scored() -> None:
    assert track_words(make_rows(0), MEANINGS, STATS).scores.shape == (0, 2)
    assert track_words(make_rows(1), MEANINGS, None).scores.shape == (1, 2)


def test_only_tags_that_words_weigh_are_read() -> None:
    scorer = Scorer(MEANINGS, STATS)
    assert 0 < len(scorer.tags) < 20
    assert scorer.score_lasting(scorer.standardise(np.full((2, len(scorer.tags)), -8.0, np.float32))).shape == (2, 2)


def test_a_running_median_repeats_the_ends() -> None:
    logits = np.array([[0.0], [9.0], [1.0], [2.0], [3.0]], np.float32)
    assert smooth(logits, 3).ravel().tolist() == [0, 1, 2, 2, 3]
    assert smooth(logits, 1) is logits
    assert smooth(logits, 99).shape == (5, 1)
    assert [count_rows(each, 0.16) for each in (0.8, 10.0)] == [5, 63]
    assert count_rows(0.8, 1.0) == 1
