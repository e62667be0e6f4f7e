"""The encoder on ONNX Runtime, without torch: for small machines, and faster on many processors.

In: windows (W, S) as numpy arrays. Out: features, logits or attention as numpy arrays. Several threads may call at
once. The .onnx files come from `earwitness weights export`; each holds the encoder for one unit, and its spec.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.encoders.base import Encoded, EncoderSpec, Family, Floats, Output, TagStats
from earwitness.encoders.registry import FAMILIES
from earwitness.errors import WeightsError
from earwitness.files import hash_file
from earwitness.onnx_runtime import import_onnxruntime

BATCH = 16  # windows: beyond this a CPU gains nothing
SECONDS_AT_ONCE = 20  # of all windows of a run: what they need then stays in the processor's cache
# Keys of the file's metadata. WEIGHTS: the .safetensors beside it that the graph reads, and its hash.
SPEC, TAG_STATS = "earwitness.spec", "earwitness.tag_stats"
FAMILY = "earwitness.family"  # without it the first family: version 0.1.0 knew one
WEIGHTS_NAME, WEIGHTS_SHA256 = "earwitness.weights", "earwitness.weights_sha256"


class OnnxBackend:
    """An exported encoder in a session of ONNX Runtime."""

    def __init__(self, path: Path, n_threads: int = 0) -> None:
        self._session, metadata, self._family, self.spec = _open(path, "features", "export NAME --onnx")
        stats = json.loads(metadata[TAG_STATS]) if TAG_STATS in metadata else None
        self.tag_stats = TagStats(*np.array(stats, np.float32)) if stats else None
        self._path = path
        self._attention: Any = None  # the session of the second graph, opened on first use
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(n_threads or count_threads(), "encode")
        self.batch, self.n_at_once = BATCH, 1
        self.computed_on = f"onnxruntime {import_onnxruntime().__version__}, cpu"

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool) -> Encoded:
        """Return the outputs that are wanted of windows (W, S), which the threads share, a few at a time."""
        step = max(1, SECONDS_AT_ONCE * self.spec.sample_rate_hz // max(1, windows.shape[1]))
        chunks = [windows[i : i + step] for i in range(0, len(windows), step)]
        run = partial(self._family.run, self._session, self.spec, wanted, is_trimmed=is_trimmed)
        rows = zip(*self._threads.map(run, chunks), strict=True)
        return Encoded(**{name: np.concatenate(each) for name, each in zip(wanted, rows, strict=True)})

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return attention weights (W, layers, heads, N, N) of windows of at most a unit, in fp32 even for int8.

        Raises:
            WeightsError: there is no graph for attention beside this one, or it is another encoder's.
        """
        with self._opening:
            self._attention = self._attention or self._open_attention()
        assert self._family.attend is not None
        attend = partial(self._family.attend, self._attention, self.spec, is_trimmed=is_trimmed)
        return np.concatenate(list(self._threads.map(lambda one: attend(one[None]), windows)))

    def _open_attention(self) -> Any:
        path = attention_path(self._path)
        if not path.is_file():
            raise WeightsError(
                f"{path}: not here; attention needs --runtime torch, or this graph, made where torch is installed: "
                "earwitness weights export NAME --attention"
            )
        session, _, _, spec = _open(path, "attention", "export NAME --attention")
        if spec != self.spec:
            raise WeightsError(f"{path}: of {spec.name}, another encoder than {self._path.name}; export both again")
        return session


def attention_path(path: Path) -> Path:
    """Return where the graph for attention of an exported encoder is: beside it; int8 has that of fp32."""
    return path.with_name(f"{path.name.removesuffix('.onnx').removesuffix('.int8')}.attention.onnx")


def _open(path: Path, output: str, how: str) -> tuple[Any, dict[str, str], Family, EncoderSpec]:
    """Return a file's session, metadata, family and spec; `how` says how to make it again where it cannot be used."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # threads take windows, which is faster than sharing each operation
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
        family = next(each for each in FAMILIES if each.name == metadata.get(FAMILY, FAMILIES[0].name))
        spec = family.spec(**json.loads(metadata[SPEC]))
        if output not in [each.name for each in session.get_outputs()]:
            raise ValueError(f"it gives no {output}")
    except Exception as error:  # a damaged file ends in one of a dozen exceptions of ONNX Runtime
        reason = str(error).split("\n", 1)[0][:200]
        raise WeightsError(
            f"{path}: not an encoder that this version exported ({reason}); make it again: earwitness weights {how}"
        ) from error
    _check_weights(path, metadata)
    return session, metadata, family, spec


def _check_weights(path: Path, metadata: dict[str, str]) -> None:
    """Compare the weights that a graph reads from the file beside it with those that it was made from."""
    if WEIGHTS_NAME in metadata:
        weights = path.with_name(metadata[WEIGHTS_NAME])
        if hash_file(weights) != metadata[WEIGHTS_SHA256]:
            raise WeightsError(f"{weights}: not the weights that {path.name} was made from; install earwitness again")


def count_threads() -> int:
    """Return how many threads to use: what OMP_NUM_THREADS says, else the cores that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
