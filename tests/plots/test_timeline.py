"""The picture of a recording: what it shows, where it stops, and what is said when it cannot be drawn."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex

from earwitness.audio.read import Waveform, read_blocks
from earwitness.audio.spectrogram import Spectrogram
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.errors import AudioError, MissingExtraError, OutputError
from earwitness.metrics.annotations import LabelledEvent
from earwitness.plots.figure import COLOURS, import_figure
from earwitness.plots.panels import draw_levels
from earwitness.plots.timeline import REFERENCE, draw_recognition, draw_timeline, make_lanes, read_timeline
from earwitness.recognition.events import Event
from earwitness.recognition.pipeline import Recognition
from earwitness.settings import Settings
from looking import overlaps

RATE_HZ = 16000


@pytest.fixture(scope="module")
def encoder() -> LoadedEncoder:
    return load_encoder()


def make_waveform(duration_s: float, tone_hz: float = 1000.0) -> Waveform:
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return Waveform((0.3 * np.sin(2 * np.pi * tone_hz * time_s)).astype(np.float32), RATE_HZ)


def make_recognition(words: list[str], events: list[Event], name: str = "a.wav", method: str = "tmrl") -> Recognition:
    settings = Settings(method=method)  # type: ignore[arg-type]
    return Recognition(name, 3.0, events, [], [], words, settings, "an encoder", "0" * 64)


def read_texts(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> list[str]:
    """Draw, and return every text of the figure instead of the picture."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    texts: list[str] = []
    keep = Figure.savefig

    def save(figure: Figure, *args: object, **named: object) -> None:
        keep(figure, *args, **named)
        texts.extend(text.get_text() for text in figure.findobj(Text) if text.get_visible())

    monkeypatch.setattr(Figure, "savefig", save)
    draw_recognition(*arguments)  # type: ignore[arg-type]
    return texts


def test_a_picture_names_the_file_the_words_and_the_unit_of_time(
    tmp_path: Path, encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    out_path = tmp_path / "new" / "a.png"
    recognition = make_recognition(["siren", "dog bark"], [Event(0.5, 9.0, "siren", 0.87, 0.6, ())], "street.wav")
    texts = read_texts(monkeypatch, recognition, make_waveform(3.0), out_path, encoder)
    assert out_path.read_bytes().startswith(b"\x89PNG")
    assert {"siren", "dog bark", "not detected", "0.87", "time (s)", "level (dB)", "tag score"} <= set(texts)
    assert "street.wav: 3.0 s" in texts
    assert any(text.startswith("Method tmrl, windows of 4 s every 1 s; encoder an encoder") for text in texts)


def test_no_two_labels_of_a_picture_lie_on_each_other(
    tmp_path: Path, encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    overlaps: list[tuple[str, str]] = []
    keep = Figure.savefig

    def save(figure: Figure, *args: object, **named: object) -> None:
        keep(figure, *args, **named)
        for axes in figure.axes:
            labels = [label for label in axes.get_yticklabels() if label.get_text() and label.get_visible()]
            boxes = sorted((label.get_window_extent().y0, label.get_window_extent().y1) for label in labels)
            pairs = pairwise(boxes)
            overlaps.extend((str(below), str(above)) for below, above in pairs if above[0] < below[1] - 0.5)

    monkeypatch.setattr(Figure, "savefig", save)
    words = [f"word number {number}" for number in range(20)]
    draw_recognition(make_recognition(words, []), make_waveform(3.0), tmp_path / "a.png", encoder)
    assert not overlaps


@pytest.mark.slow
def test_only_the_first_ten_minutes_are_drawn_and_the_title_says_so(
    tmp_path: Path, encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "earwitness.plots.timeline.LONGEST_DRAWN_S", 6.0
    )  # a tenth of a minute: the same code, less to listen to
    timeline = read_timeline(make_waveform(9.0), Settings(), encoder)
    assert timeline.duration_s == 6.0
    assert not timeline.is_whole
    assert read_timeline(make_waveform(6.0), Settings(), encoder).is_whole
    texts = read_texts(monkeypatch, make_recognition([], []), make_waveform(9.0), tmp_path / "a.png", encoder)
    assert any("the first 0.1 of 0.1 minutes" in text for text in texts)


def test_windows_of_the_published_method_are_drawn_from_their_starts_and_others_around_their_middles(
    encoder: LoadedEncoder,
) -> None:
    published = read_timeline(make_waveform(5.0), Settings(method="tmrl", hop_s=1.0), encoder)
    np.testing.assert_allclose(published.edges_s, [0, 1, 2, 3, 4, 5])
    ours = read_timeline(make_waveform(5.0), Settings(window_s=2.0, hop_s=1.0), encoder)
    np.testing.assert_allclose(ours.edges_s, [0, 1.5, 2.5, 3.5, 5])
    assert len(ours.logits) == 4


def test_a_tone_is_brightest_in_the_band_of_its_frequency(encoder: LoadedEncoder) -> None:
    for tone_hz in (500.0, 3000.0):
        timeline = read_timeline(make_waveform(2.0, tone_hz), Settings(), encoder)
        band = timeline.spectrogram.levels_db[:, 50:150].mean(axis=1).argmax()
        assert timeline.spectrogram.centres_hz[band] == pytest.approx(tone_hz, rel=0.06)


def test_a_long_spectrogram_is_reduced_to_the_columns_that_can_be_seen_and_keeps_its_peaks(
    encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_timeline(make_waveform(3.0), Settings(), encoder)
    monkeypatch.setattr("earwitness.plots.timeline.N_COLUMNS", 50)
    pooled = read_timeline(make_waveform(3.0), Settings(), encoder)
    assert whole.spectrogram.levels.shape == (80, 300)
    assert pooled.spectrogram.levels.shape == (80, 50)
    assert pooled.spectrogram.levels.max() == whole.spectrogram.levels.max()


def test_noise_is_heard_the_same_way_twice_and_not_at_all_without_a_factor() -> None:
    silence = Waveform(np.zeros(RATE_HZ, np.float32), RATE_HZ)
    first, second = (next(read_blocks(silence, RATE_HZ, noise_factor=0.1)).samples for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.std() == pytest.approx(0.1, rel=0.05)
    assert not next(read_blocks(silence, RATE_HZ)).samples.any()


@pytest.mark.slow
@pytest.mark.parametrize("duration_s", [0.03, 0.5])
def test_a_recording_of_a_moment_is_drawn(tmp_path: Path, encoder: LoadedEncoder, duration_s: float) -> None:
    for method in ("tmrl", "earwitness"):
        draw_recognition(
            make_recognition([], [], method=method), make_waveform(duration_s), tmp_path / "a.png", encoder
        )
        assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.slow
def test_signs_in_a_name_are_drawn_as_they_are(
    tmp_path: Path, encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognition = make_recognition(["cash $x^{2$"], [], "price_$5_{x}_鳥.wav")
    texts = read_texts(monkeypatch, recognition, make_waveform(1.0), tmp_path / "a.png", encoder)
    assert any(text.startswith("price_$5_{x}_鳥.wav") for text in texts)


def test_without_matplotlib_the_message_names_the_extra(
    tmp_path: Path, encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"earwitness\[plot\]"):
        draw_recognition(make_recognition([], []), make_waveform(1.0), tmp_path / "a.png", encoder)


def test_a_picture_that_cannot_be_written_and_a_recording_that_cannot_be_read_are_told(
    tmp_path: Path, encoder: LoadedEncoder
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_recognition(make_recognition([], []), make_waveform(1.0), tmp_path / "file" / "a.png", encoder)
    with pytest.raises(AudioError, match="file: not readable as audio"):
        draw_recognition(make_recognition([], []), tmp_path / "file", tmp_path / "a.png", encoder)


def test_reference_events_lie_under_the_words_of_the_same_letters(encoder: LoadedEncoder) -> None:
    detected = [Event(0.5, 1.5, "baby cry", 0.9, 1.0, ()), Event(2.0, 9.0, "siren", 0.6, 2.5, ())]
    reference = [LabelledEvent("babycry", 0.4, 1.4), LabelledEvent("knock", 1.0, 1.2), LabelledEvent("knock", 5.0, 6.0)]
    recognition = make_recognition(["siren", "baby cry", "rain"], detected, method="earwitness")
    lanes, n_more = make_lanes(recognition, reference, 3.0)
    assert n_more == 0
    assert [lane.word for lane in lanes] == ["siren", "baby cry", "rain", "knock"]
    assert [lane.events for lane in lanes] == [((2.0, 3.0, 0.6),), ((0.5, 1.5, 0.9),), (), ()]
    assert [lane.reference for lane in lanes] == [(), ((0.4, 1.4),), (), ((1.0, 1.2),)]
    figure = draw_timeline(recognition, read_timeline(make_waveform(3.0), Settings(), encoder), reference)
    levels, events, tags = figure.axes[:3]
    bars = {(round(bar.get_x(), 2), round(bar.get_x() + bar.get_width(), 2)): bar for bar in events.patches}
    assert set(bars) == {(2.0, 3.0), (0.5, 1.5), (0.4, 1.4), (1.0, 1.2)}
    assert to_hex(bars[0.5, 1.5].get_facecolor()) == COLOURS[1].lower()
    assert {to_hex(bars[span].get_facecolor()) for span in ((0.4, 1.4), (1.0, 1.2))} == {to_hex(REFERENCE)}
    assert bars[0.4, 1.4].get_y() > bars[0.5, 1.5].get_y() + bars[0.5, 1.5].get_height() - 1e-6  # the axis points down
    assert [text.get_text() for text in events.get_legend().get_texts()] == ["detected", "reference"]
    assert (tags.get_xlabel(), tags.get_xlim()) == ("time (s)", (0.0, 3.0))
    assert levels.get_ylabel() == "frequency (Hz, mel scale)"
    assert [label.get_text() for label in levels.get_yticklabels()] == ["100", "250", "500", "1k", "2k", "4k"]
    assert levels.images[0].get_extent()[:2] == [0.0, 3.0]
    assert not overlaps(figure)


def test_a_tone_is_drawn_at_its_tick(encoder: LoadedEncoder) -> None:
    figure = draw_timeline(make_recognition([], []), read_timeline(make_waveform(2.0, 1000.0), Settings(), encoder))
    levels = figure.axes[0]
    row = levels.images[0].get_array()[:, 50:150].mean(axis=1).argmax()
    ticks = dict(zip([label.get_text() for label in levels.get_yticklabels()], levels.get_yticks(), strict=True))
    assert row == pytest.approx(ticks["1k"], abs=1.0)


def test_silence_is_drawn_dark() -> None:
    silence = Spectrogram(np.full((80, 100), 2, np.uint8), 0.01, np.linspace(50, 8000, 80), 1.0)
    image = draw_levels(import_figure()().subplots(), silence)
    assert image.get_clim() == (-70.0, -50.0)
    assert max(image.cmap(image.norm(-69.0))[:3]) < 0.2
