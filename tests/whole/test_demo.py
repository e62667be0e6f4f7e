"""The demo recording is the same every time, and everything in it is heard, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import demo
from demo_recording import make_recording


def test_the_recording_is_made_the_same_every_time() -> None:
    first, truth = make_recording()
    again, _ = make_recording()
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert len(first) == 30 * 16000
    assert np.abs(first).max() <= 1
    assert len(truth) >= 5


def test_the_demo_hears_all_that_was_put_in_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["demo.py"])
    assert demo.main() == 0
    assert "7 of 7 events found within 0.5 s of their onset; 0 false alarms" in capsys.readouterr().out
    assert (tmp_path / "demo_out" / "events.csv").read_text().count("\n") == 8
    assert (tmp_path / "demo_out" / "scenes.csv").read_text().splitlines()[1].split(",")[2] == "storm"


def test_the_demo_takes_a_file_of_ones_own_and_tells_a_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = tmp_path / "bad.wav"
    bad.write_text("text")
    monkeypatch.setattr("sys.argv", ["demo.py", str(bad)])
    assert demo.main() == 2
    assert "bad.wav: not readable as audio" in capsys.readouterr().err
