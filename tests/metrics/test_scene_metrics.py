from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.scene_metrics import compare_scenes, group_tau, read_tau_name, score_scenes

SCENES = ("airport", "bus", "park", "tram")


def make_answers(seed: int, n_files: int = 300) -> tuple[dict[str, str], dict[str, str]]:
    generator = np.random.default_rng(seed)
    ref, est = {}, {}
    for index in range(n_files):
        scene = SCENES[generator.integers(4)]
        city, device = ("lisbon", "lyon")[generator.integers(2)], ("a", "b", "s1", "s5")[generator.integers(4)]
        file = f"audio/{scene}-{city}-{index}-{index * 3}-{device}.wav"
        ref[file] = scene
        est[file] = scene if generator.random() < 0.6 else SCENES[generator.integers(4)]
    return ref, est


def test_accuracies_and_confusion_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    for seed in range(20):
        ref, est = make_answers(seed, 60)
        scores, pair = score_scenes(ref, est, SCENES), (list(ref.values()), list(est.values()))
        assert scores.accuracy == pytest.approx(metrics.accuracy_score(*pair), abs=1e-12)
        assert scores.macro_accuracy == pytest.approx(metrics.balanced_accuracy_score(*pair), abs=1e-12)
        np.testing.assert_array_equal(scores.confusion[:, :-1], metrics.confusion_matrix(*pair, labels=SCENES))


def test_each_city_and_device_is_scored_on_its_own_clips() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    ref, est = make_answers(1)
    scores = score_scenes(ref, est, SCENES, group_tau(ref))
    assert set(scores.by_group) == {"city", "device", "device group"}
    assert set(scores.by_group["device group"]) == {"real", "simulated, seen", "simulated, unseen"}
    for city, found in scores.by_group["city"].items():
        files = [file for file in ref if f"-{city}-" in file]
        pair = [ref[file] for file in files], [est[file] for file in files]
        assert found.n_clips == len(files)
        assert found.accuracy == pytest.approx(metrics.accuracy_score(*pair))
        assert found.macro_accuracy == pytest.approx(metrics.balanced_accuracy_score(*pair))


def test_a_file_without_an_answer_is_wrong() -> None:
    scores = score_scenes({"a": "park", "b": "tram"}, {"a": "park", "b": ""})
    assert (scores.accuracy, scores.by_label) == (0.5, {"park": 1.0, "tram": 0.0})
    assert scores.confusion.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert score_scenes({"a": "park", "b": "tram"}, {"a": "park"}).accuracy == 0.5


def test_a_scene_without_clips_is_left_out_of_the_mean() -> None:
    scores = score_scenes({"a": "park"}, {"a": "park"}, ["park", "tram"])
    assert scores.macro_accuracy == 1.0
    assert math.isnan(scores.by_label["tram"])
    assert json.loads(json.dumps(scores.to_dict(), allow_nan=False))["by_label"]["tram"] is None


def test_weights_count_files_more_than_once() -> None:
    ref, est = make_answers(2, 30)
    files = list(ref)[10:]
    twice = compare_scenes(ref, est, SCENES).score(np.r_[np.zeros(10), np.full(20, 2.0)])
    once = score_scenes({file: ref[file] for file in files}, {file: est[file] for file in files}, SCENES)
    np.testing.assert_array_equal(twice.confusion, 2 * once.confusion)
    assert twice.macro_accuracy == once.macro_accuracy


def test_the_name_of_a_tau_clip_tells_city_and_device() -> None:
    name = read_tau_name("audio/street_traffic-lisbon-1000-40000-s6.wav")
    assert name is not None
    assert (name.scene, name.city, name.location, name.segment, name.device) == (
        *("street_traffic", "lisbon", "1000", "40000"),
        "s6",
    )
    of_2022 = read_tau_name("airport-lisbon-1000-40000-0-a.wav")
    assert of_2022 is not None
    assert of_2022.device == "a"
    assert read_tau_name("b005_0_10.wav") is None
    with pytest.raises(AnnotationError, match=r"b005_0_10\.wav: not a name like airport-lisbon"):
        group_tau(["b005_0_10.wav"])


def test_an_answer_that_is_no_scene_here_counts_as_wrong() -> None:
    scores = score_scenes({"a": "park", "b": "tram", "c": "tram"}, {"a": "park", "b": "space station"})
    assert (scores.n_clips, scores.n_right) == (3, 1)
    assert scores.confusion.tolist() == [[1, 0, 0], [0, 0, 2]]


def test_scenes_that_do_not_fit_are_reported() -> None:
    with pytest.raises(AnnotationError, match=r"a: scene 'Park' is not one of park, tram; perhaps 'park'\?"):
        score_scenes({"a": "Park", "b": "tram"}, {}, labels=["park", "tram"])
    with pytest.raises(AnnotationError, match="c is in the estimates only"):
        score_scenes({"a": "park"}, {"c": "park"})
    with pytest.raises(AnnotationError, match="names no file"):
        score_scenes({}, {})
    with pytest.raises(AnnotationError, match="leaves a scene empty"):
        score_scenes({"a": ""}, {"a": ""})
    with pytest.raises(AnnotationError, match="a: its city is not known"):
        score_scenes({"a": "park"}, {"a": "park"}, groups={"city": {}})


def test_nothing_warns_of_means_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(compare_scenes({"a": "park"}, {"a": "park"}).score(np.zeros(1)).accuracy)
