"""The front end: its floor, its filters and its shortest input; test_golden.py compares it with the reference M2D."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from earwitness.audio.mel import MelSpec, compute_log_mel, mel_filters
from earwitness.errors import AudioError


def test_silence_is_the_log_of_the_added_floor() -> None:
    log_mel = compute_log_mel(torch.zeros(1, 1600), MelSpec.at(16000))
    assert log_mel.shape == (1, 1, 80, 11)
    assert torch.allclose(log_mel, torch.full_like(log_mel, -15.942385), atol=1e-5)
    assert float(np.log(MelSpec.at(16000).floor)) == pytest.approx(-15.942385, abs=1e-5)


def test_mel_filters_have_slaneys_scale_and_norm() -> None:
    filters = mel_filters(MelSpec.at(16000))
    assert filters.shape == (80, 201)
    assert filters.max() == pytest.approx(0.0272060, abs=1e-6)
    assert mel_filters(MelSpec.at(32000)).max() == pytest.approx(0.0220234, abs=1e-6)
    assert (filters.sum(axis=1) > 0).all()


def test_a_window_too_short_to_mirror_is_told() -> None:
    assert compute_log_mel(torch.zeros(1, 201), MelSpec.at(16000)).shape[-1] == 2
    with pytest.raises(AudioError, match="200 samples are too few: the spectrum needs at least 201"):
        compute_log_mel(torch.zeros(1, 200), MelSpec.at(16000))
