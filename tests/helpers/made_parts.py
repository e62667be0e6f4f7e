"""Small chunks of recordings, as parts of a store hold them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from earwitness.archive.extract import ANALYSED, FAILED, Chunk


def make_piece(path: str = "/a.wav", n_rows: int = 5, **other: object) -> Chunk:
    levels = np.arange(n_rows * 4, dtype=np.uint8).reshape(n_rows, 4)
    chunk = Chunk(path, 10, 20, "ab", 1, ANALYSED, end_s=float(n_rows), rows=levels, clips=levels[:1])
    return replace(chunk, clip_start_s=np.zeros(1), **other)  # type: ignore[arg-type]


PIECES = [make_piece(), make_piece("/b.wav", 3, start_time=5.0), Chunk("/c.wav", 0, 0, "", 1, FAILED, "why")]
