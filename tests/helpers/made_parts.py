"""Small chunks of recordings, as parts of a store hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from earwitness.archive.extract import ANALYSED, FAILED, Chunk
from earwitness.archive.parquet_parts import name_part, write_part
from earwitness.archive.part_storage import LocalStorage


def make_chunk(path: str = "/a.wav", n_rows: int = 5, **other: object) -> Chunk:
    levels = np.arange(n_rows * 4, dtype=np.uint8).reshape(n_rows, 4)
    chunk = Chunk(path, 10, 20, "ab", 1, ANALYSED, end_s=float(n_rows), rows=levels, clips=levels[:1])
    return replace(chunk, clip_start_s=np.zeros(1), **other)  # type: ignore[arg-type]


CHUNKS = [make_chunk(), make_chunk("/b.wav", 3, start_time=5.0), Chunk("/c.wav", 0, 0, "", 1, FAILED, "why")]


def put_part(folder: Path, chunks: Sequence[Chunk], row_s: float = 1.0) -> Path:
    """Write chunks to a store's folder as one part and return the part's folder."""
    name = name_part(chunks)
    LocalStorage(folder).put(name, lambda part: write_part(part, name, chunks, row_s))
    return folder / "parts" / name
