"""Windows of samples to log-mel spectrograms; each encoder states its front end as a `MelSpec`.

In: windows (W, S) float32 in [-1, 1]. Out: log-mel (W, 1, M, F) float32, not normalised: periodic Hann window, centred
frames with reflect padding, power spectrum, Slaney-scaled and Slaney-normalised mel bands, natural log of
(power + floor).

Source: M2D (Niizumi et al. 2024, "Masked Modeling Duo", section IV); the mel scale is Slaney's Auditory Toolbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from earwitness.errors import AudioError

if TYPE_CHECKING:
    import torch

_LINEAR_HZ_PER_MEL = 200.0 / 3
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = float(np.log(6.4)) / 27


@dataclass(frozen=True)
class MelSpec:
    """A log-mel front end.

    Attributes:
        sample_rate_hz: rate of the samples.
        n_fft: samples of an STFT window.
        hop: samples from frame to frame.
        n_mels: mel bands.
        low_hz: where the lowest band begins; the highest one ends at half the rate.
        floor: added to the power before the logarithm, not clamped: silence is ln(floor), -15.942385 by default.
    """

    sample_rate_hz: int
    n_fft: int
    hop: int
    n_mels: int = 80
    low_hz: float = 50.0
    floor: float = float(np.finfo(np.float32).eps)

    @classmethod
    def at(cls, sample_rate_hz: int) -> MelSpec:
        """Return M2D's front end at any rate: 80 bands from 50 Hz, windows of 25 ms, 100 frames per second."""
        return cls(sample_rate_hz, n_fft=sample_rate_hz // 40, hop=sample_rate_hz // 100)

    def count_frames(self, n_samples: int) -> int:
        """Return the number F of log-mel frames of so many samples."""
        return 1 + n_samples // self.hop

    def check_length(self, n_samples: int) -> None:
        """Check that a window is longer than half an STFT window, so that it can be mirrored at its ends.

        Raises:
            AudioError: it is not.
        """
        least = self.n_fft // 2 + 1
        if n_samples < least:
            raise AudioError(
                f"{n_samples} samples are too few: the spectrum needs at least {least} "
                f"({1000 * least / self.sample_rate_hz:.1f} ms at {self.sample_rate_hz} Hz)"
            )


def compute_log_mel(windows: torch.Tensor, spec: MelSpec) -> torch.Tensor:
    """Return the log-mel (W, 1, M, F) float32 of windows (W, S) at the spec's rate, the lowest band first.

    Raises:
        AudioError: a window is too short; see `MelSpec.check_length`.
    """
    import torch

    spec.check_length(windows.shape[-1])
    hann = torch.hann_window(spec.n_fft, periodic=True, device=windows.device)
    spectrum = torch.stft(
        windows, spec.n_fft, spec.hop, spec.n_fft, hann, center=True, pad_mode="reflect", return_complex=True
    )
    power = spectrum.real.square() + spectrum.imag.square()  # (W, n_fft // 2 + 1, F)
    mel = torch.from_numpy(mel_filters(spec)).to(windows.device) @ power  # (W, M, F)
    return torch.log(mel + spec.floor).unsqueeze(1)  # (W, 1, M, F)


def compute_log_mel_in_numpy(windows: npt.NDArray[np.float32], spec: MelSpec) -> npt.NDArray[np.float32]:
    """Return what `compute_log_mel` returns, without torch; see there."""
    mel = mel_filters(spec) @ compute_power(windows, spec).swapaxes(1, 2)  # (W, M, F)
    log_mel: npt.NDArray[np.float32] = np.log(mel + np.float32(spec.floor))[:, None]
    return log_mel


def compute_power(windows: npt.NDArray[np.float32], spec: MelSpec) -> npt.NDArray[np.float32]:
    """Return the power spectrum (W, F, n_fft // 2 + 1) float32 of windows (W, S), as `compute_log_mel` takes it.

    Raises:
        AudioError: a window is too short; see `MelSpec.check_length`.
    """
    n_fft = spec.n_fft
    spec.check_length(windows.shape[-1])
    padded = np.pad(windows, ((0, 0), (n_fft // 2, n_fft // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[:, :: spec.hop]  # (W, F, n_fft)
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    power = np.empty((*frames.shape[:2], n_fft // 2 + 1), np.float32)
    for one, out in zip(frames, power, strict=True):  # window by window: the frames overlap, and copies are large
        spectrum = np.fft.rfft(one * hann)
        np.add(np.square(spectrum.real), np.square(spectrum.imag), out=out, casting="same_kind")
    return power


def band_edges_hz(spec: MelSpec, n_bands: int) -> npt.NDArray[np.float64]:
    """Return the edges (n_bands + 1,) in Hz of `n_bands` bands of equally many mel filters, the lowest first.

    An edge is, on the mel scale, in the middle between the centres of the filters on its two sides; the outermost ones
    are where the outermost filters end.
    """
    low, high = _hz_to_mel(np.array([spec.low_hz, spec.sample_rate_hz / 2]))
    step = (high - low) / (spec.n_mels + 1)  # between centres of neighbouring filters
    edges = low + step * (0.5 + np.linspace(0, spec.n_mels, n_bands + 1))
    edges[[0, -1]] = low, high
    edges_hz: npt.NDArray[np.float64] = _mel_to_hz(edges)
    return edges_hz


@lru_cache(maxsize=4)
def mel_filters(spec: MelSpec) -> np.ndarray:
    """Return the triangular mel filters (M, n_fft // 2 + 1) float32, each of unit area in Hz (Slaney's norm)."""
    bins_hz = np.arange(spec.n_fft // 2 + 1) * (spec.sample_rate_hz / spec.n_fft)
    low, high = _hz_to_mel(np.array([spec.low_hz, spec.sample_rate_hz / 2]))
    edges_hz = _mel_to_hz(np.linspace(low, high, spec.n_mels + 2))
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
