"""Ranking scenes from tag logits drawn by hand, and blind calibration."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.encoders.base import TagStats
from earwitness.recognition.scenes import SceneScore, calibrate_blindly, mark_winner, name_winner, rank_scenes
from earwitness.recognition.tags import ClipTags
from earwitness.words.ontology import tag_names
from earwitness.words.places import PlaceProfile

WAVES, TRAIN = tag_names().index("Waves, surf"), tag_names().index("Train")


def make_profile(scene: str, **weights: float) -> PlaceProfile:
    values = np.zeros(527, np.float32)
    values[WAVES], values[TRAIN] = weights["waves"], weights["train"]
    sounds = np.zeros(527, np.float32)
    sounds[WAVES if scene == "beach" else TRAIN] = 1.0
    return PlaceProfile(scene, values, (scene,), sounds)


PROFILES = [make_profile("station", waves=-0.6, train=0.8), make_profile("beach", waves=0.8, train=-0.6)]
STATS = TagStats(np.full(527, -8.0, np.float32), np.full(527, 2.0, np.float32))


def make_clip(waves: float, train: float) -> ClipTags:
    logits = np.full(527, -8.0, np.float32)
    logits[WAVES], logits[TRAIN] = waves, train
    return ClipTags(logits, logits, np.zeros(527))


def test_scenes_are_ranked_by_standardised_logits_with_the_tags_for_and_against() -> None:
    first, second = rank_scenes(make_clip(waves=-4.0, train=-8.0), PROFILES, STATS)
    assert (first.scene, second.scene) == ("beach", "station")
    assert first.score == pytest.approx(0.8 * 2)  # two standard deviations above, through the weight
    assert second.score == pytest.approx(-0.6 * 2)
    assert first.tags == ("Waves, surf",)
    assert second.tags_against == ("Waves, surf",)


def test_of_three_scenes_place_and_sound_speak_together_and_neither_alone_decides() -> None:
    profiles = [*PROFILES, make_profile("nowhere", waves=0.0, train=0.0)]
    profiles[2] = PlaceProfile("nowhere", np.zeros(527, np.float32), ("nowhere",), np.zeros(527, np.float32))
    first, *rest = rank_scenes(make_clip(waves=0.0, train=-8.0), profiles, STATS)
    assert first.scene == "beach"
    assert 1 < first.score < 3
    assert all(0 <= each.score < first.score for each in rest)


def test_what_is_usual_speaks_for_no_scene() -> None:
    ranked = rank_scenes(make_clip(-8.0, -8.0), PROFILES, STATS)
    assert [each.score for each in ranked] == [0.0, 0.0]
    assert name_winner(ranked) == "unsure"


def test_a_scene_is_the_answer_where_the_second_one_is_not_close() -> None:
    def rank(second: float) -> str:
        return name_winner(mark_winner([SceneScore("park", second), SceneScore("tram", 1.0)]))

    assert [rank(each) for each in (0.7, 0.8, 1.2, 1.3)] == ["tram", "unsure", "unsure", "park"]
    assert name_winner(mark_winner([SceneScore("park", -2.0)])) == "park"


def test_without_tag_statistics_a_usual_value_serves() -> None:
    assert rank_scenes(make_clip(-8.0, -2.0), PROFILES, None)[0].scene == "station"


def test_blind_calibration_sees_each_scene_against_the_run() -> None:
    scores = np.array([[5.0, 0.0], [5.2, 0.1], [5.1, 0.0], [4.9, 2.0], [5.0, 0.1]])
    calibrated = calibrate_blindly(scores)
    assert scores[3].argmax() == 0
    assert calibrated[3].argmax() == 1
    assert np.allclose(calibrated.mean(axis=0), 0)
    assert np.allclose(calibrated.std(axis=0), 1)


def test_blind_calibration_needs_enough_clips() -> None:
    with pytest.raises(ValueError, match="4 clips are too few for blind calibration; at least 5"):
        calibrate_blindly(np.zeros((4, 2)))
