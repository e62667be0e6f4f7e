"""Confusion matrices and distributions: every count is in its place, with its unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from earwitness.plots import published as detections
from earwitness.plots.confusion import NONE, draw_confusion, draw_distribution
from earwitness.plots.figure import ACTUAL, ESTIMATED
from earwitness.plots.published import NAMES, Detected, draw_detections
from looking import caption, overlaps, texts, title

CELLS = np.array([[7, 1, 0], [2, 2, 4]])


def test_a_confusion_matrix_has_truth_in_rows_and_answers_in_columns() -> None:
    figure = draw_confusion(CELLS, ["dog", "cat"], ["dog", "cat", NONE], "a title", "Said below.")
    axes, bar = figure.axes
    assert np.allclose(axes.images[0].get_array(), [[7 / 8, 1 / 8, 0], [0.25, 0.25, 0.5]])
    assert axes.images[0].get_clim() == (0.0, 1.0)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dog", "cat"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["dog", "cat", NONE]
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == (
        "answer",
        "truth (recordings)",
        "share of the row",
    )
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers == {(0, 0): "7", (1, 0): "1", (0, 1): "2", (1, 1): "2", (2, 1): "4"}
    assert {text.get_color() for text in axes.texts if text.get_text() == "7"} == {"black"}  # on yellow
    assert (title(figure), caption(figure)) == ("a title", "Said below.")
    assert not overlaps(figure)


def test_many_labels_have_no_numbers_and_a_row_without_recordings_is_empty() -> None:
    cells = np.diag(np.arange(40))
    figure = draw_confusion(cells, [f"w{i}" for i in range(40)], [f"w{i}" for i in range(40)], "a", "b")
    assert not figure.axes[0].texts
    assert figure.axes[0].images[0].get_array()[0].max() == 0
    assert not overlaps(figure)


def test_actual_and_predicted_stand_side_by_side() -> None:
    figure = draw_distribution(["dog", "cat"], [8, 3], [5, 0], "recordings", "a title", "Said below.")
    (axes,) = figure.axes
    actual, predicted = axes.containers
    assert [bar.get_height() for bar in actual] == [8, 3]
    assert [bar.get_height() for bar in predicted] == [5, 0]
    assert {to_hex(bar.get_facecolor()) for bar in actual} == {ACTUAL.lower()}
    assert {to_hex(bar.get_facecolor()) for bar in predicted} == {ESTIMATED.lower()}
    assert all(
        one.get_x() + one.get_width() < other.get_x() + 0.03 for one, other in zip(actual, predicted, strict=True)
    )
    assert axes.get_ylabel() == "number of recordings"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["dog", "cat"]
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > 8
    assert {"actual", "predicted", "8", "3", "5", "0"} <= texts(figure)
    assert not overlaps(figure)


@pytest.mark.slow
def test_the_papers_set_counts_what_was_found_against_the_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, tuple[Any, ...]] = {}

    def note(name: str) -> None:
        own = getattr(detections, name)

        def keep(*arguments: Any) -> Any:
            drawn[name] = arguments
            return own(*arguments)

        monkeypatch.setattr(detections, name, keep)

    for name in ("draw_confusion", "draw_distribution", "draw_roc"):
        note(name)
    detected = [
        Detected("babycry", {"baby cry": 0.9, "gunshot": 0.95}),
        Detected("babycry", {"baby cry": 0.6}),
        Detected("gunshot", {}),
        Detected("", {"gunshot": 0.3}),
        Detected("", {}),
    ]
    paths = draw_detections(tmp_path, ["baby cry", "gunshot"], detected, "Said below.")
    assert [path.name for path in paths] == list(NAMES)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert drawn["draw_confusion"][0].tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 1]]
    labels, n_actual, n_predicted, unit, *_ = drawn["draw_distribution"]
    assert (labels, n_actual, n_predicted, unit) == (["baby cry", "gunshot", NONE], [2, 1, 2], [2, 2, 2], "recordings")
    cry, shot = drawn["draw_roc"][0]
    assert cry.scores.tolist() == [0.9, 0.6, 0, 0, 0]
    assert shot.is_there.tolist() == [False, False, True, False, False]
    again = draw_detections(tmp_path, ["baby cry"], detected[3:], "Said below.")
    assert [path.name for path in again] == ["distribution.png", "confusion.png"]
    assert not (tmp_path / "roc.png").exists()  # of the run before
