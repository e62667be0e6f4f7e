"""MPNet's embeddings of many texts, kept in a folder outside the repository, since they take minutes.

In: texts. Out: embeddings (N, 768) float16 of unit length, each text's computed once for all scripts that ask.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwitness.words.text_model import embed_with_mpnet

CACHE_PATH = Path(tempfile.gettempdir()) / "earwitness-teacher.npz"
N_AT_ONCE = 4000  # texts after which the file is written, so that an interrupted run goes on from there


def embed_cached(texts: Sequence[str], path: Path = CACHE_PATH) -> npt.NDArray[np.float16]:
    """Return the embeddings (N, 768) of texts; those that the file does not hold are computed and added to it."""
    known, vectors = _read(path)
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    for start in range(0, len(missing), N_AT_ONCE):
        some = missing[start : start + N_AT_ONCE]
        print(f"embedding {start} to {start + len(some)} of {len(missing)} texts", flush=True)
        vectors = np.concatenate([vectors, embed_with_mpnet(some).astype(np.float16)])
        known |= {text: len(known) + row for row, text in enumerate(some)}
        scratch = path.with_suffix(".part.npz")
        np.savez(scratch, texts=np.array("\n".join(known)), vectors=vectors)
        scratch.replace(path)
    return vectors[[known[text] for text in texts]]


def _read(path: Path) -> tuple[dict[str, int], npt.NDArray[np.float16]]:
    if not path.is_file():
        return {}, np.zeros((0, 768), np.float16)
    with np.load(path) as file:
        texts = str(file["texts"]).split("\n")
        return {text: row for row, text in enumerate(texts)}, file["vectors"]
