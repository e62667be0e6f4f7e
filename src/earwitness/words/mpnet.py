"""all-mpnet-base-v2 on ONNX Runtime: texts to embeddings, without torch.

In: a folder with model.safetensors and tokenizer.json, texts. Out: embeddings (N, 768) float32 of unit length. The
graph is the package's (`data/mpnet.onnx`); the weights are read from the folder.

Source: Song et al. 2020, "MPNet"; positions relative to each other as in Raffel et al. 2020, "T5".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.errors import MissingExtraError, WeightsError
from earwitness.files import DATA_DIR
from earwitness.onnx_runtime import import_onnxruntime

Floats = npt.NDArray[np.float32]

PAD = 1  # the token, and the first position
MOST_TOKENS = 384  # of a text; the rest is cut off
N_BUCKETS, FARTHEST = 32, 128  # of distances between tokens
N_AT_ONCE = 2**20  # pairs of tokens in a batch: 50 MB of attention
DISTANCES = "encoder.relative_attention_bias.weight"


class Mpnet:
    """The text model in a session of ONNX Runtime.

    Args:
        folder: of the model.

    Raises:
        MissingExtraError: ONNX Runtime or tokenizers are not installed.
        WeightsError: the folder holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import tokenizers

            onnxruntime = import_onnxruntime()
        except ImportError as error:
            raise MissingExtraError(
                "MPNet needs onnxruntime and tokenizers: pip install 'earwitness[mpnet]'"
            ) from error
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.enable_truncation(MOST_TOKENS)
            self._tokenizer.no_padding()
            weights = read_tensors(folder / "model.safetensors")
            self._by_distance = np.array(weights[DISTANCES])  # (buckets, heads)
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            names = [name for name in weights if name.startswith(("embeddings.", "encoder.layer."))]
            names = [name for name in names if weights[name].dtype == np.float32]
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(weights[name]) for name in names]
            options.add_external_initializers(names, values)
            graph = str(DATA_DIR / "mpnet.onnx")
            self._session: Any = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            self._values = values  # the session reads their memory
        except Exception as error:  # a damaged file ends in one of a dozen exceptions of both libraries
            reason = str(error).split("\n", 1)[0][:200]
            raise WeightsError(
                f"{folder}: not all-mpnet-base-v2 ({reason}); install 'earwitness[mpnet]' again"
            ) from error

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return the embeddings (N, 768) of texts: the mean of their tokens' features, of unit length."""
        tokens = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        embeddings = np.zeros((len(texts), 768), np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))  # texts of a length together
        while order:
            length = len(tokens[order[0]])
            n_alike = sum(len(tokens[index]) == length for index in order)
            some = order[: min(n_alike, max(1, N_AT_ONCE // length**2))]
            order = order[len(some) :]
            features = self._run(np.array([tokens[index] for index in some], np.int64))
            means = features.mean(axis=1)
            embeddings[some] = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return embeddings

    def _run(self, tokens: npt.NDArray[np.int64]) -> Floats:
        """Return the features (N, T, 768) of tokens (N, T), all texts as long."""
        n_texts, length = tokens.shape
        places = np.arange(length)
        bias = self._by_distance[find_buckets(places[None, :] - places[:, None])].transpose(2, 0, 1)  # (heads, T, T)
        inputs = {
            "tokens": tokens,
            "positions": np.tile(places + PAD + 1, (n_texts, 1)).astype(np.int64),
            "bias": np.broadcast_to(bias, (n_texts, *bias.shape)).astype(np.float32),
        }
        (features,) = self._session.run(["features"], inputs)
        return np.asarray(features, np.float32)


def find_buckets(distances: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the bucket of each distance between tokens: near ones have their own, far ones share one by logarithm."""
    half = N_BUCKETS // 2
    near = half // 2
    size = np.abs(distances)
    far = near + (np.log(np.maximum(size, 1) / near) / np.log(FARTHEST / near) * (half - near)).astype(np.int64)
    return np.asarray(np.where(size < near, size, np.minimum(far, half - 1)) + half * (distances > 0), np.int64)


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors of a .safetensors file by name, read when they are used.

    Raises:
        OSError, ValueError: the file is missing or not such a file.
    """
    kinds = {"F32": np.float32, "I64": np.int64}
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    whole = np.memmap(path, np.uint8, "r", offset=8 + size)
    tensors = {}
    for name, each in header.items():
        if name != "__metadata__" and each["dtype"] in kinds:
            first, end = each["data_offsets"]
            tensors[name] = whole[first:end].view(kinds[each["dtype"]]).reshape(each["shape"])
    return tensors
