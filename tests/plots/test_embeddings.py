"""The map of recordings: principal components as computed otherwise, and groups told by colour and marker."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from earwitness.errors import MissingExtraError, SettingsError
from earwitness.plots.embeddings import draw_embeddings, project
from looking import caption, overlaps, texts


def make_values(n: int = 20, dim: int = 8) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((n, dim)).astype(np.float32) * np.arange(1, dim + 1)[::-1]


def test_principal_components_are_those_of_scikit_learn() -> None:
    values = make_values().astype(np.float32)
    places, names = project(values)
    theirs = PCA(2, svd_solver="full").fit(values)
    expected = theirs.transform(values)
    assert np.allclose(np.abs(places), np.abs(expected), atol=1e-4)
    assert names[0] == f"principal component 1 ({theirs.explained_variance_ratio_[0]:.0%} of variance)"
    assert np.array_equal(project(values)[0], places)


def test_equal_recordings_lie_on_one_point() -> None:
    places, names = project(np.ones((3, 4), np.float32))
    assert np.allclose(places, 0)
    assert "0%" in names[0]


def test_umap_is_used_where_it_is_installed_and_named_where_not(monkeypatch: pytest.MonkeyPatch) -> None:
    query = {}

    class Umap:
        def __init__(self, **options: object) -> None:
            query.update(options)

        def fit_transform(self, values: np.ndarray) -> np.ndarray:
            return values[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Umap))
    places, names = project(make_values(5), "umap")
    assert places.shape == (5, 2)
    assert names == ("UMAP 1 (no unit)", "UMAP 2 (no unit)")
    assert (query["n_neighbors"], query["random_state"]) == (4, 0)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match="pip install umap-learn"):
        project(make_values(5), "umap")


def test_what_cannot_be_projected_is_told() -> None:
    with pytest.raises(SettingsError, match="2 recordings: a map needs at least 3"):
        project(make_values(2))
    with pytest.raises(SettingsError, match="choose 'pca' or 'umap'"):
        project(make_values(5), "tsne")  # type: ignore[arg-type]


def test_points_are_where_they_belong_and_groups_are_told() -> None:
    places = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    figure = draw_embeddings(places, ("x of", "y of"), ["a $1", "b", "c"], ["dog", "cat", "dog"], "a title", "Below.")
    (axes,) = figure.axes
    cat, dog = axes.collections
    assert cat.get_offsets().tolist() == [[2.0, 3.0]]
    assert dog.get_offsets().tolist() == [[0.0, 1.0], [4.0, 5.0]]
    assert not np.array_equal(cat.get_facecolor(), dog.get_facecolor())
    assert not np.array_equal(cat.get_paths()[0].vertices, dog.get_paths()[0].vertices)
    assert (axes.get_xlabel(), axes.get_ylabel(), caption(figure)) == ("x of", "y of", "Below.")
    assert {"cat (1)", "dog (2)", "group (recordings)", "a $1", "b", "c"} <= texts(figure)
    assert not overlaps(figure)


def test_many_recordings_have_no_names_and_thirty_six_groups_differ() -> None:
    places = np.random.default_rng(0).standard_normal((72, 2))
    figure = draw_embeddings(
        places, ("x", "y"), [f"n{i}" for i in range(72)], [f"g{i % 36:02}" for i in range(72)], "a", "b"
    )
    (axes,) = figure.axes
    assert not axes.texts
    looks = {(tuple(each.get_facecolor()[0]), each.get_paths()[0].vertices.tobytes()) for each in axes.collections}
    assert len(looks) == 36
