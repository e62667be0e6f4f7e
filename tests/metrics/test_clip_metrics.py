from __future__ import annotations

import json
import math

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.clip_metrics import find_d_prime, score_clips, score_tags
from earwitness.metrics.intervals import bootstrap
from made_events import reference_tools

metrics = pytest.importorskip("sklearn.metrics")
RATES = ("accuracy", "precision", "recall", "f1", "jaccard")
LABELS = ("babycry", "glassbreak", "gunshot")


def make_clips(seed: int, n_clips: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return reference (N, 3) and scores (N, 3) with many ties."""
    generator = np.random.default_rng(seed)
    ref = generator.random((n_clips, 3)) < 0.4
    ref[0], ref[1] = True, False
    return ref, np.round(np.clip(generator.normal(0.4 + 0.2 * ref, 0.3), 0, 1), 1)


@pytest.mark.parametrize("average", ["micro", "macro"])
def test_decisions_score_as_in_scikit_learn(average: str) -> None:
    for seed in range(40):
        ref, scores = make_clips(seed)
        found = scores >= 0.5
        ours = score_clips(ref, scores, LABELS)
        named = ours.macro if average == "macro" else {k: getattr(ours.micro, k) for k in ours.macro if k in RATES}
        with reference_tools():
            precision, recall, f1, _ = metrics.precision_recall_fscore_support(ref, found, average=average)
            expected = {"precision": precision, "recall": recall, "f1": f1}
            expected["jaccard"] = metrics.jaccard_score(ref, found, average=average)
        expected["accuracy"] = (ref == found).mean()
        for name, value in expected.items():
            assert named[name] == pytest.approx(value, abs=1e-12), name


def test_clips_as_a_whole_score_as_in_scikit_learn() -> None:
    for seed in range(40):
        ref, scores = make_clips(seed)
        found, ours = scores >= 0.5, score_clips(ref, scores, LABELS)
        with reference_tools():
            assert ours.hamming_loss == pytest.approx(metrics.hamming_loss(ref, found), abs=1e-12)
            assert ours.exact_match == pytest.approx(metrics.accuracy_score(ref, found), abs=1e-12)
            expected = metrics.jaccard_score(ref, found, average="samples", zero_division=0)
        assert ours.samples_jaccard == pytest.approx(expected, abs=1e-12)
        confusion = metrics.multilabel_confusion_matrix(ref, found)
        for label, ((tn, fp), (fn, tp)) in zip(LABELS, confusion, strict=True):
            each = ours.by_label[label]
            assert (each.true_negatives, each.false_positives) == (tn, fp)
            assert (each.false_negatives, each.true_positives) == (fn, tp)


@pytest.mark.slow
@pytest.mark.parametrize("is_weighted", [False, True])
def test_rankings_score_as_in_scikit_learn(is_weighted: bool) -> None:
    for seed in range(40):
        ref, scores = make_clips(seed)
        weights = np.random.default_rng(seed).integers(0, 4, len(ref)).astype(float) if is_weighted else None
        if weights is not None:
            weights[:2] = 1
        ours = score_clips(ref, scores, LABELS, weights=weights)
        for place, label in enumerate(LABELS):
            pair, ranking = (ref[:, place], scores[:, place]), ours.by_label[label].ranking
            precision, recall, _ = metrics.precision_recall_curve(*pair, sample_weight=weights)
            assert ranking.roc_auc == pytest.approx(metrics.roc_auc_score(*pair, sample_weight=weights), abs=1e-9)
            expected = metrics.average_precision_score(*pair, sample_weight=weights)
            assert ranking.average_precision == pytest.approx(expected, abs=1e-9)
            assert ranking.pr_auc == pytest.approx(metrics.auc(recall, precision), abs=1e-9)
        expected = metrics.roc_auc_score(ref, scores, average="macro", sample_weight=weights)
        assert ours.macro["roc_auc"] == pytest.approx(expected, abs=1e-9)
        micro = metrics.roc_auc_score(ref, scores, average="micro", sample_weight=weights)
        assert ours.micro.ranking.roc_auc == pytest.approx(micro, abs=1e-9)


def test_tags_have_map_auc_and_d_prime() -> None:
    ref, scores = make_clips(3)
    tags = score_tags(ref, scores, LABELS)
    assert tags.mean_average_precision == pytest.approx(metrics.average_precision_score(ref, scores), abs=1e-9)
    assert tags.roc_auc == pytest.approx(metrics.roc_auc_score(ref, scores), abs=1e-9)
    assert tags.d_prime == find_d_prime(tags.roc_auc)
    json.dumps(tags.to_dict(), allow_nan=False)


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
    ours = score_clips(ref, scores, ["a", "b"])
    assert math.isnan(ours.by_label["b"].ranking.roc_auc)
    assert ours.macro["average_precision"] == 1.0
    assert ours.macro["f1"] == 0.5
    text = json.dumps(ours.to_dict(), allow_nan=False)
    assert json.loads(text)["by_label"]["b"]["roc_auc"] is None


def test_each_label_may_have_its_threshold() -> None:
    ref, scores = np.array([[1, 1]]), np.array([[0.4, 0.4]])
    assert score_clips(ref, scores, ["a", "b"], thresholds=np.array([0.4, 0.5])).accuracy == 0.5


def test_an_interval_of_f1_comes_from_weights() -> None:
    ref, scores = make_clips(4, n_clips=100)
    found = bootstrap(100, lambda weights: score_clips(ref, scores, LABELS, weights=weights).macro["f1"], 100)
    assert found.low < found.value < found.high


def test_arrays_that_do_not_fit_are_reported() -> None:
    ref, scores = make_clips(5)
    with pytest.raises(AnnotationError, match=r"reference \(40, 3\), scores \(40, 2\), 3 labels"):
        score_clips(ref, scores[:, :2], LABELS)
    with pytest.raises(AnnotationError, match="other values than 0 and 1"):
        score_clips(ref * 2, scores, LABELS)
    scores[3, 1] = math.nan
    with pytest.raises(AnnotationError, match="a score of glassbreak is nan"):
        score_tags(ref, scores, LABELS)
    with pytest.raises(AnnotationError, match=r"weights \(2,\) for 40 clips"):
        score_tags(ref, np.zeros((40, 3)), LABELS, weights=np.ones(2))
