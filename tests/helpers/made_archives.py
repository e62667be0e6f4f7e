"""Archives of short sounds, a real encoder on ONNX Runtime, and one that is quick and only counts what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earwitness
from demo_recording import make_recording
from earwitness.archive.index import index_recordings
from earwitness.archive.part_writer import IndexOptions, IndexReport
from earwitness.audio.read import find_audio
from earwitness.encoders.base import Encoded, EncoderSpec, Floats, Output
from earwitness.encoders.load import LoadedEncoder
from earwitness.settings import EncoderSettings, Settings

ONNX = Settings(runtime="onnx")
MakeArchive = Callable[..., Path]
Index = Callable[..., IndexReport]


class QuickBackend:
    """Gives logits that depend on each window's loudness alone, and remembers how many windows it was given."""

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec, self.batch, self.n_at_once, self.computed_on = spec, 16, 1, "onnxruntime, for tests"
        self.n_windows = 0

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        raise NotImplementedError

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool) -> Encoded:
        self.n_windows += len(windows)
        n_tokens = max(1, int(windows.shape[1] / self.spec.sample_rate_hz / self.spec.token_s))
        parts = np.array_split(np.abs(windows), n_tokens, axis=1)
        loud = np.stack([part.mean(axis=1) for part in parts], axis=1)  # (W, T)
        logits = (20 * loud[:, :, None] - np.linspace(2, 12, 527)).astype(np.float32)
        return Encoded(token_logits=logits, window_logits=logits.mean(axis=1))


@pytest.fixture(scope="session")
def onnx() -> LoadedEncoder:
    """Load the embedded encoder on ONNX Runtime once."""
    return earwitness.load_encoder(compute=EncoderSettings(runtime="onnx", n_threads=1))


@pytest.fixture
def quick(onnx: LoadedEncoder) -> LoadedEncoder:
    """Give an encoder that hears loudness only, at once."""
    return LoadedEncoder(QuickBackend(onnx.spec), onnx.sha256, onnx.tag_stats, onnx.known)


@pytest.fixture
def make_archive(tmp_path: Path) -> MakeArchive:
    """Give a function that writes stretches of the demo as `count` recordings and returns their folder."""
    samples, _ = make_recording()

    def make(count: int = 3, duration_s: float = 1.0, name: str = "archive") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(count):
            first = (index * 7001) % (len(samples) - round(duration_s * 16000))
            part = samples[first : first + round(duration_s * 16000)]
            soundfile.write(folder / f"{index:03d}.wav", part, 16000)
        return folder

    return make


@pytest.fixture
def index(tmp_path: Path, quick: LoadedEncoder) -> Index:
    """Give a function that indexes folders into the store `tmp_path / "store"`, quickly unless told otherwise."""

    def run(
        *folders: Path, store: Path | None = None, encoder: LoadedEncoder | None = quick, **options: object
    ) -> IndexReport:
        chosen = IndexOptions(**options)  # type: ignore[arg-type]
        sources: Sequence[Path] = find_audio(folders)
        return index_recordings(sources, store or tmp_path / "store", ONNX, encoder, chosen, folders)

    return run
