"""Scenes: the rank of the true scene in TUT's recordings, by the default and by variations.

In: `Case`s with their scene, and an encoder. Out: rows (rule, rank of the true scene in each recording).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from unittest import mock

import numpy as np

from earwitness.audio.windows import slide
from earwitness.encoders.load import LoadedEncoder
from earwitness.recognition.match import match_words
from earwitness.recognition.published_method import WINDOW_S, rank_scenes_tmrl
from earwitness.recognition.scenes import calibrate_blindly, rank_scenes
from earwitness.recognition.tags import ClipTags, TagScores, score_windows, sigmoid, summarise_tags
from earwitness.settings import Settings
from earwitness.words import places
from earwitness.words.meanings import understand_words
from earwitness.words.places import PlaceProfile, profile_scenes, read_places
from mixtures import Case
from published_way import SCENE_WORDS
from variations import untrimmed

SceneScores = Mapping[str, float]


def ablate_scenes(cases: Sequence[Case], encoder: LoadedEncoder) -> list[tuple[str, list[int]]]:
    """Return the rank of each recording's true scene among the 15 scene words of TUT, 1 is best, for each rule."""
    known = read_places()
    clips = _summarise(cases, encoder, Settings().clip_window_s)
    profiles = profile_scenes(SCENE_WORDS, known)
    scores = {"default: place knowledge": _score(clips, profiles, encoder)}
    with mock.patch.object(places, "UNLIKELY_SHARE", 0.0):
        scores["without `unlikely`"] = _score(clips, profile_scenes(SCENE_WORDS, known), encoder)
    raw = [replace(each, weights=each.weights / each.weights.sum()) for each in profiles]
    scores["mean z itself, not the unit profile"] = _score(clips, raw, encoder)
    scores["windows of 2 s"] = _score(_summarise(cases, encoder, 2.0), profiles, encoder)
    with untrimmed():
        scores["the padded patch kept"] = _score(
            _summarise(cases, encoder, Settings().clip_window_s), profiles, encoder
        )
    default = scores["default: place knowledge"]
    table = np.array([[each[scene] for scene in SCENE_WORDS] for each in default])
    scores["default, blind calibration over these recordings"] = [
        dict(zip(SCENE_WORDS, row, strict=True)) for row in calibrate_blindly(table)
    ]
    scores |= _score_as_words(clips, encoder) | _score_tmrl(cases, encoder)
    return [
        (name, [_rank(each, case.scene) for each, case in zip(rows, cases, strict=True)])
        for name, rows in scores.items()
    ]


def _summarise(cases: Sequence[Case], encoder: LoadedEncoder, window_s: float) -> list[ClipTags]:
    return [summarise_tags(score_windows(slide(case.waveform, window_s, window_s), encoder)) for case in cases]


def _score(clips: Sequence[ClipTags], profiles: Sequence[PlaceProfile], encoder: LoadedEncoder) -> list[SceneScores]:
    return [{each.scene: each.score for each in rank_scenes(clip, profiles, encoder.tag_stats)} for clip in clips]


def _score_as_words(clips: Sequence[ClipTags], encoder: LoadedEncoder) -> dict[str, list[SceneScores]]:
    """Score scene words by their cosine with tags alone, without place knowledge."""
    meanings = understand_words(SCENE_WORDS)
    logits = np.stack([clip.mean_logits for clip in clips])
    rows = TagScores(logits, np.arange(len(clips), dtype=np.float64), 1.0)
    (by_words,) = match_words([rows], meanings, encoder.tag_stats)
    nearest = (sigmoid(logits)[:, None] * meanings.similarities).max(axis=2)  # (clips, V)
    return {
        "nearest tag: max over tags of P x cosine": [dict(zip(SCENE_WORDS, row, strict=True)) for row in nearest],
        "scene word taken as an event word": [dict(zip(SCENE_WORDS, row, strict=True)) for row in by_words.scores],
    }


def _score_tmrl(cases: Sequence[Case], encoder: LoadedEncoder) -> dict[str, list[SceneScores]]:
    rankings = []
    for case in cases:
        windows = slide(case.waveform, WINDOW_S, 1.0, is_tail_repeated=True)
        rankings.append(rank_scenes_tmrl(score_windows(windows, encoder, is_trimmed=False), SCENE_WORDS))
    return {
        "published method, weighted": [{each.scene: each.score for each in one.weighted} for one in rankings],
        "published method, simple": [{each.scene: each.score for each in one.simple} for one in rankings],
    }


def _rank(scores: SceneScores, scene: str) -> int:
    """Return the rank of a scene; of equal scores it takes the worst, so that a tie is no luck."""
    return sum(score >= scores[scene] for score in scores.values())
