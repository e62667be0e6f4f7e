"""The interval of a median ratio: its ranks by the binomial, its coverage by simulation, and the verdict."""

from __future__ import annotations

import numpy as np
import pytest

from paired_ratios import compare_pairs, find_ranks


@pytest.mark.parametrize(
    ("n", "n_left_out", "coverage"),
    [(1, 0, 0.0), (5, 0, 0.9375), (6, 0, 0.96875), (9, 1, 1 - 20 / 512), (15, 3, 0.9648), (25, 7, 0.9567)],
)
def test_the_interval_leaves_out_as_many_as_the_binomial_allows(n: int, n_left_out: int, coverage: float) -> None:
    assert find_ranks(n, 0.95) == (n_left_out, pytest.approx(coverage, abs=1e-4))


def test_the_median_ratio_and_its_interval_are_those_of_the_sorted_ratios() -> None:
    base = [1.0, 2.0, 1.0, 4.0, 1.0, 1.0, 1.0, 1.0, 10.0]
    ratios = [1.05, 0.9, 1.0, 1.1, 1.2, 1.3, 0.8, 1.4, 1.01]
    found = compare_pairs(base, [each * ratio for each, ratio in zip(base, ratios, strict=True)])
    assert (found.median, found.low, found.high) == pytest.approx((1.05, 0.9, 1.3))
    assert found.n_pairs == 9
    assert found.coverage > 0.95


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    base = rng.gamma(20.0, 0.1, (4000, 9))
    candidate = 1.2 * base * np.exp(0.3 * rng.standard_cauchy((4000, 9)).clip(-3, 3))  # disturbed on either side
    found = [compare_pairs(list(one), list(other)) for one, other in zip(base, candidate, strict=True)]
    covered = np.mean([each.low <= 1.2 <= each.high for each in found])
    assert covered == pytest.approx(found[0].coverage, abs=0.015)


@pytest.mark.parametrize(("ratio", "is_slower"), [(0.5, False), (1.0, False), (1.029, False), (1.04, True)])
def test_a_command_is_slower_only_where_the_intervals_lower_end_says_so(ratio: float, is_slower: bool) -> None:
    assert compare_pairs([1.0] * 9, [ratio] * 9).is_slower is is_slower


def test_a_wide_interval_is_no_proof_of_slowness() -> None:
    assert not compare_pairs([1.0] * 9, [1.0, 1.0, 1.1, 1.1, 1.2, 1.2, 1.3, 1.3, 1.3]).is_slower


@pytest.mark.parametrize(
    ("base", "candidate", "message"),
    [([], [], "pairs are needed"), ([1.0], [1.0, 1.0], "1 times of the base and 2"), ([1.0], [0.0], "0 s or less")],
)
def test_what_cannot_be_compared_is_refused(base: list[float], candidate: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_pairs(base, candidate)
