from __future__ import annotations

import math

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.clip_metrics import find_d_prime, score_tags
from earwitness.metrics.intervals import bootstrap

metrics = pytest.importorskip("sklearn.metrics")
LABELS = ("babycry", "glassbreak", "gunshot")


def make_clips(seed: int, n_clips: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return reference (N, 3) and scores (N, 3) with many ties."""
    generator = np.random.default_rng(seed)
    ref = generator.random((n_clips, 3)) < 0.4
    ref[0], ref[1] = True, False
    return ref, np.round(np.clip(generator.normal(0.4 + 0.2 * ref, 0.3), 0, 1), 1)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_rankings_score_as_in_scikit_learn(is_weighted: bool) -> None:
    for seed in range(40):
        ref, scores = make_clips(seed)
        weights = np.random.default_rng(seed).integers(0, 4, len(ref)).astype(float) if is_weighted else None
        if weights is not None:
            weights[:2] = 1
        ours = score_tags(ref, scores, LABELS, weights)
        for place, label in enumerate(LABELS):
            pair, ranking = (ref[:, place], scores[:, place]), ours.by_label[label]
            assert ranking.roc_auc == pytest.approx(metrics.roc_auc_score(*pair, sample_weight=weights), abs=1e-9)
            expected = metrics.average_precision_score(*pair, sample_weight=weights)
            assert ranking.average_precision == pytest.approx(expected, abs=1e-9)
        expected = metrics.roc_auc_score(ref, scores, average="macro", sample_weight=weights)
        assert ours.roc_auc == pytest.approx(expected, abs=1e-9)


def test_tags_have_map_auc_and_d_prime() -> None:
    ref, scores = make_clips(3)
    tags = score_tags(ref, scores, LABELS)
    assert tags.mean_average_precision == pytest.approx(metrics.average_precision_score(ref, scores), abs=1e-9)
    assert tags.roc_auc == pytest.approx(metrics.roc_auc_score(ref, scores), abs=1e-9)
    assert tags.d_prime == find_d_prime(tags.roc_auc)


def test_d_prime_is_the_distance_of_two_normal_distributions() -> None:
    assert find_d_prime(0.5) == 0.0
    # sqrt(2) times 1.8957 and 1.7392 of a table of the normal distribution
    assert find_d_prime(0.971) == pytest.approx(2.681, abs=1e-3)
    assert find_d_prime(0.959) == pytest.approx(2.460, abs=1e-3)
    assert find_d_prime(1.0) == math.inf
    assert find_d_prime(0.0) == -math.inf
    assert math.isnan(find_d_prime(math.nan))


def test_a_label_that_no_clip_holds_has_no_ranking_and_is_left_out_of_means() -> None:
    ref = np.array([[1, 0], [0, 0], [1, 0]])
    scores = np.array([[0.9, 0.2], [0.1, 0.7], [0.8, 0.1]])
    ours = score_tags(ref, scores, ["a", "b"])
    assert math.isnan(ours.by_label["b"].roc_auc)
    assert (ours.mean_average_precision, ours.roc_auc) == (1.0, 1.0)


def test_an_interval_of_auc_comes_from_weights() -> None:
    ref, scores = make_clips(4, n_clips=100)
    found = bootstrap(100, lambda weights: score_tags(ref, scores, LABELS, weights).roc_auc, 100)
    assert found.low < found.value < found.high


def test_arrays_that_do_not_fit_are_reported() -> None:
    ref, scores = make_clips(5)
    with pytest.raises(AnnotationError, match=r"reference \(40, 3\), scores \(40, 2\), 3 labels"):
        score_tags(ref, scores[:, :2], LABELS)
    with pytest.raises(AnnotationError, match="other values than 0 and 1"):
        score_tags(ref * 2, scores, LABELS)
    scores[3, 1] = math.nan
    with pytest.raises(AnnotationError, match="a score of glassbreak is nan"):
        score_tags(ref, scores, LABELS)
    with pytest.raises(AnnotationError, match=r"weights \(2,\) for 40 clips"):
        score_tags(ref, np.zeros((40, 3)), LABELS, weights=np.ones(2))
