"""A matrix of bytes as a PNG with a palette, by the standard library.

In: bytes (rows, columns) and 256 colours. Out: the file's bytes. Source: the PNG specification, third edition.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEPTH_BITS, PALETTE_COLOUR = 8, 3


def encode_png(pixels: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8]) -> bytes:
    """Return a PNG of pixels (rows, columns), the top row first, that index a palette (256, 3) of RGB.

    Raises:
        ValueError: the shapes are not those.
    """
    if pixels.ndim != 2 or not pixels.size or palette.shape != (256, 3):
        raise ValueError(f"pixels {pixels.shape}, palette {palette.shape}: need (rows, columns) and (256, 3)")
    n_rows, n_columns = pixels.shape
    header = struct.pack(">IIBBBBB", n_columns, n_rows, DEPTH_BITS, PALETTE_COLOUR, 0, 0, 0)
    lines = np.pad(pixels.astype(np.uint8), ((0, 0), (1, 0)))  # each row begins with its filter: none
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(_frame(kind, content) for kind, content in chunks)


def _frame(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
