"""Bounds of rare counts against known numbers, and tails against draws."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.calibration.poisson import bound_count, extrapolate_level, find_interval, share_up_to


def test_bounds_are_the_exact_ones() -> None:
    assert bound_count(0) == pytest.approx(2.99573, abs=1e-5)
    assert bound_count(3) == pytest.approx(7.75366, abs=1e-5)
    assert find_interval(0) == pytest.approx((0.0, 3.68888), abs=1e-5)
    assert find_interval(10) == pytest.approx((4.79539, 18.39036), abs=1e-5)
    assert find_interval(1000) == pytest.approx((938.97, 1063.96), abs=0.01)
    assert (share_up_to(0, 0.0), share_up_to(-1, 0.0)) == (1.0, 0.0)


def test_a_level_extrapolated_from_few_peaks_is_passed_as_often_as_wanted() -> None:
    random = np.random.default_rng(0)
    passed = []
    for _ in range(4000):
        level = extrapolate_level(random.exponential(0.7, 10).tolist(), 0.5)
        passed.append(10 * np.exp(-level / 0.7))  # expected on as much again
    assert np.mean(passed) == pytest.approx(0.5, rel=0.05)


def test_nothing_is_extrapolated_from_nothing() -> None:
    with pytest.raises(ValueError, match="need at least one excess"):
        extrapolate_level([], 1.0)
    assert extrapolate_level([1.0, 2.0], 5.0) == 0.0
