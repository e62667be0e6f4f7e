from __future__ import annotations

import numpy as np
import pytest

from earwitness.metrics.matching import match_pairs
from made_events import reference_tools

with reference_tools():
    from sed_eval.util import bipartite_match


def match_by_reference(hits: np.ndarray) -> list[int]:
    choices: dict[int, list[int]] = {}
    for ref, est in np.argwhere(hits).tolist():
        choices.setdefault(est, []).append(ref)
    found = bipartite_match(choices)
    return [found.get(ref, -1) for ref in range(len(hits))]


@pytest.mark.parametrize("density", [0.1, 0.3, 0.6])
def test_the_very_pairs_of_the_reference_are_taken(density: float) -> None:
    generator = np.random.default_rng(3)
    for _ in range(300):
        hits = generator.random(generator.integers(1, 12, size=2)) < density
        assert match_pairs(hits).tolist() == match_by_reference(hits)


def test_nothing_is_matched_with_nothing() -> None:
    assert match_pairs(np.zeros((0, 3), dtype=bool)).tolist() == []
    assert match_pairs(np.zeros((2, 0), dtype=bool)).tolist() == [-1, -1]


def test_a_chain_longer_than_python_s_stack_is_followed() -> None:
    n_pairs = 3000
    hits = np.eye(n_pairs, dtype=bool) | np.eye(n_pairs, k=-1, dtype=bool)  # est i suits ref i and ref i + 1
    order = np.r_[1:n_pairs, 0]
    matched = match_pairs(hits[order])
    assert (matched >= 0).all()
    assert len(set(matched.tolist())) == n_pairs
