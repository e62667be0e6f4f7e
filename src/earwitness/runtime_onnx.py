"""The encoder on ONNX Runtime, without torch: for small machines, and faster on many processors.

In: windows (W, S) as numpy arrays. Out: features or logits as numpy arrays. Several threads may call at once. The
.onnx file comes from `earwitness weights export`; it holds one unit of the encoder, its spec and its norm stats.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from earwitness.errors import WeightsError
from earwitness.logmel import compute_log_mel_in_numpy
from earwitness.spec import EncoderSpec, Floats

BATCH = 16  # windows: beyond this a CPU gains nothing
INPUT, OUTPUTS = "log_mel", ("features", "logits")  # of the graph; without a tag head it has no logits
SPEC, PAD_VALUE = "earwitness.spec", "earwitness.pad_value"  # keys of the file's metadata


class OnnxBackend:
    """An exported encoder in a session of ONNX Runtime."""

    def __init__(self, path: Path, n_threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads or count_threads()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.spec = EncoderSpec(**json.loads(metadata[SPEC]))
            self._pad_value = float(metadata[PAD_VALUE])
        except Exception as error:  # a damaged file ends in one of a dozen exceptions of ONNX Runtime
            reason = str(error).split("\n", 1)[0][:200]
            raise WeightsError(
                f"{path}: not an encoder that earwitness exported ({reason}); export it again: "
                "earwitness weights export NAME --onnx"
            ) from error
        self.batch, self.n_at_once = BATCH, 1

    def features(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return features (W, T, D)."""
        return self._run("features", windows, is_trimmed)

    def logits(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return tag logits (W, T, C)."""
        return self._run("logits", windows, is_trimmed)

    def _run(self, output: str, windows: Floats, is_trimmed: bool) -> Floats:
        log_mel = compute_log_mel_in_numpy(windows, self.spec.sample_rate_hz)
        log_mel = log_mel[..., : self.spec.count_frames(log_mel.shape[-1], is_trimmed)]
        rows = []
        for start, stop, n_pad in self.spec.cut_units(log_mel.shape[-1]):
            pads = ((0, 0), (0, 0), (0, 0), (0, n_pad))
            unit = np.pad(log_mel[..., start:stop], pads, constant_values=self._pad_value)
            rows += self._session.run([output], {INPUT: unit})
        return np.concatenate(rows, axis=1)  # (W, T, D or C)


def count_threads() -> int:
    """Return how many threads to use: what OMP_NUM_THREADS says, else the cores that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
