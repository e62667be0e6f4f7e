"""Bytes of rows to word scores: the events that rows in floats give, whatever is passed over on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earwitness.archive.provenance import Provenance
from earwitness.archive.quantise import Levels, logit_table, quantise_scores
from earwitness.archive.row_scores import (
    LARGEST_RULE,
    SMOOTHED_RULE,
    RowScorer,
    choose_rule,
    join_evidence,
    multiply_alone,
)
from earwitness.encoders import TagStats
from earwitness.recognition import TOKEN_RULE, ScoreTrack, StoredRows, find_events, find_reasons, track_words
from earwitness.settings import Settings
from earwitness.words import WordMeanings, tag_names, understand_words

N_TAGS = len(tag_names())
WORDS = ("siren", "dog bark", "rain", "church bell", "music", "bullfinch", "rain, not music", "siren without dogs")


def make_provenance(row_s: float = 1.0, smooth_s: float = 0.8, *, has_token_stats: bool = True) -> Provenance:
    usual, token = ((-8.0,) * N_TAGS, (1.3,) * N_TAGS), ((-9.5,) * N_TAGS, (1.7,) * N_TAGS)
    heard_with = {"method": "earwitness", "window_s": 10.0, "hop_s": 5.0, "clip_window_s": 10.0, "noise_factor": 0.0}
    made = Provenance("made", "", "onnx", heard_with, row_s, 0.16, *usual, smooth_s=smooth_s)
    return replace(made, token_mean=token[0], token_std=token[1]) if has_token_stats else made


def make_levels(n_rows: int, meanings: WordMeanings, seed: int = 1, span_s: float = 1.0) -> Levels:
    """Make a background that rises and falls, in which words sound briefly, and some for long."""
    generator = np.random.default_rng(seed)
    slow = np.cumsum(generator.normal(0, 0.15, (n_rows, N_TAGS)), axis=0) * min(1.0, span_s)
    logits = -8.5 + 1.5 * np.sin(slow) + generator.normal(0, 0.7, (n_rows, N_TAGS))
    for _ in range(1 + n_rows // 20):
        word = generator.integers(len(meanings.words))
        length = max(1, round(generator.choice([1.0, 2.0, 5.0, 40.0]) / span_s))
        first = generator.integers(n_rows)
        tags = np.flatnonzero(meanings.weights[word])
        logits[first : first + length, tags] += generator.uniform(2, 8)
    return quantise_scores(logits.astype(np.float32))


def track_in_floats(levels: Levels, meanings: WordMeanings, made: Provenance) -> ScoreTrack:
    rows = StoredRows(logit_table()[levels], made.row_s * np.arange(len(levels)), made.row_s)
    return track_words(rows, meanings, made.tag_stats, choose_rule(made))


@pytest.mark.parametrize(
    ("made", "n_rows"),
    [
        (make_provenance(), 3000),
        (make_provenance(smooth_s=0.0, has_token_stats=False), 700),
        (make_provenance(0.16, 0.0), 5000),
        (make_provenance(0.32, 0.0), 1500),
        *((make_provenance(row_s), n_rows) for row_s in (1.0, 0.16) for n_rows in (1, 2, 5, 12, 31)),
    ],
)
@pytest.mark.parametrize(
    "settings", [Settings(), Settings(thresholds=(("music", 0.9), ("rain", 0.2)), event_threshold=0.4, event_hold=0.1)]
)
def test_events_are_those_of_the_same_rows_in_floats(made: Provenance, n_rows: int, settings: Settings) -> None:
    meanings = understand_words(WORDS)
    levels = make_levels(n_rows, meanings, span_s=made.row_s)
    scorer = RowScorer(meanings, made, settings)
    third = n_rows // 3  # chunks are joined before a background is found
    evidence = join_evidence([scorer.read(part) for part in (levels[:third], levels[third:])])
    track, full = scorer.track(evidence), track_in_floats(levels, meanings, made)
    wanted = find_events(full, settings)
    found = find_events(track, settings) if track else []
    assert [(e.word, e.onset_s, e.offset_s) for e in found] == [(e.word, e.onset_s, e.offset_s) for e in wanted]
    assert np.allclose([each.score for each in found], [each.score for each in wanted], atol=1e-5)
    if n_rows > 500:
        assert len(found) > 20
        assert track is not None
        assert (track.scores == 0).mean() > 0.3, "rows are passed over"


@pytest.mark.parametrize("row_s", [1.0, 0.16])
def test_a_threshold_of_0_needs_every_row(row_s: float) -> None:
    made, meanings = make_provenance(row_s, 0.0), understand_words(WORDS)
    levels = make_levels(400, meanings, span_s=row_s)
    scorer = RowScorer(meanings, made, Settings(event_threshold=0.0, event_hold=0.0))
    track, full = scorer.track(scorer.read(levels)), track_in_floats(levels, meanings, made)
    assert track is not None
    assert track.lasting is not None
    assert full.lasting is not None
    assert np.allclose(track.scores, full.scores, atol=1e-5)
    assert np.allclose(track.lasting, full.lasting, atol=1e-5)


def test_silence_gives_nothing_to_look_at() -> None:
    scorer = RowScorer(understand_words(WORDS), make_provenance(), Settings())
    assert scorer.track(scorer.read(np.zeros((50, N_TAGS), np.uint8))) is None
    assert scorer.track(scorer.read(np.zeros((0, N_TAGS), np.uint8))) is None


def test_reasons_are_those_that_recognition_gives() -> None:
    made, meanings = make_provenance(), understand_words(WORDS[:5])
    levels = make_levels(500, meanings)
    scorer = RowScorer(meanings, made, Settings())
    evidence = scorer.read(levels)
    track = scorer.track(evidence)
    assert track is not None
    events = find_events(track, Settings())
    for event, tags in zip(events, scorer.explain(events, evidence), strict=True):
        row, word = round(event.peak_s), meanings.words.index(event.word)
        wanted = find_reasons(logit_table()[levels[row]], meanings, word)
        assert [each.tag for each in tags] == [each.tag for each in wanted]
        assert [each.share for each in tags] == pytest.approx([each.share for each in wanted], abs=1e-4)
        assert [each.similarity for each in tags] == [each.similarity for each in wanted]


def test_rows_of_an_older_store_have_the_statistics_and_the_limits_of_their_kind() -> None:
    old = make_provenance(smooth_s=0.0, has_token_stats=False)
    assert isinstance(old.tag_stats, TagStats)
    assert old.tag_stats.of_tokens.mean[0] == -8.0
    assert make_provenance().tag_stats.of_tokens.mean[0] == pytest.approx(-9.5)  # type: ignore[union-attr]
    assert choose_rule(old) is LARGEST_RULE
    assert choose_rule(make_provenance()) is SMOOTHED_RULE
    assert choose_rule(make_provenance(0.16, 0.0)) is TOKEN_RULE


def test_small_products_are_the_same_as_one() -> None:
    generator = np.random.default_rng(1)
    rows, weights = (generator.random(shape, dtype=np.float32) for shape in ((1001, 527), (527, 20)))
    assert np.allclose(multiply_alone(rows, weights), rows @ weights, rtol=1e-5)
    assert multiply_alone(rows[:0], weights).shape == (0, 20)
