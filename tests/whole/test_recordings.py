"""The goals on real recordings, where these are at hand: ../shared/data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earwitness.cli.main import app
from earwitness.datasets.mixtures.mix import MixSettings
from earwitness.datasets.mixtures.sources import read_own_sources
from earwitness.datasets.mixtures.write import make_mixtures
from earwitness.encoders.load import load_encoder
from recordings import run_esc10, run_tut

DATA_DIR = Path(__file__).parent.parent.parent.parent / "shared" / "data"


def need(folder: str) -> Path:
    if not (DATA_DIR / folder).is_dir():
        pytest.skip(f"{DATA_DIR / folder} is absent, and with it the real recordings of this test")
    return DATA_DIR / folder


@pytest.mark.slow
def test_esc_10_is_classified_by_its_folders_names() -> None:
    result = run_esc10(need("esc10"), load_encoder())
    assert sum(result.n_clips.values()) == 240
    assert result.accuracy >= 0.93


@pytest.mark.slow
def test_the_rare_events_are_found_in_time_and_nothing_else_is_raised() -> None:
    results = list(run_tut(need("tut"), load_encoder()))
    assert len(results) == 6
    errors_s = [each.onset_error_s for each in results if each.truth]
    assert all(error_s is not None and abs(error_s) <= 0.5 for error_s in errors_s)
    assert len(errors_s) == 3
    assert [alarm for each in results for alarm in each.false_alarms] == []
    assert sum(each.scene_rank <= 3 for each in results) >= 3


@pytest.mark.slow
def test_esc_10_events_over_real_places_are_evaluated_with_both_methods(tmp_path: Path) -> None:
    esc10, tut = need("esc10"), need("tut")
    backgrounds, events = tmp_path / "backgrounds", tmp_path / "events"
    events.mkdir()
    backgrounds.mkdir()
    for label in ("baby_cry", "dog_bark", "person_sneeze", "rooster"):
        (events / label).symlink_to(esc10 / label)
    for name in ("babycry_000", "glassbreak_003", "gunshot_002"):  # those without an event
        (path,) = (tut / "audio").glob(f"*{name}*")
        (backgrounds / path.name).symlink_to(path)
    settings = MixSettings(n_per_label=4, ebrs_db=(0.0, 6.0), length_s=10.0)
    make_mixtures(read_own_sources(backgrounds, events, longest_s=2.0), settings, tmp_path / "mixtures")
    error_rates = {}
    for method in ("earwitness", "tmrl"):
        out = tmp_path / method
        options = ["--protocol", "rare", "--method", method, "-o", str(out), "--progress", "none"]
        done = CliRunner().invoke(app, ["evaluate", str(tmp_path / "mixtures"), *options])
        assert done.exit_code == 0, done.output
        [metric] = [
            each for each in json.loads((out / "results.json").read_text())["metrics"] if each["name"] == "error_rate"
        ]
        assert metric["low"] < metric["value"] < metric["high"]
        error_rates[method] = metric["value"]
    assert error_rates["earwitness"] < error_rates["tmrl"]
    compared = CliRunner().invoke(app, ["compare", str(tmp_path / "earwitness"), str(tmp_path / "tmrl")])
    assert compared.exit_code == 0
    assert "error rate" in compared.stdout
    assert "method: earwitness and tmrl" in compared.stdout
