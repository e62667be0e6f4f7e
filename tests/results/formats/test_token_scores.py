"""Scores of each token."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from demo_recording import make_recording
from earwitness.errors import SettingsError
from earwitness.metrics import read_score_curves
from earwitness.recognition.analysis import analyse
from earwitness.recognition.pipeline import ask
from earwitness.results.formats.base import RecordingResult
from earwitness.results.formats.token_scores import SCORES, SCORES_NPZ, check_scores, score_words
from earwitness.settings import Settings
from made_recognitions import RECOGNITION
from made_recognitions import SCORES as MADE


def test_a_table_has_a_column_a_word_and_six_digits(tmp_path: Path) -> None:
    table = SCORES.encode([RecordingResult(RECOGNITION, scores=MADE)])
    assert table.decode().splitlines()[:3] == [
        'onset\toffset\tdog bark\ta "quoted", word',
        "0.000\t0.160\t0.250000\t0.500000",
        "0.160\t0.320\t0.999999\t0.000000",
    ]
    (tmp_path / "yard.tsv").write_bytes(table)
    curves = read_score_curves(tmp_path)["yard"]
    assert np.allclose(curves.scores, MADE.scores, atol=1e-6)
    assert np.allclose(curves.edges_s, MADE.edges_s)


def test_arrays_hold_the_same() -> None:
    arrays = np.load(io.BytesIO(SCORES_NPZ.encode([RecordingResult(RECOGNITION, scores=MADE)])))
    assert arrays["words"].tolist() == list(MADE.words)
    assert np.array_equal(arrays["scores"], MADE.scores.astype(np.float32))
    assert (str(arrays["recording"]), arrays["offset_s"][-1]) == ("sounds/yard.wav", 0.48)


def test_scores_of_an_analysis_peak_where_its_events_do() -> None:
    words = ["telephone ringing", "glass breaking", "rain"]
    analysis = analyse((make_recording()[0], 16000))
    scores = score_words(analysis, words)
    assert scores.scores.shape == (len(scores.edges_s) - 1, 3)
    assert np.allclose(np.diff(scores.edges_s), 0.16)
    events = ask(analysis, words).events
    assert {event.word for event in events} == set(words)
    for event in events:
        curve = scores.scores[:, words.index(event.word)]
        at_peak = curve[round(event.peak_s / 0.16)]
        assert at_peak >= event.score - 1e-6  # a lasting score may be larger there
        assert curve.max() >= at_peak


@pytest.mark.parametrize(("words", "method"), [([], "earwitness"), (["dog"], "tmrl")])
def test_what_has_no_scores_is_refused(words: list[str], method: str) -> None:
    with pytest.raises(SettingsError, match="format scores"):
        check_scores(words, Settings(method=method))
    with pytest.raises(SettingsError, match="format scores"):
        SCORES.encode([RecordingResult(RECOGNITION)])
