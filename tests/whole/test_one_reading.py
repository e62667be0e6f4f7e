"""Each command decodes a recording once and encodes no window of one length twice; attention takes a reading more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earwitness.audio import read
from earwitness.audio.read import Waveform
from earwitness.cli.main import app
from earwitness.encoders.batching import SharedBackend
from earwitness.encoders.load import LoadedEncoder
from earwitness.plots.attention import LoudestFinder
from earwitness.plots.timeline import recognize_timeline
from earwitness.recognition.analysis import analyse
from earwitness.recognition.tags import ClipTags
from earwitness.settings import Settings
from made_sounds import RATE_HZ, make_noise

DURATION_S = 7.0
WHOLE = {7.0: 1}  # one window of up to 10 s, which serves everything
SHORT = {2.0: 6}  # windows of 2 s every second, for events alone
SHORT_SETTINGS = Settings(window_s=2.0, hop_s=1.0)
ALL_EVENTS = "event_threshold = 0.0\nevent_hold = 0.0\n"
EVENTS, SCENES = ("--events", "siren"), ("--scenes", "park,tram")


class Counts:
    """How often each recording was decoded, and each window encoded."""

    def __init__(self) -> None:
        self.decoded: Counter[str] = Counter()
        self.encoded: Counter[tuple[float, bytes]] = Counter()

    def windows(self) -> dict[float, int]:
        """Return the number of windows by their length in seconds, none of which was encoded twice."""
        assert set(self.encoded.values()) <= {1}, "a window was encoded twice"
        return dict(Counter(length_s for length_s, _ in self.encoded))


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Give counters that watch the decoder and the encoder's backend."""
    counts, resample = Counts(), read.resample

    def watch_decoding(name: str, blocks: Iterator[object], rate_hz: int) -> object:
        counts.decoded[Path(name).name] += 1
        return resample(name, blocks, rate_hz)  # type: ignore[arg-type]

    monkeypatch.setattr(read, "resample", watch_decoding)
    encode = SharedBackend.encode

    def watch_encoding(self: SharedBackend, windows: np.ndarray, *arguments: object, **named: object) -> object:
        for window in windows:
            counts.encoded[len(window) / RATE_HZ, window.tobytes()] += 1
        return encode(self, windows, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(SharedBackend, "encode", watch_encoding)
    return counts


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording of 7 s, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("all.toml").write_text(ALL_EVENTS)
    Path("short.toml").write_text(SHORT_SETTINGS.to_toml())
    soundfile.write("sounds.wav", make_noise(DURATION_S), RATE_HZ)
    return Path("sounds.wav")


def run(*arguments: str | Path) -> None:
    on_onnx = () if arguments[0] == "similar" else ("--runtime", "onnx")  # a store names its own
    result = CliRunner().invoke(app, [*map(str, arguments), *on_onnx])
    assert result.exit_code == 0, result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "n_decoded", "windows"),
    [
        (("listen", *EVENTS, *SCENES), 1, WHOLE),
        (("listen", *EVENTS, *SCENES, "--settings", "short.toml"), 1, SHORT | WHOLE),
        (("listen", *SCENES), 1, WHOLE),
        (("listen", *EVENTS, *SCENES, "--method", "tmrl"), 1, {4.0: 7}),
        (("listen", *EVENTS, "--report", "--out", "pages"), 1, WHOLE),
        (("classify", "--words", "dog bark,siren"), 1, WHOLE),
        (("tags",), 1, WHOLE),
        (("report", *EVENTS, *SCENES), 1, WHOLE),
        (("report", *EVENTS, "--settings", "all.toml"), 2, WHOLE),  # the second is for attention
        (("show", "spectrogram", *EVENTS), 1, WHOLE),
        (("show", "spectrogram", *EVENTS, "--method", "tmrl"), 1, {4.0: 7}),
        (("show", "tags"), 1, WHOLE),
        (("show", "attention", "--at", "3"), 1, {}),
        (("show", "attention"), 2, {}),  # the first is for the loudest moment
        (("index", "--store", "store"), 1, WHOLE),
        (("embed", "--out", "clip.npz"), 1, WHOLE),
        (("embed", "--per", "window", "--out", "windows.npz"), 1, WHOLE),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_command_reads_a_recording_once(
    sound: Path, counts: Counts, arguments: Sequence[str], n_decoded: int, windows: dict[float, int]
) -> None:
    n_names = 2 if arguments[0] == "show" else 1
    run(*arguments[:n_names], sound, *arguments[n_names:])
    assert counts.windows() == windows
    assert counts.decoded == {"sounds.wav": n_decoded}


@pytest.mark.slow
def test_a_clip_is_read_once_to_find_similar_ones(sound: Path, counts: Counts) -> None:
    run("index", sound, "--store", "store")
    soundfile.write("clip.wav", make_noise(3.0, seed=1), RATE_HZ)
    counts.encoded.clear()
    run("similar", "store", "clip.wav")
    assert counts.windows() == {3.0: 1}
    assert counts.decoded["clip.wav"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--psds",)])
def test_events_scenes_labels_and_curves_are_evaluated_from_one_reading(
    sound: Path, counts: Counts, options: Sequence[str]
) -> None:
    folder = Path("data")
    folder.mkdir()
    names = [f"{index}.wav" for index in range(2)]
    for index, name in enumerate(names):
        soundfile.write(folder / name, make_noise(DURATION_S, seed=index), RATE_HZ)
    tables = {
        "events.csv": ("file,onset_s,offset_s,label", ",1.0,2.0,siren"),
        "scenes.csv": ("file,scene", ",park"),
        "labels.csv": ("file,label", ",rain"),
    }
    for table, (header, row) in tables.items():
        (folder / table).write_text("\n".join([header, *(f"{name}{row}" for name in names)]) + "\n")
    run("evaluate", folder, "--out", "results", *options)
    assert counts.windows() == {7.0: 2}
    assert counts.decoded == dict.fromkeys(names, 1)


@pytest.mark.slow
def test_background_is_read_once_to_calibrate(sound: Path, counts: Counts) -> None:
    soundfile.write("background.wav", make_noise(61.0), RATE_HZ)
    run("calibrate", "background.wav", *EVENTS)
    assert counts.windows() == {10.0: 12}
    assert counts.decoded == {"background.wav": 1}


def test_a_recording_is_known_before_it_is_encoded_and_nothing_is_read_again(
    sound: Path, counts: Counts, onnx: LoadedEncoder, tmp_path: Path
) -> None:
    known: list[tuple[float, dict[float, int]]] = []
    shares: list[float] = []
    clips: list[ClipTags] = []

    def note(duration_s: float) -> None:
        known.append((duration_s, counts.windows()))

    paths = {"logits_path": tmp_path / "rows.f32", "windows_path": tmp_path / "windows.f32"}
    early = analyse(sound, Settings(), onnx, shares.append, on_clip=clips.append, on_read=note, **paths)
    assert known == [(DURATION_S, {})]
    assert [each.mean_logits.tolist() for each in clips] == [early.clip.mean_logits.tolist()]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert counts.windows() == WHOLE
    assert counts.decoded == {"sounds.wav": 1}
    written = sorted(path.name for path in tmp_path.iterdir() if path.suffix not in (".wav", ".toml"))
    assert written == ["rows.f32", "windows.f32"]
    usual = analyse(sound, Settings(), onnx)
    assert np.array_equal(early.rows.logits[...], usual.rows.logits[...])
    assert np.array_equal(early.clip.mean_logits, usual.clip.mean_logits)


def test_a_picture_and_the_loudest_moment_come_from_one_reading(
    sound: Path, counts: Counts, onnx: LoadedEncoder
) -> None:
    loudest = LoudestFinder()
    samples = make_noise(DURATION_S)
    samples[4 * RATE_HZ : 5 * RATE_HZ] *= 3
    recognition, timeline = recognize_timeline(Waveform(samples, RATE_HZ), ["siren"], Settings(), onnx, loudest.add)
    assert recognition.duration_s == timeline.duration_s == DURATION_S
    assert 4 <= loudest.time_s <= 5
    assert counts.windows() == WHOLE
    assert sum(counts.decoded.values()) == 1
