"""`earwitness demo`: the recording is made the same every time, and most of it is detected where it begins."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from demo_recording import make_recording
from earwitness.audio import load_audio
from earwitness.cli.demo import read_truth
from earwitness.cli.main import app
from earwitness.files import DATA_DIR
from results_read import read_rows


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["demo", *map(str, arguments)])


def test_the_recording_is_made_the_same_every_time() -> None:
    first, truth = make_recording()
    again, _ = make_recording()
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert len(first) == 30 * 16000
    assert np.abs(first).max() <= 1
    assert len(truth) >= 5


def test_the_shipped_recording_is_the_one_that_the_script_makes() -> None:
    made, events = make_recording()
    assert [astuple(each) for each in read_truth(DATA_DIR / "demo.csv")] == [astuple(each) for each in events]
    assert (DATA_DIR / "demo.ogg").stat().st_size <= 150_000
    shipped = load_audio(DATA_DIR / "demo.ogg").samples
    assert len(shipped) == len(made)
    assert np.corrcoef(shipped, made)[0, 1] > 0.95


@pytest.mark.slow
def test_the_demo_detects_most_of_what_was_put_in(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("--out", out)
    assert done.exit_code == 0, done.output
    assert "6 of 7 events found within 0.5 s of their onset; 0 false alarms" in done.stdout
    assert f"-> {out / 'index.html'}: open it in a browser" in done.stdout
    assert len(read_rows(out / "events.csv")) == 6
    assert read_rows(out / "scenes.csv")[0]["scene"] == "storm"
    assert "demo.ogg" in (out / "index.html").read_text(encoding="utf-8")


def test_the_demo_takes_a_file_of_ones_own_and_reports_a_bad_one(tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("text")
    done = run(bad, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "bad.wav: not readable as audio" in done.stderr
