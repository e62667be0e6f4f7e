"""Exported encoders: the same numbers as torch, without torch, and clear errors."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import earwitness
from demo_recording import make_recording
from earwitness.cli.main import app
from earwitness.encoders.base import EncoderSpec
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.encoders.m2d.export_onnx import export_onnx, make_calibration, measure_ranges
from earwitness.encoders.onnx_backend import OnnxBackend, count_threads
from earwitness.encoders.registry import EMBEDDED
from earwitness.errors import SettingsError, WeightsError
from earwitness.files.paths import DATA_DIR
from earwitness.settings import EncoderSettings
from made_encoders import SMALL, make_encoder
from made_sounds import RATE_HZ, WriteWav, make_noise
from results_read import read_rows, read_run

TOLERANCE = 2e-5
LENGTHS_S = (0.3, 1.0, 2.5)  # shorter than a unit, a unit and a frame, two units and a part


def logits_of(backend: OnnxBackend, windows: np.ndarray) -> np.ndarray:
    logits = backend.encode(windows, ["token_logits"], is_trimmed=True).token_logits
    assert logits is not None
    return logits


def compare(theirs: LoadedEncoder, ours: OnnxBackend | LoadedEncoder, size: int, *, is_trimmed: bool) -> float:
    """Return the largest difference of features, and of logits if there are, on noise."""
    windows = np.stack([make_noise(size / RATE_HZ, seed=seed) for seed in range(2)])
    ours = ours if isinstance(ours, LoadedEncoder) else LoadedEncoder(ours, "0")
    names = ["token_features", "token_logits"] if theirs.spec.n_tags else ["token_features"]
    pairs = [[getattr(each, name)(windows, is_trimmed=is_trimmed) for each in (theirs, ours)] for name in names]
    assert all(a.shape == b.shape and b.dtype == np.float32 for a, b in pairs)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.mark.parametrize(
    "spec",
    [
        SMALL,
        replace(SMALL, bands="mean"),
        replace(SMALL, n_tags=0),
        replace(SMALL, patch_bands=80, patch_frames=2),
        replace(SMALL, patch_frames=4),
        replace(SMALL, sample_rate_hz=32000),
    ],
    ids=["stacked bands", "mean of bands", "no tags", "speech patches", "short patches", "32 kHz"],
)
def test_an_exported_encoder_gives_torchs_numbers_at_any_length(spec: EncoderSpec, tmp_path: Path) -> None:
    encoder = make_encoder(spec)
    backend = OnnxBackend(export_onnx(encoder, tmp_path / "small.onnx"))
    assert backend.spec == spec
    for length_s in LENGTHS_S:
        for is_trimmed in (True, False):
            difference = compare(encoder, backend, round(length_s * spec.sample_rate_hz), is_trimmed=is_trimmed)
            assert difference < TOLERANCE, (length_s, is_trimmed)


@pytest.mark.slow
@pytest.mark.parametrize("length_s", [2.0, 4.0, 10.0, 10.01])
def test_the_shipped_graph_is_the_embedded_encoder(encoder: LoadedEncoder, length_s: float) -> None:
    shipped = load_encoder(compute=EncoderSettings(runtime="onnx"))
    assert compare(encoder, shipped, round(length_s * RATE_HZ), is_trimmed=False) < 5e-5
    assert shipped.spec == encoder.spec
    assert (shipped.known, shipped.tag_stats is None) == (encoder.known, False)
    assert np.allclose(shipped.tag_stats.mean, encoder.tag_stats.mean)  # type: ignore[union-attr]
    assert np.allclose(shipped.tag_stats.std, encoder.tag_stats.std)  # type: ignore[union-attr]


@pytest.mark.slow
def test_int8_hears_nearly_the_same_and_one_window_does_not_feel_the_others(
    encoder: LoadedEncoder, tmp_path: Path
) -> None:
    path = export_onnx(encoder, tmp_path / "int8.onnx", is_int8=True)
    assert path.stat().st_size < 8e6
    backend = OnnxBackend(path)
    windows = np.stack([make_noise(2.0, seed=seed) for seed in range(4)])
    exact, coarse = encoder.token_logits(windows), logits_of(backend, windows)
    assert 0 < np.abs(exact - coarse).max() < 0.5
    assert np.abs(exact - coarse).mean() < 0.05
    assert np.abs(logits_of(backend, windows[:1]) - coarse[:1]).max() < 1e-5


def test_ranges_include_nought_and_are_those_of_the_layers() -> None:
    encoder = make_encoder(SMALL)
    ranges = measure_ranges(encoder.model, make_calibration(SMALL))
    layers = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    assert set(ranges) == {f"blocks.{i}.{layer}" for i in range(2) for layer in layers}
    assert all(low <= 0 < high for low, high in ranges.values())
    assert ranges["blocks.0.mlp.fc2"][0] > -0.2  # what GELU lets through


def test_files_that_are_not_whole_or_not_ours_are_told(tmp_path: Path) -> None:
    path = export_onnx(make_encoder(SMALL), tmp_path / "small.onnx")
    content = path.read_bytes()
    for name, damaged in {"empty": b"", "cut": content[: len(content) // 2], "text": b"no graph at all"}.items():
        (tmp_path / f"{name}.onnx").write_bytes(damaged)
        with pytest.raises(WeightsError, match=f"{name}.onnx: not an encoder that this version exported"):
            load_encoder(tmp_path / f"{name}.onnx")
    (tmp_path / "bare.onnx").write_bytes(content.replace(b"earwitness.spec", b"earwitness.spex"))
    with pytest.raises(WeightsError, match="not an encoder that this version exported"):
        load_encoder(tmp_path / "bare.onnx")


def test_a_graph_beside_other_weights_than_its_own_is_refused(tmp_path: Path) -> None:
    for suffix in (".onnx", ".safetensors"):
        (tmp_path / f"{EMBEDDED}{suffix}").write_bytes((DATA_DIR / f"{EMBEDDED}{suffix}").read_bytes())
    assert load_encoder(tmp_path / f"{EMBEDDED}.onnx").spec.n_tags == 527
    with (tmp_path / f"{EMBEDDED}.safetensors").open("r+b") as file:
        file.seek(1_000_000)
        file.write(bytes(64))
    with pytest.raises(WeightsError, match="not the weights that"):
        load_encoder(tmp_path / f"{EMBEDDED}.onnx")


def test_what_onnx_runtime_cannot_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="choose 'torch'"):
        load_encoder(compute=EncoderSettings(runtime="onnx", device="cuda"))
    with pytest.raises(SettingsError, match="'int8' needs runtime 'onnx'"):
        load_encoder(compute=EncoderSettings(runtime="torch", precision="int8"))
    with pytest.raises(SettingsError, match=r"an \.onnx file needs runtime 'onnx'"):
        load_encoder(DATA_DIR / f"{EMBEDDED}.onnx", compute=EncoderSettings(runtime="torch"))
    with pytest.raises(WeightsError, match=r"earwitness weights export .*small\.safetensors --onnx"):
        load_encoder(tmp_path / "small.safetensors", compute=EncoderSettings(runtime="onnx"))
    with pytest.raises(WeightsError, match=r"export writes \.onnx"):
        export_onnx(make_encoder(SMALL), tmp_path / "small.pb")


@pytest.mark.parametrize(("wanted", "n_threads"), [("3", 3), ("1", 1)])
def test_threads_follow_the_environment(wanted: str, n_threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert count_threads() == n_threads
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert count_threads() >= 1


@pytest.mark.slow
def test_the_export_command_writes_where_the_runtime_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_CACHE", str(tmp_path))
    done = CliRunner().invoke(app, ["weights", "export", "--onnx", "--int8"])
    assert done.exit_code == 0, done.output
    path = Path(done.stdout.strip())
    assert path.parent.parent == tmp_path / "weights"
    loaded = load_encoder(compute=EncoderSettings(runtime="onnx", precision="int8"))
    assert loaded.backend.computed_on.startswith("onnxruntime")
    assert loaded.tag_stats is not None
    assert load_encoder(path, commercial_only=True).known is not None
    own = tmp_path / "own.onnx"
    assert CliRunner().invoke(app, ["weights", "export", EMBEDDED, "-o", str(own)]).exit_code == 0
    assert load_encoder(own).known is None


WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from earwitness.cli.main import app; app()"


def run_without_torch(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_machine_without_torch_listens_alike(write_wav: WriteWav, tmp_path: Path) -> None:
    path = write_wav("a.wav", make_recording()[0])
    words = ("-e", "dog bark,thunder", "-s", "beach,office,storm")
    done = run_without_torch("listen", path, *words, "-o", tmp_path / "without")
    assert done.returncode == 0, done.stderr
    assert CliRunner().invoke(app, ["listen", str(path), *words, "-o", str(tmp_path / "with")]).exit_code == 0
    for table in ("events.csv", "scenes.csv"):
        ours, theirs = (read_rows(tmp_path / name / table) for name in ("without", "with"))
        assert ours
        assert [{**row, "score": "", "tags": ""} for row in ours] == [
            {**row, "score": "", "tags": ""} for row in theirs
        ]
        assert [float(row["score"]) for row in ours] == pytest.approx([float(row["score"]) for row in theirs], abs=1e-3)
    assert read_run(tmp_path / "without")["computed_on"].startswith("onnxruntime")
    assert read_run(tmp_path / "with")["computed_on"] == f"torch {torch.__version__}, cpu, float32"


@pytest.mark.slow
def test_what_needs_torch_says_so_where_there_is_none(tmp_path: Path) -> None:
    converted = run_without_torch("weights", "convert", EMBEDDED, tmp_path / "a.safetensors")
    assert converted.returncode == 2
    assert converted.stderr == "earwitness: this needs torch: pip install 'earwitness[torch]'\n"
    chosen = run_without_torch("tags", DATA_DIR, "--runtime", "torch")
    assert chosen.returncode == 2


def test_both_runtimes_classify_alike(encoder: LoadedEncoder) -> None:
    clip = (make_noise(3.0), RATE_HZ)
    settings = earwitness.Settings(runtime="onnx")
    ours = earwitness.classify(clip, ["rain", "dog bark"], settings)
    theirs = earwitness.classify(clip, ["rain", "dog bark"], encoder=encoder)
    assert [each.word for each in ours] == [each.word for each in theirs]
    assert [each.score for each in ours] == pytest.approx([each.score for each in theirs], abs=1e-4)
