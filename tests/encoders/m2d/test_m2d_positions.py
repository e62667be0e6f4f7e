"""The table of positions against a computation number by number, and its stretching against torch's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from m2d_positions import make_positions, resize_positions


def test_a_row_holds_time_first_then_frequency_sines_before_cosines() -> None:
    n_bands, n_columns, dim = 3, 4, 16
    table = make_positions((n_bands, n_columns), dim)
    assert table.shape == (1, 1 + n_bands * n_columns, dim)
    assert table.dtype == np.float32
    assert (table[0, 0] == 0).all()
    for band in range(n_bands):
        for column in range(n_columns):
            expected = [
                function(place * 10000 ** (-index / 4))
                for place in (column, band)
                for function in (math.sin, math.cos)
                for index in range(4)
            ]
            assert np.allclose(table[0, 1 + band * n_columns + column], expected, atol=1e-7)


@pytest.mark.parametrize(("grid", "new_grid"), [((5, 38), (5, 62)), ((1, 304), (1, 256)), ((3, 4), (7, 5))])
def test_stretching_is_bicubic_as_torch_does_it(grid: tuple[int, int], new_grid: tuple[int, int]) -> None:
    table = np.random.default_rng(0).standard_normal((1, 1 + grid[0] * grid[1], 8)).astype(np.float32)
    stretched = resize_positions(table, grid, new_grid)
    cells = torch.from_numpy(table[:, 1:]).unflatten(1, grid).permute(0, 3, 1, 2)  # (1, D, bands, columns)
    expected = functional.interpolate(cells, size=new_grid, mode="bicubic").permute(0, 2, 3, 1).flatten(1, 2)
    assert np.abs(stretched[:, 1:] - expected.numpy()).max() < 1e-5
    assert np.array_equal(stretched[:, 0], table[:, 0])


def test_a_stretched_table_is_not_the_computed_one() -> None:
    stretched = resize_positions(make_positions((5, 38), 768), (5, 38), (5, 62))
    assert np.abs(stretched - make_positions((5, 62), 768)).max() == pytest.approx(2.0, abs=0.05)


def test_stretching_to_the_same_grid_changes_nothing() -> None:
    table = make_positions((5, 38), 64)
    assert np.array_equal(resize_positions(table, (5, 38), (5, 38)), table)


def test_wrong_sizes_are_told() -> None:
    with pytest.raises(ValueError, match="18 dimensions: sines and cosines of two axes need a multiple of 4"):
        make_positions((5, 38), 18)
    with pytest.raises(ValueError, match=r"shape \(1, 191, 8\) is not one of a grid of 5x62 patches"):
        resize_positions(make_positions((5, 38), 8), (5, 62), (5, 38))
