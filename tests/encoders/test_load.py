"""Choosing what the encoder computes on, and sharing it between threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import earwitness
from earwitness.encoders import load as runtime
from earwitness.encoders.base import Encoded, Floats, Output
from earwitness.encoders.batching import SharedBackend
from earwitness.encoders.load import Compute, LoadedEncoder, choose_encoder, load_encoder
from earwitness.encoders.m2d.spec import M2DSpec
from earwitness.errors import MissingExtraError, SettingsError, WeightsError
from earwitness.settings import EncoderSettings, Settings


class CountingBackend:
    """Gives each window's first sample back as its only row, and notes the batches; the first one waits."""

    spec = M2DSpec("counting", n_tags=1)
    batch, n_at_once = 4, 1
    computed_on = "fingers"

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.may_go_on = threading.Event()

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool) -> Encoded:
        self.sizes.append(len(windows))
        assert self.may_go_on.wait(10)
        if (windows < 0).any():
            raise MemoryError("no memory")
        rows = windows[:, None, :1].copy()
        return Encoded(**{name: -rows if name == "features" else rows for name in wanted})

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        raise NotImplementedError


def encode(shared: SharedBackend, windows: Floats, output: Output) -> Floats:
    return getattr(shared.encode(windows, [output], is_trimmed=True), output)  # type: ignore[no-any-return]


def ask_at_once(backend: CountingBackend, values: list[int], size: int = 2) -> list[float | str]:
    """Ask for one window a value, the first one before the others; return the rows or the errors."""
    shared = SharedBackend(backend)

    def ask(value: int) -> float | str:
        try:
            return float(encode(shared, np.full((1, size), value, np.float32), "token_logits")[0, 0, 0])
        except MemoryError as error:
            return str(error)

    with ThreadPoolExecutor(len(values)) as threads:
        futures = [threads.submit(ask, values[0])]
        while not backend.sizes:
            pass
        futures += [threads.submit(ask, value) for value in values[1:]]
        while shared.n_waiting < len(values) - 1:
            pass
        backend.may_go_on.set()
        return [future.result(10) for future in futures]


def test_what_threads_ask_for_meanwhile_is_computed_as_one_batch() -> None:
    backend = CountingBackend()
    assert ask_at_once(backend, [1, 2, 3, 4, 5, 6]) == [1, 2, 3, 4, 5, 6]
    assert backend.sizes == [1, 4, 1]  # at most a batch of four


def test_a_failure_is_told_to_each_who_waited_for_it_and_to_nobody_else() -> None:
    assert ask_at_once(CountingBackend(), [1, -2, 3]) == [1, "no memory", "no memory"]


def test_windows_of_another_length_or_for_another_purpose_are_computed_apart() -> None:
    backend = CountingBackend()
    backend.may_go_on.set()
    shared = SharedBackend(backend)
    assert encode(shared, np.ones((2, 3), np.float32), "token_logits").shape == (2, 1, 1)
    assert encode(shared, np.ones((1, 5), np.float32), "features")[0, 0, 0] == -1
    assert backend.sizes == [2, 1]


def test_without_torch_and_onnx_runtime_there_is_nothing_to_compute_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="nothing to compute on: pip install onnxruntime"):
        load_encoder()


def test_a_runtime_that_is_wanted_but_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: name == "torch" or None)
    with pytest.raises(MissingExtraError, match="pip install onnxruntime"):
        load_encoder(compute=EncoderSettings(runtime="onnx"))


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (EncoderSettings(device="cuda:99"), "device='cuda:99'"),
        (EncoderSettings(device="toaster"), "choose 'auto', 'cpu', 'cuda'"),
        (EncoderSettings(device="meta"), "choose 'auto', 'cpu', 'cuda'"),
    ],
)
@pytest.mark.needs("torch")
def test_a_device_that_is_not_to_be_had_is_refused(compute: EncoderSettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_encoder(compute=compute)


@pytest.mark.parametrize("values", [{"runtime": "tensorflow"}, {"precision": "fp8"}, {"n_threads": -1}])
def test_settings_of_computing_are_checked(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(values))):
        Settings.from_mapping(values)


@pytest.mark.needs("torch")
def test_settings_say_what_the_encoder_computes_on() -> None:
    encoder = choose_encoder(Settings(device="cpu", precision="bf16"))
    assert next(encoder.model.blocks.parameters()).dtype.is_floating_point
    assert next(encoder.model.blocks.parameters()).element_size() == 2
    assert choose_encoder(Settings(), encoder) is encoder


@pytest.mark.needs("torch")
def test_bf16_hears_nearly_the_same(encoder: LoadedEncoder) -> None:
    windows = (0.1 * np.random.default_rng(0).standard_normal((2, 32000))).astype(np.float32)
    exact = encoder.token_logits(windows)
    coarse = load_encoder(compute=EncoderSettings(precision="bf16")).token_logits(windows)
    assert coarse.dtype == np.float32
    assert np.abs(exact - coarse).max() < 0.35
    assert np.abs(exact - coarse).mean() < 0.05
    assert (exact.mean(axis=1).argmax(axis=1) == coarse.mean(axis=1).argmax(axis=1)).all()


def test_an_encoder_without_a_torch_module_says_so() -> None:
    with pytest.raises(WeightsError, match="--runtime torch"):
        LoadedEncoder(SharedBackend(CountingBackend()), "0").model  # noqa: B018


def test_threads_get_what_one_would_get(encoder: LoadedEncoder) -> None:
    rng = np.random.default_rng(1)
    clips = [(0.1 * rng.standard_normal(16000)).astype(np.float32) for _ in range(6)]
    settings = Settings(clip_window_s=1.0)
    alone = [earwitness.classify((clip, 16000), ["rain", "siren"], settings, encoder) for clip in clips]
    with ThreadPoolExecutor(6) as threads:
        together = list(
            threads.map(lambda clip: earwitness.classify((clip, 16000), ["rain", "siren"], settings, encoder), clips)
        )
    for ours, theirs in zip(alone, together, strict=True):
        assert [each.word for each in ours] == [each.word for each in theirs]
        assert [each.score for each in ours] == pytest.approx([each.score for each in theirs], abs=1e-5)


def test_the_deprecated_compute_is_encoder_settings_under_its_old_names() -> None:
    with pytest.warns(DeprecationWarning, match="use earwitness.EncoderSettings"):
        compute = Compute("onnx", "cpu", "int8", is_compiled=True, n_threads=2)
    wanted = EncoderSettings(runtime="onnx", device="cpu", precision="int8", compile_encoder=True, n_threads=2)
    assert (compute.runtime, compute.device, compute.precision) == (wanted.runtime, wanted.device, wanted.precision)
    assert (compute.compile_encoder, compute.n_threads) == (True, 2)
