"""Measures file by file: their numbers are those of the metrics; groups count their own labels only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earwitness.datasets.base import Clip, Dataset
from earwitness.errors import DatasetError
from earwitness.evaluation.errors import ScoredEvent, draw_curve
from earwitness.evaluation.measures import (
    list_conditions,
    measure_answers,
    measure_clips,
    measure_events,
    score_measure,
)
from earwitness.evaluation.plan import plan_words
from earwitness.evaluation.run import AnalysedClip, name_clips, score_dataset
from earwitness.metrics.annotations import LabelledEvent
from earwitness.metrics.clip_metrics import score_tags
from earwitness.settings import Settings
from made_events import score_rare_events

CLASSES = {"a.wav": "babycry", "b.wav": "babycry", "c.wav": "gunshot", "d.wav": "gunshot"}
REF = {
    "a.wav": [LabelledEvent("babycry", 1.0, 2.0)],
    "b.wav": [],
    "c.wav": [LabelledEvent("gunshot", 4.0, 5.0)],
    "d.wav": [LabelledEvent("gunshot", 2.0, 3.0)],
}
EST = {
    "a.wav": [LabelledEvent("babycry", 1.4, 2.0)],
    "b.wav": [LabelledEvent("babycry", 3.0, 4.0)],
    "c.wav": [LabelledEvent("gunshot", 4.6, 5.0)],
    "d.wav": [LabelledEvent("gunshot", 2.1, 3.0), LabelledEvent("babycry", 2.0, 3.0)],
}


def test_rare_events_have_the_official_scores() -> None:
    official = score_rare_events(REF, EST, CLASSES)
    found = {each.name: each.interval.value for each in score_measure(measure_events("rare", REF, EST, None, CLASSES))}
    assert found["error_rate"] == pytest.approx(official.macro_error_rate)
    assert found["f1"] == pytest.approx(official.macro_f1)


def test_a_condition_counts_the_labels_of_its_own_files_only() -> None:
    measure = measure_events("rare", REF, EST, None, CLASSES)
    rows = list_conditions(measure, {"place": {"c.wav": "tram", "d.wav": "tram"}})
    values = {row["metric"]: row["value"] for row in rows}
    assert {row["n_files"] for row in rows} == {2}
    assert values["error_rate"] == pytest.approx(1.0)  # one missed and one false alarm, of two
    assert values["recall"] == pytest.approx(0.5)


def test_answers_give_accuracy_rank_and_confusion() -> None:
    labels = ["bus", "park", "tram"]
    ref = {"a": "bus", "b": "park", "c": "park"}
    ranked = {"a": ["bus", "tram", "park"], "b": ["tram", "bus", "park"], "c": ["park", "bus", "tram"]}
    measure = measure_answers("scenes", ref, ranked, labels)
    found = {each.name: each.interval.value for each in score_measure(measure)}
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["mean_rank"] == pytest.approx(5 / 3)
    assert measure.confuse().tolist() == [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_clips_have_the_scores_of_the_clip_metrics() -> None:
    generator = np.random.default_rng(3)
    labels, files = ["bee", "dog", "rain"], [f"{index}.wav" for index in range(12)]
    is_there, scores = generator.random((12, 3)) < 0.5, generator.random((12, 3))
    ref = {file: frozenset(np.array(labels)[row].tolist()) for file, row in zip(files, is_there, strict=True)}
    est = {file: dict(zip(labels, row.tolist(), strict=True)) for file, row in zip(files, scores, strict=True)}
    found = {each.name: each.interval.value for each in score_measure(measure_clips(ref, est, labels))}
    metrics = pytest.importorskip("sklearn.metrics")
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(is_there, scores >= 0.5, average="macro"))
    assert found["f1"] == pytest.approx(metrics.f1_score(is_there, scores >= 0.5, average="micro"))
    assert found["map"] == pytest.approx(score_tags(is_there, scores, labels).mean_average_precision)


def test_a_curve_counts_what_each_threshold_keeps() -> None:
    scored = {file: [ScoredEvent(event, 0.6 + 0.1 * index) for event in EST[file]] for index, file in enumerate(EST)}
    rows = draw_curve("rare", REF, scored, ["babycry", "gunshot"], 1800.0, 0.5, CLASSES)
    assert [round(row["threshold"], 2) for row in rows] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert [row["n_false_alarms"] for row in rows] == [2, 2, 2, 1, 0]
    assert [row["false_alarms_per_hour"] for row in rows] == [4.0, 4.0, 4.0, 2.0, 0.0]
    assert rows[-1]["recall"] == pytest.approx(1 / 3)


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    paths = [Path("/data/x/one/1.wav"), Path("/data/x/two/1.wav")]
    dataset = Dataset("mine", tuple(Clip(path) for path in paths))
    assert list(name_clips(dataset).values()) == ["one/1.wav", "two/1.wav"]
    assert list(name_clips(Dataset("mine", (Clip(paths[0]),))).values()) == ["1.wav"]


def test_where_no_recording_could_be_used_the_first_reason_is_reported() -> None:
    clip = Clip(Path("a.wav"), labels=frozenset({"dog"}))
    dataset = Dataset("mine", (clip,), ("dog",))
    with pytest.raises(DatasetError, match="mine: none of 1 recordings could be used; the first: a.wav: empty"):
        score_dataset(
            dataset, plan_words(dataset), [AnalysedClip("a.wav", clip, reason="a.wav: empty")], Settings(), {}
        )
    with pytest.raises(DatasetError, match="name no event, scene or label"):
        plan_words(Dataset("bare", (Clip(Path("a.wav")),)))
