"""The text model on ONNX Runtime: the numbers of sentence-transformers, and what is not the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from earwitness.errors import MissingExtraError, WeightsError
from earwitness.words.mpnet import Mpnet, find_buckets, read_tensors
from earwitness.words.text_model import find_mpnet

TEXTS = (
    "dog bark",
    "",
    "Glass breaking, far away!",
    "a busy street in the evening with cars, horns and people who talk to each other",
    "Z\u00fcge fahren ab",
    "\u732b",
    "rain " * 500,
)


@pytest.fixture(scope="module")
def folder() -> Path:
    """The model's folder, where it is on this machine."""
    try:
        return find_mpnet()
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.needs("tokenizers")
@pytest.mark.needs("sentence_transformers")
def test_embeddings_are_those_of_sentence_transformers(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    wanted = model.encode(list(TEXTS), normalize_embeddings=True, show_progress_bar=False)
    found = Mpnet(folder).embed(TEXTS)
    assert found.shape == (len(TEXTS), 768)
    assert (found * wanted).sum(axis=1).min() > 0.999
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_near_distances_have_buckets_of_their_own_and_far_ones_share_the_last() -> None:
    assert find_buckets(np.array([0, 1, 7, -1, -7])).tolist() == [0, 17, 23, 1, 7]
    assert find_buckets(np.array([8, 128, 1000, -8, -128])).tolist() == [24, 31, 31, 8, 15]


def test_tensors_are_read_by_name(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype=np.float32)
    header = json.dumps({"__metadata__": {}, "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + numbers.tobytes())
    assert np.array_equal(read_tensors(path)["a"], numbers.reshape(2, 3))


@pytest.mark.needs("tokenizers")
@pytest.mark.parametrize("content", [b"", b"\x05", b"\xff" * 100, (2).to_bytes(8, "little") + b"{}"])
def test_what_is_not_the_model_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    (tmp_path / "tokenizer.json").write_text(
        '{"version": "1.0", "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""}}'
    )
    with pytest.raises(WeightsError, match="not all-mpnet-base-v2"):
        Mpnet(tmp_path)
