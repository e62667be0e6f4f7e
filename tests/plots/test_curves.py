"""ROC and precision-recall curves: scikit-learn's numbers, and lines that say whose they are."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from earwitness.plots.curves import (
    LINES,
    N_NAMED,
    ScoredLabel,
    draw_precision_recall,
    draw_roc,
    trace_precision,
    trace_roc,
)
from looking import caption, overlaps, texts, title


def make_scores(label: str = "siren", n: int = 40, seed: int = 0, n_there: int = 10) -> ScoredLabel:
    """Return scores with ties, larger where the label is there."""
    random = np.random.default_rng(seed)
    is_there = np.arange(n) < n_there
    return ScoredLabel(label, is_there, np.round(random.normal(is_there * 1.0, 1.0, n), 1))


@pytest.mark.parametrize("seed", range(5))
def test_curves_and_areas_are_those_of_scikit_learn(seed: int) -> None:
    scored = make_scores(seed=seed)
    false, true, area = trace_roc(scored)
    expected = roc_curve(scored.is_there, scored.scores, drop_intermediate=False)
    assert np.allclose(false, expected[0])
    assert np.allclose(true, expected[1])
    assert area == pytest.approx(roc_auc_score(scored.is_there, scored.scores))
    recall, precision, average = trace_precision(scored)
    theirs, recalls, _ = precision_recall_curve(scored.is_there, scored.scores)
    assert np.allclose(recall, recalls[:-1][::-1])
    assert np.allclose(precision, theirs[:-1][::-1])
    assert average == pytest.approx(average_precision_score(scored.is_there, scored.scores))


def test_each_label_has_its_line_its_area_and_its_colour() -> None:
    scored = [make_scores("siren", seed=1), make_scores("rain $x", seed=2, n_there=15)]
    figure = draw_roc(scored, "clips: ROC", "Said below.")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("false positive rate", "true positive rate")
    lines = {line.get_label().split(" (")[0]: line for line in axes.lines}
    assert set(lines) == {"siren", "rain $x", "chance"}
    for each in scored:
        false, true, area = trace_roc(each)
        assert np.array_equal(lines[each.label].get_xdata(), false)
        assert np.array_equal(lines[each.label].get_ydata(), true)
        assert f"AUC {area:.3f}; {each.is_there.sum()} of 40" in lines[each.label].get_label()
    assert [lines[name].get_color() for name in ("rain $x", "siren")] == list(LINES[:2])
    assert title(figure) == "clips: ROC"
    assert caption(figure) == "Said below."
    assert not overlaps(figure)


def test_precision_and_recall_lie_between_nought_and_one() -> None:
    figure = draw_precision_recall([make_scores()], "a", "b")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")
    (line,) = axes.lines
    recall, precision, average = trace_precision(make_scores())
    assert np.array_equal(line.get_xdata(), recall)
    assert np.array_equal(line.get_ydata(), precision)
    assert f"AP {average:.3f}" in line.get_label()
    assert axes.get_xlim()[0] <= 0 < 1 <= axes.get_xlim()[1]


def test_what_lies_below_the_runs_threshold_is_dotted() -> None:
    is_there = np.array([True, True, True, False, False, False])
    scored = ScoredLabel("siren", is_there, np.array([0.9, 0.8, 0.0, 0.7, 0.0, 0.0]), floor=0.0)
    figure = draw_roc([scored], "a", "b.")
    known, rest, _ = figure.axes[0].lines
    assert np.allclose(known.get_xdata(), [0, 0, 0, 1 / 3])
    assert np.allclose(rest.get_xdata(), [1 / 3, 1])
    assert rest.get_linestyle() == ":"
    assert "below the run's threshold" in caption(figure)
    (known, rest) = draw_precision_recall([scored], "a", "b.").axes[0].lines
    assert np.allclose(known.get_ydata(), [1, 1, 2 / 3])
    assert np.allclose(rest.get_xdata(), [2 / 3, 1])


def test_labels_everywhere_or_nowhere_have_no_curve_and_are_named() -> None:
    nowhere = ScoredLabel("whale", np.zeros(40, bool), np.zeros(40))
    figure = draw_roc([make_scores(), nowhere], "a", "b.")
    assert len(figure.axes[0].lines) == 2
    assert "No curve (in all recordings or in none): whale." in caption(figure)


def test_more_labels_than_colours_are_grey_behind_the_rest() -> None:
    scored = [make_scores(f"word {i}", seed=i, n_there=20 - i) for i in range(12)]
    figure = draw_roc(scored, "a", "b.")
    lines = figure.axes[0].lines
    assert len(lines) == 13
    assert sum(line.get_color() in LINES for line in lines) == N_NAMED
    assert any(text.endswith(f"(grey: {12 - N_NAMED} more)") for text in texts(figure))
    assert "word 0" in lines[12 - N_NAMED].get_label()
