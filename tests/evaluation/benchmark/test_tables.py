"""The benchmark's numbers, from counts drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.evaluation.benchmark.tables import (
    LEVELS,
    BenchmarkRow,
    count_alarms,
    count_hits,
    count_lasting,
    f1,
    make_row,
    print_table,
    rate,
    recall_at,
    recall_row,
)


def test_alarms_are_counted_by_hour_and_word() -> None:
    counts = count_alarms([[("siren", 1.0, 2.0)] * 3, []], 1800.0, 2)
    assert counts.tolist() == [[3, 1], [0, 1]]
    assert rate(counts[0]) == 3


def test_hits_are_onsets_near_the_true_one() -> None:
    found = [("siren", 5.7, 6.0), ("siren", 9.0, 9.5), ("dog", 5.0, 6.0)]
    (counts,) = count_hits([found], "siren", 5.0)
    assert counts.tolist() == [0, 1, 3, 1]  # within 1 s only, of three events
    assert f1(counts, 1) == pytest.approx(2 / 4)
    (empty,) = count_hits([found], "siren", None)
    assert empty.tolist() == [0, 0, 3, 0]


def test_a_lasting_sound_is_covered_by_the_union_of_its_events() -> None:
    share, began, n = count_lasting([("rain", 13.0, 20.0), ("rain", 18.0, 25.0)], 15.0, 35.0)
    assert (share, began, n) == (pytest.approx(0.5), 1, 1)
    assert count_lasting([("rain", 21.0, 40.0)], 15.0, 35.0)[1] == 0
    assert count_lasting([], 15.0, 35.0).tolist() == [0, 0, 1]


def test_recall_is_read_where_the_pooled_rate_is_the_wanted_one() -> None:
    alarms = np.array([[100.0, 10], [10, 10], [1, 10], [0, 10]])
    hits = np.array([[0, 10.0, 0, 10], [0, 8, 0, 10], [0, 4, 0, 10], [0, 2, 0, 10]])
    assert recall_at(alarms, hits, 1.0) == pytest.approx(0.8)
    assert 0.4 < recall_at(alarms, hits, 0.5) < 0.8
    assert recall_at(alarms, hits, 100.0) == pytest.approx(1.0)
    row = recall_row("r", np.stack([alarms] * 3), np.stack([hits] * 5), 1.0)
    assert (row.value, row.n) == (pytest.approx(0.8), 5)
    assert row.low <= row.value <= row.high


def test_a_table_stands_beside_another_versions_and_says_what_is_worse() -> None:
    counts = np.array([[1.0, 1.0]] * 8 + [[0.0, 1.0]] * 2)
    row = make_row("top-1", counts, lambda sums: float(sums[0] / sums[1]))
    assert row.value == pytest.approx(0.8)
    other = BenchmarkRow("top-1", 0.9, 0.85, 0.95, 10)
    assert row.worsened_from(other)
    assert not BenchmarkRow("alarms", 1.0, 0, 0, 1, "lower").worsened_from(BenchmarkRow("alarms", 2, 1, 3, 1, "lower"))
    lines = print_table([row], [other]).splitlines()
    assert lines[0] == "| | before | this version | 95 % interval | n |"
    assert lines[2].startswith("| top-1 | 0.900 | 0.800 |")
    assert LEVELS[20] == 0.0
