"""The encoder on torch: on the CPU in fp32, on a GPU in bf16.

In: windows (W, S) as numpy arrays. Out: features or logits as numpy arrays. Several threads may call at once.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

import torch

from earwitness.encoders.base import Encoded, Floats, Output, TorchModel
from earwitness.errors import SettingsError

CPU_BATCH, GPU_BATCH = 16, 256  # windows: beyond this neither gains


class TorchBackend:
    """A family's network on a device; see `Encoder`."""

    def __init__(
        self,
        model: TorchModel,
        device: str = "auto",
        precision: str = "auto",
        is_compiled: bool = False,
        n_threads: int = 0,
    ) -> None:
        self.device = _choose_device(device)
        is_gpu = self.device.type == "cuda"
        is_bf16 = precision == "bf16" or (precision == "auto" and is_gpu)
        if is_bf16:
            model.to_bf16()
        if n_threads:
            torch.set_num_threads(n_threads)
        self.spec = model.spec
        kind = "bfloat16" if is_bf16 else "float32"
        self.computed_on = f"torch {torch.__version__}, {self.device}, {kind}{', compiled' if is_compiled else ''}"
        self.batch = GPU_BATCH if is_gpu else CPU_BATCH
        self.n_at_once = 2 if is_gpu else 1  # so that one copies while the other computes
        self._own = threading.local()  # a stream for each thread
        self.model = model.to(self.device)
        if is_compiled:
            self.model.compile_blocks()

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool) -> Encoded:
        """Return the outputs that are wanted of windows (W, S)."""
        with self._computing():
            outputs = self.model.encode(self._to_device(windows), wanted, is_trimmed=is_trimmed)
            return Encoded(**{name: _to_host(outputs[name]) for name in wanted})

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return attention weights (W, layers, heads, N, N) of windows of at most a unit."""
        with self._computing():
            return _to_host(self.model.attend(self._to_device(windows), is_trimmed=is_trimmed))

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

    def _to_device(self, windows: Floats) -> torch.Tensor:
        """Return windows on the device, where the spectrum is computed, too."""
        samples = torch.from_numpy(windows)
        if self.device.type == "cuda":  # from pinned memory copying need not wait for what else is computed
            samples = samples.pin_memory().to(self.device, non_blocking=True)
        return samples


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
