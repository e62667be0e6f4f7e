from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics import score_curves
from earwitness.metrics.score_curves import ScoreCurves, count_onsets, find_detections, read_score_curves
from made_events import event

EDGES_S = np.arange(8) * 0.5
SCORES = np.array([0.4, 1.0, 0.6, 0.6, 1.0, 1.0, 0.4])


def test_every_threshold_has_its_events() -> None:
    found = find_detections(SCORES, EDGES_S)
    assert found.thresholds.tolist() == [0.4, 0.6, 1.0]
    events = zip(found.steps.tolist(), found.onsets_s.tolist(), found.offsets_s.tolist(), strict=True)
    assert list(events) == [(0, 0.0, 3.5), (1, 0.5, 3.0), (2, 0.5, 1.0), (2, 2.0, 3.0)]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, edges_s = np.random.default_rng(0).random(200), np.arange(201) * 1.0
    whole = find_detections(scores, edges_s)
    monkeypatch.setattr(score_curves, "BLOCK_CELLS", 700)
    parts = find_detections(scores, edges_s)
    for name in ("thresholds", "steps", "onsets_s", "offsets_s"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_the_number_of_events_follows_from_peaks_and_dips() -> None:
    for seed in range(20):
        scores = np.round(np.random.default_rng(seed).random(50), 1)
        found = find_detections(scores, np.arange(51) * 1.0)
        at, changes = count_onsets(scores)
        for step, threshold in enumerate(found.thresholds):
            assert changes[at >= threshold].sum() == (found.steps == step).sum()


def test_minus_infinity_is_never_an_event() -> None:
    scores = np.array([-math.inf, 0.2, -math.inf])
    assert find_detections(scores, np.arange(4.0)).onsets_s.tolist() == [1.0]
    assert len(find_detections(np.full(3, -math.inf), np.arange(4.0)).steps) == 0
    assert count_onsets(np.full(3, -math.inf))[0].size == 0


def test_a_threshold_makes_events_of_what_lies_above() -> None:
    curves = ScoreCurves(("dog", "cat"), EDGES_S, np.stack([SCORES, SCORES[::-1]], axis=1))
    assert curves.find_events(0.6) == [
        *(event("dog", 0.5, 1.0), event("cat", 0.5, 1.5)),
        *(event("dog", 2.0, 3.0), event("cat", 2.5, 3.0)),
    ]
    assert curves.find_events({"dog": 1.0, "cat": 0.5}) == [event("cat", 0.5, 3.0)]


def test_a_folder_of_scores_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("onset\toffset\tdog\tcat\n0.0\t0.5\t0.1\t0.2\n0.5\t1.5\t0.3\t-inf\n")
    curves = read_score_curves(tmp_path)["a"]
    assert curves.labels == ("dog", "cat")
    assert curves.edges_s.tolist() == [0.0, 0.5, 1.5]
    assert curves.scores.tolist() == [[0.1, 0.2], [0.3, -math.inf]]
    assert curves.duration_s == 1.5


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("start\tend\tdog\n0\t1\t0.5\n", r"a\.tsv: line 1: .*; name columns onset, offset and labels"),
        ("onset\toffset\tdog\n0\t1\thigh\n", r"a\.tsv: not a table of scores .*high"),
        ("onset\toffset\tdog\n0\t1\n", r"a\.tsv: not a table of scores"),
        ("onset\toffset\tdog\n0\t1\t0.5\n2\t3\t0.5\n", r"line 3: onset 2.0 is not the offset before, 1.0"),
        ("onset\toffset\tdog\n0\t0\t0.5\n", r"a\.tsv: edges of segments must rise"),
        ("onset\toffset\tdog\n0\t1\tnan\n", r"a\.tsv: a score is nan"),
        ("onset\toffset\tdog\n", r"a\.tsv: scores of shape \(0, 1\)"),
    ],
)
def test_broken_scores_are_reported(text: str, details: str, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(AnnotationError, match=details):
        read_score_curves(tmp_path)


def test_a_folder_without_scores_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"no \.tsv here"):
        read_score_curves(tmp_path)
