"""Attention pictures: the maps lie where the sound is, and say from where, in what unit and how they were made."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import AudioError, SettingsError
from earwitness.plots.attention import Attended, Query, choose_panels, draw_attention, find_loudest, read_attended
from earwitness.plots.figure import COLOURS
from earwitness.recognition.explain import AttentionMap
from earwitness.settings import Settings
from looking import caption, overlaps, texts, title
from made_sounds import RATE_HZ, make_noise, make_tone

SHORT = Settings(window_s=2.0, hop_s=1.0)


@pytest.fixture(scope="module")
def attended(encoder: LoadedEncoder) -> Attended:
    """Noise of 6 s with a loud tone from 4 s to 4.5 s; the window around 4.2 s."""
    samples = 0.01 * make_noise(6.0)
    samples[4 * RATE_HZ : 4 * RATE_HZ + RATE_HZ // 2] += make_tone(0.5)
    return read_attended((samples, RATE_HZ), None, SHORT, encoder)


def test_the_loudest_moment_is_taken_where_none_is_given(attended: Attended) -> None:
    assert 4.0 <= attended.time_s <= 4.5
    assert attended.attention.start_s == pytest.approx(attended.time_s - 1.0, abs=0.01)
    loud = attended.spectrogram.levels.max(axis=0) > attended.spectrogram.levels.max() - 40
    tone_s = attended.attention.start_s + np.flatnonzero(loud) * attended.spectrogram.step_s
    assert tone_s.min() == pytest.approx(4.0, abs=0.03)
    assert tone_s.max() == pytest.approx(4.5, abs=0.03)


def test_the_spectrogram_is_that_of_the_window_in_whatever_blocks_it_comes(encoder: LoadedEncoder) -> None:
    samples = 0.01 * make_noise(100.0)  # more than a block
    samples[93 * RATE_HZ :][: RATE_HZ // 10] += make_tone(0.1)
    attended = read_attended((samples, RATE_HZ), 93.05, SHORT, encoder)
    assert attended.attention.start_s == pytest.approx(92.05)
    assert attended.spectrogram.levels.shape[1] == pytest.approx(192, abs=1)
    loudest = attended.spectrogram.levels.max(axis=0).argmax() * attended.spectrogram.step_s
    assert loudest == pytest.approx(1.0, abs=0.08)
    assert find_loudest((samples, RATE_HZ), SHORT, RATE_HZ) == pytest.approx(93.05, abs=0.06)


def test_each_view_has_its_panels(attended: Attended) -> None:
    queries = [Query(attended.time_s), Query(4.2, 440.0), Query()]
    assert [panel.title for panel in choose_panels(attended, "rollout", queries)][1:] == [
        "from 4.20 s, 440 Hz",
        "from class token",
    ]
    (mean,) = choose_panels(attended, "rollout", [Query(is_mean=True)])
    row = attended.attention.roll_out()[1:, 1:].mean(axis=0).reshape(5, 12)
    assert np.abs(mean.seen.weights - row / row.sum()).max() < 1e-6
    assert mean.title == "from the mean of all tokens"
    heads = choose_panels(attended, "heads", [Query()], layer=-2)
    assert [panel.title for panel in heads] == [f"head {head}, from class token" for head in range(3)]
    for head, panel in enumerate(heads):
        row = attended.attention.weights[10, head, 0, 1:].reshape(5, 12)
        assert np.abs(panel.seen.weights - row / row.sum()).max() < 1e-6
    layers = choose_panels(attended, "layers", [Query()])
    assert [panel.title for panel in layers] == [f"layer {layer}, from class token" for layer in range(12)]
    (mean,) = choose_panels(attended, "mean", [Query()], layer=3)
    assert np.array_equal(mean.seen.weights, layers[3].seen.weights)


@pytest.mark.slow
def test_a_picture_shows_attention_where_it_is_over_the_sound(attended: Attended) -> None:
    queries = [Query(attended.time_s), Query(4.2, 440.0), Query()]
    panels = choose_panels(attended, "rollout", queries)
    figure = draw_attention(attended, panels, "street.wav", "rollout", "an encoder")
    start_s, end_s = attended.attention.start_s, attended.attention.start_s + 12 * 0.16
    sound, *others = figure.axes
    maps = [axes for axes in others if axes.get_title().startswith("from")]
    assert [axes.get_title() for axes in maps] == [panel.title for panel in panels]
    for axes, panel in zip(maps, panels, strict=True):
        _, image = axes.images
        assert np.allclose(image.get_array(), panel.seen.weights * 60)
        assert np.allclose(image.get_extent(), (start_s, end_s, -0.5, 79.5))
        assert image.norm.vmin == 1.0
        assert np.allclose(axes.get_xlim(), (start_s, end_s))
        assert axes.get_xlabel() == "time (s)"
    assert to_hex(maps[0].images[1].cmap(1.0)) == COLOURS[1].lower()
    assert maps[0].lines[0].get_xdata()[0] == attended.time_s
    assert maps[1].lines[0].get_xdata()[0] == 4.2
    ticks = dict(zip([label.get_text() for label in sound.get_yticklabels()], sound.get_yticks(), strict=True))
    assert ticks["250"] < maps[1].lines[0].get_ydata()[0] < ticks["1k"]
    assert len(maps[2].lines) == 0
    assert {"attention (multiple of even)", "level (dB)", "frequency (Hz, mel scale)", "spectrogram"} <= texts(figure)
    assert "Roll-out over all layers" in caption(figure)
    assert "Window of 1.92 s, tokens of 160 ms in 5 bands; encoder an encoder" in caption(figure)
    assert title(figure).startswith("street.wav: attention of the encoder, ")
    assert not overlaps(figure)


@pytest.mark.slow
@pytest.mark.parametrize(("view", "n_panels"), [("heads", 6), ("layers", 12), ("mean", 2)])
def test_no_text_lies_on_another_however_many_panels_there_are(attended: Attended, view: str, n_panels: int) -> None:
    queries = [Query(attended.time_s), Query()] if view != "layers" else [Query()]
    panels = choose_panels(attended, view, queries)  # type: ignore[arg-type]
    figure = draw_attention(attended, panels, "a.wav", view, "an encoder")  # type: ignore[arg-type]
    assert sum(len(axes.images) == 2 for axes in figure.axes) == len(panels) == n_panels
    assert not overlaps(figure)


def test_even_attention_is_drawn_as_one(attended: Attended) -> None:
    even = AttentionMap(np.full((5, 12), 1 / 60, np.float32), 3.2, 0.16, attended.attention.edges_hz)
    panels = choose_panels(attended, "rollout", [Query()])
    figure = draw_attention(attended, [type(panels[0])("even", even, Query())], "a.wav", "rollout", "an encoder")
    (axes,) = [axes for axes in figure.axes if axes.get_title() == "even"]
    assert np.allclose(axes.images[1].get_array(), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("length_s", "drawn_s"), [(0.03, 0.03), (0.5, 0.5), (1.5, 1.44)])  # whole tokens of 160 ms
def test_a_recording_of_a_moment_has_its_picture(length_s: float, drawn_s: float, encoder: LoadedEncoder) -> None:
    attended = read_attended((make_tone(length_s), RATE_HZ), None, SHORT, encoder)
    assert attended.spectrogram.duration_s == pytest.approx(drawn_s, abs=0.01)
    figure = draw_attention(attended, choose_panels(attended, "mean", [Query(0.0)]), "a.wav", "mean", "an encoder")
    assert "Mean over heads of layer 11 (of 0 to 11)" in caption(figure)
    assert not overlaps(figure)


def test_what_is_not_there_is_told(attended: Attended, encoder: LoadedEncoder) -> None:
    for view, query, layer, message in (
        ("mean", Query(), 12, "layer 12: this encoder has layers 0 to 11"),
        ("rollout", Query(1.0), -1, "1 s is outside the window"),
        ("rollout", Query(float("nan")), -1, "nan s is outside the window"),
        ("rollout", Query(4.2, 9000.0), -1, "9000 Hz is outside"),
        ("sideways", Query(), -1, "choose one of rollout, mean, heads, layers"),
    ):
        with pytest.raises(SettingsError, match=message):
            choose_panels(attended, view, [query], layer)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="outside the recording of 2 s"):
        read_attended((make_noise(2.0), RATE_HZ), 9.0, SHORT, encoder)
    with pytest.raises(AudioError):
        read_attended("missing.wav", None, SHORT, encoder)
