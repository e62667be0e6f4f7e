"""Waveform windows to log-mel spectrograms, exactly as M2D was trained.

In: windows (W, S) float32 in [-1, 1] at the encoder's rate. Out: log-mel (W, 1, M, F) float32, not normalised.
25 ms periodic Hann window, 10 ms hop, centred with reflect padding, power spectrum, 80 Slaney-scaled and
Slaney-normalised mel bands from 50 Hz to the Nyquist frequency, natural log of (power + float32 epsilon).

Source: M2D (Niizumi et al. 2024, "Masked Modeling Duo", section IV); the mel scale is Slaney's Auditory Toolbox.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from earwitness.errors import AudioError

if TYPE_CHECKING:
    import torch

N_MELS = 80
FRAMES_PER_S = 100
WINDOWS_PER_S = 40  # the STFT window is 1/40 s long
F_MIN_HZ = 50.0
LOG_FLOOR = float(np.finfo(np.float32).eps)  # added, not clamped: silence is ln(eps) = -15.942385

_LINEAR_HZ_PER_MEL = 200.0 / 3
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = float(np.log(6.4)) / 27


def compute_log_mel(windows: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
    """Return the log-mel spectrogram of each window.

    Args:
        windows: (W, S) float32 samples in [-1, 1].
        sample_rate_hz: rate of the samples; the bands end at half of it.

    Returns:
        (W, 1, M, F) float32 with M = 80, the lowest band first, and F = 1 + S // (rate / 100) frames.

    Raises:
        AudioError: a window is not longer than half an STFT window, so that it cannot be mirrored at its ends.
    """
    import torch

    n_fft, hop = _check_length(windows.shape[-1], sample_rate_hz)
    hann = torch.hann_window(n_fft, periodic=True, device=windows.device)
    spectrum = torch.stft(windows, n_fft, hop, n_fft, hann, center=True, pad_mode="reflect", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()  # (W, n_fft // 2 + 1, F)
    mel = torch.from_numpy(mel_filters(sample_rate_hz)).to(windows.device) @ power  # (W, M, F)
    return torch.log(mel + LOG_FLOOR).unsqueeze(1)  # (W, 1, M, F)


def compute_log_mel_in_numpy(windows: npt.NDArray[np.float32], sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Return what `compute_log_mel` returns, without torch; see there."""
    mel = mel_filters(sample_rate_hz) @ compute_power(windows, sample_rate_hz).swapaxes(1, 2)  # (W, M, F)
    log_mel: npt.NDArray[np.float32] = np.log(mel + np.float32(LOG_FLOOR))[:, None]
    return log_mel


def compute_power(windows: npt.NDArray[np.float32], sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Return the power spectrum (W, F, n_fft // 2 + 1) float32 of windows (W, S), as `compute_log_mel` takes it.

    Raises:
        AudioError: a window is too short; see `compute_log_mel`.
    """
    n_fft, hop = _check_length(windows.shape[-1], sample_rate_hz)
    padded = np.pad(windows, ((0, 0), (n_fft // 2, n_fft // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[:, ::hop]  # (W, F, n_fft)
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    power = np.empty((*frames.shape[:2], n_fft // 2 + 1), np.float32)
    for one, out in zip(frames, power, strict=True):  # window by window: the frames overlap, and copies are large
        spectrum = np.fft.rfft(one * hann)
        np.add(np.square(spectrum.real), np.square(spectrum.imag), out=out, casting="same_kind")
    return power


def _check_length(n_samples: int, sample_rate_hz: int) -> tuple[int, int]:
    """Return the lengths of STFT window and hop in samples."""
    n_fft, hop = sample_rate_hz // WINDOWS_PER_S, sample_rate_hz // FRAMES_PER_S
    least = n_fft // 2 + 1
    if n_samples < least:
        raise AudioError(
            f"{n_samples} samples are too few: the spectrum needs at least {least} "
            f"({1000 * least / sample_rate_hz:.1f} ms at {sample_rate_hz} Hz)"
        )
    return n_fft, hop


def band_edges_hz(sample_rate_hz: int, n_bands: int, n_mels: int = N_MELS) -> npt.NDArray[np.float64]:
    """Return the edges (n_bands + 1,) in Hz of `n_bands` bands of equally many mel filters, the lowest first.

    An edge is, on the mel scale, in the middle between the centres of the filters on its two sides; the outermost ones
    are where the outermost filters end.
    """
    low, high = _hz_to_mel(np.array([F_MIN_HZ, sample_rate_hz / 2]))
    step = (high - low) / (n_mels + 1)  # between centres of neighbouring filters
    edges = low + step * (0.5 + np.linspace(0, n_mels, n_bands + 1))
    edges[[0, -1]] = low, high
    edges_hz: npt.NDArray[np.float64] = _mel_to_hz(edges)
    return edges_hz


@lru_cache(maxsize=4)
def mel_filters(sample_rate_hz: int, n_mels: int = N_MELS) -> np.ndarray:
    """Return the triangular mel filters (M, n_fft // 2 + 1) float32, each of unit area in Hz (Slaney's norm)."""
    n_fft = sample_rate_hz // WINDOWS_PER_S
    bins_hz = np.arange(n_fft // 2 + 1) * (sample_rate_hz / n_fft)
    low, high = _hz_to_mel(np.array([F_MIN_HZ, sample_rate_hz / 2]))
    edges_hz = _mel_to_hz(np.linspace(low, high, n_mels + 2))
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (bins_hz - left) / (centre - left)
    falling = (right - bins_hz) / (right - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: np.ndarray = (triangles * (2.0 / (right - left))).astype(np.float32)
    return filters


def _hz_to_mel(hz: np.ndarray) -> np.ndarray:
    above = _LOG_START_MEL + np.log(np.maximum(hz, _LOG_START_HZ) / _LOG_START_HZ) / _LOG_STEP
    return np.where(hz < _LOG_START_HZ, hz / _LINEAR_HZ_PER_MEL, above)


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    above = _LOG_START_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _LOG_START_MEL) - _LOG_START_MEL))
    return np.where(mel < _LOG_START_MEL, mel * _LINEAR_HZ_PER_MEL, above)
