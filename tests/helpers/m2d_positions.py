"""The table of positions that M2D adds to its patches, and its stretching to a longer unit.

In: a grid of patches in frequency and time, such as `EncoderSpec.grid`. Out: the table (1, 1 + n, D) float32, the row
of the cls token first, then the patches, the lowest band's first. A checkpoint holds its own table, and that one is
used: files fine-tuned on longer input hold a stretched one, which differs from a computed one by up to 2.

Source: Vaswani et al. 2017 for the sine-cosine code; He et al. 2022 (MAE) for its use in two dimensions; Keys 1981,
"Cubic convolution interpolation", for the stretching.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float32]

LONGEST_PERIOD = 10000.0
KEYS_SLOPE = -0.75  # Keys' free parameter as image libraries choose it; Keys himself has -0.5


def make_positions(grid: tuple[int, int], dim: int) -> Table:
    """Return the sine-cosine table (1, 1 + n, `dim`) float32 of a grid of `grid` = (bands, columns) patches.

    The first half of a row states the column (time), the second half the band (frequency); each half is sines, then
    cosines. The row of the cls token is zero.

    Raises:
        ValueError: `dim` is not a multiple of 4.
    """
    if dim % 4:
        raise ValueError(f"{dim} dimensions: sines and cosines of two axes need a multiple of 4")
    n_bands, n_columns = grid
    table = np.zeros((1 + n_bands * n_columns, dim))
    table[1:, : dim // 2] = np.tile(_encode_axis(n_columns, dim // 2), (n_bands, 1))
    table[1:, dim // 2 :] = np.repeat(_encode_axis(n_bands, dim // 2), n_columns, axis=0)
    return table[None].astype(np.float32)


def resize_positions(table: Table, grid: tuple[int, int], new_grid: tuple[int, int]) -> Table:
    """Return a table (1, 1 + n, D) of `grid` stretched to `new_grid` by bicubic interpolation; the cls row stays.

    Patches are taken as areas, not as points (the outer edges of both grids meet), and nothing is smoothed first.

    Raises:
        ValueError: the table is not one of `grid`.
    """
    if table.ndim != 3 or table.shape[:2] != (1, 1 + grid[0] * grid[1]):
        raise ValueError(f"a table of shape {table.shape} is not one of a grid of {grid[0]}x{grid[1]} patches")
    cells = table[0, 1:].astype(np.float64).reshape(*grid, -1)  # (bands, columns, D)
    over_bands, over_columns = (_cubic_weights(*sizes) for sizes in zip(grid, new_grid, strict=True))
    cells = np.einsum("ib,jc,bcd->ijd", over_bands, over_columns, cells, optimize=True)
    return np.concatenate([table[0, :1], cells.reshape(-1, table.shape[2])])[None].astype(np.float32)


def _encode_axis(n_positions: int, dim: int) -> npt.NDArray[np.float64]:
    """Return the sines, then the cosines (P, `dim`) of positions 0, 1, 2, ..."""
    rates = LONGEST_PERIOD ** (-np.arange(dim // 2) / (dim // 2))
    angles = np.arange(n_positions)[:, None] * rates  # (P, dim / 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def _cubic_weights(n_old: int, n_new: int) -> npt.NDArray[np.float64]:
    """Return the weights (n_new, n_old) of the old positions in each new one; beyond the edge, the edge counts."""
    place = (np.arange(n_new) + 0.5) * n_old / n_new - 0.5
    first = np.floor(place).astype(int) - 1
    weights = np.zeros((n_new, n_old))
    for tap in range(4):
        far = np.abs(place - (first + tap))
        near_weight = (KEYS_SLOPE + 2) * far**3 - (KEYS_SLOPE + 3) * far**2 + 1
        far_weight = KEYS_SLOPE * (far**3 - 5 * far**2 + 8 * far - 4)
        np.add.at(
            weights,
            (np.arange(n_new), np.clip(first + tap, 0, n_old - 1)),
            np.where(far <= 1, near_weight, far_weight),
        )
    return weights
