"""Attention: the same as a direct computation from the weights, in every layer and head, on torch and ONNX Runtime."""

from __future__ import annotations

import math
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from typer.testing import CliRunner

from earwitness.audio.mel import MelSpec, band_edges_hz, compute_log_mel_in_numpy, mel_filters
from earwitness.audio.read import Waveform, read_blocks
from earwitness.audio.windows import slide
from earwitness.cli.main import app
from earwitness.encoders.base import EncoderSpec
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.encoders.m2d.checkpoint import build_encoder, infer_spec, rename_keys
from earwitness.encoders.m2d.export_onnx import export_onnx
from earwitness.encoders.onnx_backend import OnnxBackend, attention_path
from earwitness.encoders.registry import EMBEDDED
from earwitness.encoders.torch_backend import TorchBackend
from earwitness.errors import AudioError, SettingsError, WeightsError
from earwitness.files.paths import DATA_DIR
from earwitness.recognition.explain import Attention, explain_peaks, read_attention, roll_out
from earwitness.settings import EncoderSettings, Settings
from golden_m2d import make_state, make_waves
from made_encoders import SMALL, make_encoder
from made_sounds import RATE_HZ, make_noise, make_tone

TOLERANCE = 1e-5
GOLDEN_FOLDER = "m2d_vit_base-80x200p16x4-230529"


def direct(state: dict[str, np.ndarray], spec: EncoderSpec, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the attention (layers, heads, N, N) of one window (S,) and its features (T, D), in float64."""
    w = {name: np.asarray(value, np.float64) for name, value in state.items()}
    log_mel = compute_log_mel_in_numpy(window[None], spec.mel)[0, 0].astype(np.float64)
    image = (log_mel - w["norm_stats"][0]) / w["norm_stats"][1]
    height, width = spec.patch_bands, spec.patch_frames
    n_bands, n_columns = spec.n_mels // height, image.shape[1] // width
    kernel = w["patch_embed.proj.weight"].reshape(spec.embed_dim, -1)
    tokens = [w["cls_token"][0, 0] + w["pos_embed"][0, 0]]
    for band in range(n_bands):
        for column in range(n_columns):
            patch = image[band * height : (band + 1) * height, column * width : (column + 1) * width]
            place = w["pos_embed"][0, 1 + band * spec.grid[1] + column]
            tokens.append(kernel @ patch.ravel() + w["patch_embed.proj.bias"] + place)
    x, every = np.stack(tokens), []
    for i in range(spec.depth):
        heads = attend(x, w, f"blocks.{i}", spec.n_heads)
        every.append(np.stack([weights for weights, _ in heads]))
        mixed = np.concatenate([weights @ value for weights, value in heads], axis=1)
        x = x + mixed @ w[f"blocks.{i}.attn.proj.weight"].T + w[f"blocks.{i}.attn.proj.bias"]
        hidden = (
            normalise(x, w, f"blocks.{i}.norm2") @ w[f"blocks.{i}.mlp.fc1.weight"].T + w[f"blocks.{i}.mlp.fc1.bias"]
        )
        hidden *= 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
        x = x + hidden @ w[f"blocks.{i}.mlp.fc2.weight"].T + w[f"blocks.{i}.mlp.fc2.bias"]
    grid = normalise(x, w, "norm")[1:].reshape(n_bands, n_columns, spec.embed_dim)
    return np.stack(every), np.concatenate(list(grid), axis=1)


def attend(x: np.ndarray, w: dict[str, np.ndarray], name: str, n_heads: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the weights (N, N) and the values (N, head_dim) of each head."""
    qkv = normalise(x, w, f"{name}.norm1") @ w[f"{name}.attn.qkv.weight"].T + w[f"{name}.attn.qkv.bias"]
    query, key, value = np.split(qkv, 3, axis=1)
    heads, size = [], x.shape[1] // n_heads
    for head in range(n_heads):
        part = slice(head * size, (head + 1) * size)
        scores = np.exp(query[:, part] @ key[:, part].T / math.sqrt(size))
        heads.append((scores / scores.sum(axis=1, keepdims=True), value[:, part]))
    return heads


def normalise(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6) * w[f"{name}.weight"] + w[f"{name}.bias"]


def rolled_directly(weights: np.ndarray) -> np.ndarray:
    """Return the roll-out by its recursion, token by token, in float64."""
    steps = [0.5 * layer.mean(axis=0) + 0.5 * np.eye(layer.shape[-1]) for layer in weights.astype(np.float64)]
    return np.linalg.multi_dot([step / step.sum(axis=1, keepdims=True) for step in reversed(steps)])


@pytest.fixture(scope="module")
def small_state() -> dict[str, np.ndarray]:
    return load_file(DATA_DIR / f"{EMBEDDED}.safetensors")


@pytest.fixture(scope="module")
def on_onnx() -> LoadedEncoder:
    return load_encoder(compute=EncoderSettings(runtime="onnx"))


@pytest.mark.slow
def test_attention_of_the_golden_model_is_that_of_a_direct_computation() -> None:
    state = rename_keys(make_state("full_m2d_80x200p16x4", (-7.0, 4.1)))
    spec = infer_spec(state, Path(GOLDEN_FOLDER) / "weights.pth")
    encoder = LoadedEncoder(TorchBackend(build_encoder(state, spec), "cpu"), "0")
    windows = make_waves("1s").numpy()
    ours = encoder.attention(windows, is_trimmed=True)
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    expected, features = zip(*(direct(arrays, spec, each) for each in windows), strict=True)
    assert ours.shape == (2, 12, 12, 126, 126)
    assert ours.dtype == np.float32
    assert np.abs(ours - np.stack(expected)).max() < TOLERANCE
    assert np.ptp(ours, axis=(1, 2)).max() > 0.01  # layers and heads differ, so the comparison tells them apart
    for weights in ours:
        assert np.abs(roll_out(weights) - rolled_directly(weights)).max() < TOLERANCE
    theirs = encoder.token_features(windows, is_trimmed=True)
    assert np.abs(theirs - np.stack(features)).max() < 5e-5  # the direct computation is of the golden model


@pytest.mark.parametrize("length_s", [1.0, 2.0])
def test_both_runtimes_attend_as_a_direct_computation_from_the_embedded_weights(
    length_s: float, encoder: LoadedEncoder, on_onnx: LoadedEncoder, small_state: dict[str, np.ndarray]
) -> None:
    windows = np.stack([make_noise(length_s), make_tone(length_s)])
    expected = np.stack([direct(small_state, encoder.spec, each)[0] for each in windows])
    n_tokens = 1 + 5 * int(100 * length_s / 16)
    for each in (encoder, on_onnx):
        weights = each.attention(windows)
        assert weights.shape == (2, 12, 3, n_tokens, n_tokens)
        assert np.abs(weights - expected).max() < TOLERANCE
        assert np.abs(weights.sum(axis=-1) - 1).max() < TOLERANCE


def test_both_runtimes_agree_on_a_whole_unit_and_on_padded_patches(
    encoder: LoadedEncoder, on_onnx: LoadedEncoder
) -> None:
    for length_s, is_trimmed, n_columns in ((10.0, True, 62), (2.05, False, 13)):
        window = make_noise(length_s)[None]
        ours, theirs = (each.attention(window, is_trimmed=is_trimmed) for each in (encoder, on_onnx))
        assert ours.shape[-1] == 1 + 5 * n_columns
        assert np.abs(ours - theirs).max() < TOLERANCE


def test_an_exported_encoder_has_attention_beside_it_where_it_was_asked_for(tmp_path: Path) -> None:
    encoder = make_encoder(SMALL)
    path = export_onnx(encoder, tmp_path / "small.onnx")
    window = make_noise(0.9)[None]
    with pytest.raises(WeightsError, match=r"small\.attention\.onnx: not here.*--runtime torch.*--attention"):
        OnnxBackend(path).attention(window, is_trimmed=True)
    export_onnx(encoder, attention_path(path), is_attention=True)
    difference = np.abs(OnnxBackend(path).attention(window, is_trimmed=True) - encoder.attention(window))
    assert difference.max() < TOLERANCE
    assert attention_path(tmp_path / "small.int8.onnx") == attention_path(path)
    with pytest.raises(WeightsError, match="gives no features"):
        load_encoder(attention_path(path))
    with pytest.raises(WeightsError, match="choose another name"):
        export_onnx(encoder, path, is_attention=True, is_int8=True)


def test_the_second_graph_is_opened_only_when_attention_is_asked_for(tmp_path: Path) -> None:
    path = export_onnx(make_encoder(SMALL), tmp_path / "small.onnx")
    attention_path(path).write_bytes(b"nothing")
    window = make_noise(0.9)[None]
    backend = OnnxBackend(path)
    assert LoadedEncoder(backend, "0").token_features(window).shape == (1, 5, 640)
    with pytest.raises(WeightsError, match=r"small\.attention\.onnx: not an encoder"):
        backend.attention(window, is_trimmed=True)


def test_attention_of_another_encoder_or_of_damaged_weights_is_refused(tmp_path: Path) -> None:
    path = export_onnx(make_encoder(SMALL), tmp_path / "small.onnx")
    for suffix in (".safetensors", ".attention.onnx"):
        shutil.copy(DATA_DIR / f"{EMBEDDED}{suffix}", tmp_path)
    shutil.copy(tmp_path / f"{EMBEDDED}.attention.onnx", attention_path(path))
    with pytest.raises(WeightsError, match="another encoder than small.onnx"):
        OnnxBackend(path).attention(make_noise(0.9)[None], is_trimmed=True)
    attention_path(path).write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="make it again: earwitness weights export NAME --attention"):
        OnnxBackend(path).attention(make_noise(0.9)[None], is_trimmed=True)


def test_the_export_command_writes_attention_too(tmp_path: Path) -> None:
    out = tmp_path / "own.onnx"
    done = CliRunner().invoke(app, ["weights", "export", "--attention", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == [str(out), str(tmp_path / "own.attention.onnx")]
    assert load_encoder(out).attention(make_noise(1.0)[None]).shape == (1, 12, 3, 31, 31)


def test_windows_longer_than_a_unit_are_refused(encoder: LoadedEncoder) -> None:
    with pytest.raises(SettingsError, match="windows of 10.2 s.*at most 10 s"):
        encoder.attention(make_noise(10.2)[None])


def make_attention(n_bands: int = 5, n_columns: int = 4) -> Attention:
    """Return attention of two layers and three heads, all rows random."""
    n_tokens = 1 + n_bands * n_columns
    weights = np.random.default_rng(3).random((2, 3, n_tokens, n_tokens)).astype(np.float32)
    weights /= weights.sum(axis=-1, keepdims=True)
    return Attention(weights, 2.0, 0.16, band_edges_hz(MelSpec.at(16000), n_bands))


def test_layers_and_heads_are_chosen_by_number() -> None:
    attention = make_attention()
    assert np.array_equal(attention.layer(-1, 2), attention.weights[1, 2])
    assert np.allclose(attention.layer(0), attention.weights[0].mean(axis=0))
    for layer, head, message in ((2, None, "layer 2.*0 to 1"), (-3, None, "layer -3"), (0, 3, "head 3.*0 to 2")):
        with pytest.raises(SettingsError, match=message):
            attention.layer(layer, head)


def test_points_are_tokens_and_maps_lie_as_the_spectrogram_does() -> None:
    attention = make_attention()
    assert attention.token_at(2.0, 60) == 1
    assert attention.token_at(2.17, 60) == 2
    assert attention.token_at(2.0, 7900) == 1 + 4 * 4
    assert attention.column_tokens(3) == [4, 8, 12, 16, 20]
    matrix = attention.layer(-1, 0)
    seen = attention.look_from([5], matrix)
    assert seen.weights.shape == (5, 4)
    assert seen.weights.sum() == pytest.approx(1, abs=1e-6)
    assert seen.weights[1, 2] / seen.weights[0, 0] == pytest.approx(matrix[5, 1 + 4 + 2] / matrix[5, 1], rel=1e-5)
    for time_s, frequency_hz, message in ((1.9, 500, "outside the window"), (2.7, 500, "2.64"), (2.1, 9000, "9000 Hz")):
        with pytest.raises(SettingsError, match=message):
            attention.token_at(time_s, frequency_hz)


def test_band_edges_lie_between_the_centres_of_mel_filters() -> None:
    filters = mel_filters(MelSpec.at(16000))
    peaks_hz = filters.argmax(axis=1) * 40
    edges = band_edges_hz(MelSpec.at(16000), 5)
    for band in range(1, 5):
        assert peaks_hz[16 * band - 1] - 40 < edges[band] < peaks_hz[16 * band] + 40
    assert edges[[0, -1]] == pytest.approx([50, 8000])


def test_peaks_are_explained_in_their_order_from_windows_around_them(encoder: LoadedEncoder) -> None:
    samples = make_noise(7.0)
    samples[: 4 * RATE_HZ] *= 0.01
    peaks_s = [6.9, 0.0, 3.5, 3.5]
    maps = explain_peaks((samples, RATE_HZ), peaks_s, Settings(window_s=2, hop_s=1), encoder)
    assert [each.start_s for each in maps] == [5.0, 0.0, 2.5, 2.5]
    assert np.array_equal(maps[2].weights, maps[3].weights)
    for peak_s, each in zip(peaks_s, maps, strict=True):
        first = round(each.start_s * RATE_HZ)
        weights = roll_out(encoder.attention(samples[None, first : first + 2 * RATE_HZ])[0])
        column = min(11, int((peak_s - each.start_s) / 0.16))
        row = np.mean([weights[1 + band * 12 + column, 1:] for band in range(5)], axis=0).reshape(5, 12)
        assert np.abs(each.weights - row / row.sum()).max() < TOLERANCE
        assert each.token_s == 0.16
        assert each.edges_hz.shape == (6,)


def test_explaining_reads_what_listening_heard_and_no_more(encoder: LoadedEncoder) -> None:
    source, settings = (make_noise(5.0), RATE_HZ), Settings(noise_factor=0.5)
    detected = np.concatenate([block.samples for block in read_blocks(source, RATE_HZ, noise_factor=0.5)])
    (seen,) = explain_peaks(source, [2.5], settings, encoder)
    (direct_map,) = explain_peaks((detected, RATE_HZ), [2.5], Settings(), encoder)
    assert np.abs(seen.weights - direct_map.weights).max() < TOLERANCE
    assert explain_peaks(source, [], settings, encoder) == []


@pytest.mark.parametrize("length_s", [0.4, 1.3])
def test_a_short_recording_is_one_window_as_listening_takes_it(length_s: float, encoder: LoadedEncoder) -> None:
    source = (make_noise(length_s), RATE_HZ)
    ((_, attention),) = read_attention(source, [0.2], Settings(), encoder)
    (windows,) = slide(read_blocks(source, RATE_HZ), 2.0, 1.0)
    assert np.abs(attention.weights - encoder.attention(windows.samples)[0]).max() < TOLERANCE
    assert attention.start_s == 0


def test_windows_are_never_longer_than_what_the_encoder_sees(encoder: LoadedEncoder) -> None:
    ((_, attention),) = read_attention((make_noise(14.0), RATE_HZ), [7.0], Settings(window_s=12.0), encoder)
    assert (attention.start_s, attention.n_columns) == (2.0, 62)


def test_times_that_are_not_in_the_recording_are_told(encoder: LoadedEncoder) -> None:
    source = (make_noise(3.0), RATE_HZ)
    for time_s, message in ((-0.1, "from the recording's beginning"), (3.5, "outside the recording of 3 s")):
        with pytest.raises(SettingsError, match=message):
            explain_peaks(source, [1.0, time_s], Settings(), encoder)
    with pytest.raises(AudioError):
        explain_peaks("missing.wav", [1.0], Settings(), encoder)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_blocks(*_: object, **__: object) -> Iterator[Waveform]:
        noise = make_noise(10.0)
        for index in range(90):
            yield Waveform(noise.copy(), RATE_HZ, 10.0 * index)

    monkeypatch.setattr("earwitness.recognition.explain.read_blocks", make_blocks)
    encoder.attention(make_noise(2.0)[None])  # what is made once is not counted
    tracemalloc.start()
    maps = explain_peaks("any", [899.0, 3.0, *np.linspace(10, 890, 60)], Settings(), encoder)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(maps) == 62
    assert peak_bytes < 30e6  # the recording has 58 MB


def test_listening_is_not_changed_by_attention(encoder: LoadedEncoder) -> None:
    window = make_noise(2.0)[None]
    before = encoder.token_logits(window)
    encoder.attention(window)
    assert np.array_equal(encoder.token_logits(window), before)
    assert not torch.is_inference_mode_enabled()
