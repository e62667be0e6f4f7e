"""The goals on real recordings, where these are at hand: ../shared/data."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwitness.runtime import load_encoder
from recordings import run_esc10, run_tut

DATA_DIR = Path(__file__).parent.parent.parent / "shared" / "data"


def need(folder: str) -> Path:
    if not (DATA_DIR / folder).is_dir():
        pytest.skip(f"{DATA_DIR / folder} is absent, and with it the real recordings of this test")
    return DATA_DIR / folder


def test_esc_10_is_classified_by_its_folders_names() -> None:
    result = run_esc10(need("esc10"), load_encoder())
    assert sum(result.n_clips.values()) == 240
    assert result.accuracy >= 0.93


def test_the_rare_events_are_found_in_time_and_nothing_else_is_raised() -> None:
    results = list(run_tut(need("tut"), load_encoder()))
    assert len(results) == 6
    errors_s = [each.onset_error_s for each in results if each.truth]
    assert all(error_s is not None and abs(error_s) <= 0.5 for error_s in errors_s)
    assert len(errors_s) == 3
    assert [alarm for each in results for alarm in each.false_alarms] == []
    assert sum(each.scene_rank <= 3 for each in results) >= 4
