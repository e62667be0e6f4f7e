"""Features per clip, window and token, in Python, as files and by the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch
from typer.testing import CliRunner

import earwitness
from earwitness.audio.mel import MelSpec, compute_log_mel
from earwitness.cli.main import app
from earwitness.encoders import features as stage
from earwitness.encoders.features import Features, embed
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import MissingExtraError, OutputError, SettingsError
from earwitness.results.features import FeatureFile
from earwitness.settings import Settings
from made_sounds import RATE_HZ, WriteWav, make_noise


def reference(encoder: LoadedEncoder, samples: np.ndarray) -> np.ndarray:
    """Return token features (T, D) straight from the model, the last patch padded."""
    with torch.inference_mode():
        log_mel = compute_log_mel(torch.from_numpy(samples[None]), MelSpec.at(RATE_HZ))
        return encoder.model.token_features(log_mel)[0].numpy()


@pytest.mark.parametrize(("duration_s", "n_tokens"), [(1.5, 10), (10.0, 62), (23.7, 148)])
def test_frames_are_the_models_tokens_at_every_length(encoder: LoadedEncoder, duration_s: float, n_tokens: int) -> None:
    samples = make_noise(duration_s)
    rows = embed((samples, RATE_HZ), "frame", encoder=encoder)
    assert rows.values.shape == (n_tokens, encoder.spec.feature_dim)
    assert np.abs(rows.values - reference(encoder, samples)).max() < 1e-5
    assert np.allclose(np.diff(rows.start_s)[:61], 0.16)
    assert rows.end_s[-1] <= duration_s


def test_a_clip_is_the_mean_of_its_frames(encoder: LoadedEncoder) -> None:
    samples = make_noise(3.0)
    clip = earwitness.embed((samples, RATE_HZ), encoder=encoder)
    assert np.allclose(clip.values[0], reference(encoder, samples).mean(axis=0), atol=1e-5)
    assert (clip.start_s.tolist(), clip.end_s.tolist()) == ([0.0], [3.0])


def test_windows_follow_the_hop_and_say_when_they_are(encoder: LoadedEncoder) -> None:
    samples = make_noise(4.5)
    rows = embed((samples, RATE_HZ), "window", Settings(window_s=2.0, hop_s=1.0), encoder, is_trimmed=True)
    assert rows.start_s.tolist() == [0.0, 1.0, 2.0, 2.5]
    assert rows.end_s.tolist() == [2.0, 3.0, 4.0, 4.5]
    alone = encoder.token_features(samples[None, RATE_HZ : 3 * RATE_HZ]).mean(axis=1)
    assert np.allclose(rows.values[1], alone[0], atol=1e-5)


@pytest.mark.slow
def test_a_long_recording_is_read_in_stretches_of_whole_units(
    encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = make_noise(25.5)
    at_once = embed((samples, RATE_HZ), "frame", encoder=encoder)
    monkeypatch.setattr(stage, "UNITS_AT_ONCE", 1)
    in_stretches = embed((samples, RATE_HZ), "frame", encoder=encoder)
    assert in_stretches.values.shape == at_once.values.shape
    assert np.allclose(in_stretches.start_s, at_once.start_s)
    away_from_cuts = np.r_[0:40, 70:100, 130 : len(at_once.values)]
    # a stretch's first and last STFT frames are mirrored at its ends, which its tokens feel a little
    assert np.abs(in_stretches.values - at_once.values)[away_from_cuts].max() < 1.0
    assert np.corrcoef(in_stretches.values.ravel(), at_once.values.ravel())[0, 1] > 0.999
    clip = embed((samples, RATE_HZ), "clip", encoder=encoder)
    assert np.allclose(clip.values[0], in_stretches.values.mean(axis=0), atol=1e-5)


def test_trimming_drops_the_token_that_is_mostly_padding(encoder: LoadedEncoder) -> None:
    samples = make_noise(4.0)
    assert len(embed((samples, RATE_HZ), "frame", encoder=encoder).values) == 26
    assert len(embed((samples, RATE_HZ), "frame", encoder=encoder, is_trimmed=True).values) == 25


@pytest.mark.slow
def test_progress_goes_to_the_end(encoder: LoadedEncoder) -> None:
    shares: list[float] = []
    embed((make_noise(70.0), RATE_HZ), encoder=encoder, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) == 3


def test_only_clip_window_and_frame_can_be_asked_for(encoder: LoadedEncoder) -> None:
    with pytest.raises(SettingsError, match="per='bar': choose 'clip', 'window' or 'frame'"):
        embed((make_noise(), RATE_HZ), "bar", encoder=encoder)  # type: ignore[arg-type]


def make_rows(n_rows: int, value: float = 0.0) -> Features:
    starts = np.arange(n_rows, dtype=float)
    return Features(np.full((n_rows, 3), value, np.float32), starts, starts + 1)


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_both_kinds_of_file_hold_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"features.{suffix}"
    with FeatureFile(path, {"per": "window"}) as file:
        file.add("a.wav", make_rows(2, 0.5))
        file.add("b.wav", make_rows(1, 1.5))
        assert not path.exists()
    if suffix == "npz":
        with np.load(path) as arrays:
            columns = {name: arrays[name] for name in arrays}
        run, names = json.loads(str(columns["run"])), columns["files"].tolist()
        values, starts = columns["features"], columns["start_s"].tolist()
    else:
        table = parquet.read_table(path)
        run, names = json.loads(table.schema.metadata[b"earwitness"]), table["file"].to_pylist()
        values, starts = np.array(table["features"].to_pylist(), np.float32), table["start_s"].to_pylist()
    assert run == {"per": "window"}
    assert names == ["a.wav", "a.wav", "b.wav"]
    assert starts == [0.0, 1.0, 0.0]
    assert values.tolist() == [[0.5] * 3, [0.5] * 3, [1.5] * 3]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_a_file_that_failed_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"features.{suffix}"
    path.write_text("of yesterday")
    with pytest.raises(ValueError, match="odd"), FeatureFile(path, {}) as file:  # noqa: PT012
        file.add("a.wav", make_rows(2))
        raise ValueError("odd")
    assert path.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_press_keeps_the_recordings_that_were_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), FeatureFile(tmp_path / "f.npz", {}) as file:  # noqa: PT012
        file.add("a.wav", make_rows(2))
        raise KeyboardInterrupt
    assert np.load(tmp_path / "f.npz")["features"].shape == (2, 3)


def test_a_name_or_place_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"features are written as \.npz or \.parquet"):
        FeatureFile(tmp_path / "f.csv", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        FeatureFile(tmp_path / "file" / "f.npz", {})
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"earwitness\[archive\]"):
        FeatureFile(tmp_path / "f.parquet", {})


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["embed", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_writes_rows_for_each_recording_and_tells_bad_ones(write_wav: WriteWav, tmp_path: Path) -> None:
    write_wav("a.wav", make_noise(2.0))
    write_wav("c.wav", make_noise(1.0, seed=3))
    (tmp_path / "b.wav").write_text("no sound")
    out = tmp_path / "out" / "features.npz"
    status, printed, errors = run(tmp_path, "--per", "frame", "-o", out)
    assert status == 1
    assert printed == ""
    assert "b.wav: not readable as audio" in errors
    assert f"20 rows of 2 recordings -> {out}" in errors
    with np.load(out) as arrays:
        assert [Path(name).name for name in arrays["files"]] == ["a.wav"] * 13 + ["c.wav"] * 7
        details = json.loads(str(arrays["run"]))
    assert (details["per"], details["is_trimmed"], details["encoder"]) == (
        "frame",
        False,
        earwitness.load_encoder().spec.name,
    )


def test_the_command_takes_windows_and_writes_parquet(write_wav: WriteWav, tmp_path: Path) -> None:
    path = write_wav("a.wav", make_noise(4.0))
    out = tmp_path / "features.parquet"
    assert run(path, "--per", "window", "--window", 1, "--hop", 0.5, "--trim", "-o", out)[0] == 0
    assert parquet.read_table(out)["start_s"].to_pylist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def test_texts_need_clap(write_wav: WriteWav, tmp_path: Path) -> None:
    status, _, errors = run(write_wav("a.wav", make_noise()), "--texts", "rain", "-o", tmp_path / "f.npz")
    assert status == 2
    assert "--texts needs --per clap" in errors
    status, _, errors = run(write_wav("a.wav", make_noise()), "--per", "clap", "-o", tmp_path / "f.npz")
    assert status == 2
    assert "CLAP" in errors
