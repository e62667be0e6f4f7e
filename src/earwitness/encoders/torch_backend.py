"""The encoder on torch: on the CPU in fp32, on a GPU in bf16.

In: windows (W, S) as numpy arrays. Out: features or logits as numpy arrays. Several threads may call at once.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

from earwitness.audio import compute_log_mel
from earwitness.encoders.base import Floats
from earwitness.encoders.m2d.model import Encoder
from earwitness.errors import SettingsError

CPU_BATCH, GPU_BATCH = 16, 256  # windows: beyond this neither gains


class TorchBackend:
    """An `Encoder` on a device."""

    def __init__(
        self,
        model: Encoder,
        device: str = "auto",
        precision: str = "auto",
        is_compiled: bool = False,
        n_threads: int = 0,
    ) -> None:
        self.device = _choose_device(device)
        is_gpu = self.device.type == "cuda"
        if precision == "bf16" or (precision == "auto" and is_gpu):
            model.to_bf16()
        if n_threads:
            torch.set_num_threads(n_threads)
        self.spec = model.spec
        kind = str(next(model.blocks.parameters()).dtype).removeprefix("torch.")
        self.computed_on = f"torch {torch.__version__}, {self.device}, {kind}{', compiled' if is_compiled else ''}"
        self.batch = GPU_BATCH if is_gpu else CPU_BATCH
        self.n_at_once = 2 if is_gpu else 1  # so that one copies while the other computes
        self._own = threading.local()  # a stream for each thread
        self.model = model.to(self.device)
        if is_compiled:
            for block in self.model.blocks:
                block.compile()

    def features(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return features (W, T, D)."""
        with self._computing():
            return _to_host(self.model.token_features(self._log_mel(windows, is_trimmed)))

    def logits(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return tag logits (W, T, C)."""
        with self._computing():
            features = self.model.token_features(self._log_mel(windows, is_trimmed))
            return _to_host(self.model.token_logits(features))

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return attention weights (W, layers, heads, N, N) of windows of at most a unit."""
        with self._computing():
            return _to_host(self.model.attention(self._log_mel(windows, is_trimmed)))

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        """Compute without gradients, on a GPU in the thread's own stream."""
        with torch.inference_mode():
            if self.device.type != "cuda":
                yield
                return
            if not hasattr(self._own, "stream"):
                self._own.stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
            with torch.cuda.stream(self._own.stream):
                yield

    def _log_mel(self, windows: Floats, is_trimmed: bool) -> torch.Tensor:
        """Return log-mel (W, 1, M, F); the spectrum is computed on the device, from samples as they come."""
        samples = torch.from_numpy(windows)
        if self.device.type == "cuda":  # from pinned memory copying need not wait for what else is computed
            samples = samples.pin_memory().to(self.device, non_blocking=True)
        log_mel = compute_log_mel(samples, self.spec.sample_rate_hz)
        return log_mel[..., : self.spec.count_frames(log_mel.shape[-1], is_trimmed)]


def _choose_device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise SettingsError(f"device={wanted!r}: choose 'auto', 'cpu', 'cuda' or 'cuda:N'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingsError(f"device={wanted!r}: torch finds no GPU here; choose 'auto' or 'cpu'")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(f"device={wanted!r}: this machine has {torch.cuda.device_count()} GPUs, counted from 0")
    if device.type not in ("cpu", "cuda"):
        raise SettingsError(f"device={wanted!r}: choose 'auto', 'cpu', 'cuda' or 'cuda:N'")
    return device


def _to_host(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.float().cpu().numpy()
    return array
