"""A recording on one axis of seconds: spectrogram, events with the reference under them, the strongest tags.

In: a recording and words, or its `Recognition`; where they are known, reference events. Out: a figure, or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.audio import Source, Spectrogram, SpectrogramMaker, Waveform, measure_duration, read_blocks
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.metrics import LabelledEvent
from earwitness.plots.figure import COLOURS, describe_settings, make_figure, save_picture, shorten, styled
from earwitness.plots.panels import add_score_bar, draw_levels, draw_tag_rows, find_strongest
from earwitness.recognition import (
    Logits,
    Recognition,
    StoredRows,
    analyse,
    ask,
    check_words,
    choose_method,
    scan,
)
from earwitness.settings import Settings
from earwitness.words import as_key

LONGEST_DRAWN_S = 600.0
N_TAGS_DRAWN = 10
N_WORDS_DRAWN = 12
N_COLUMNS = 2400  # of the spectrogram: more than the picture has pixels for
REFERENCE = "0.35"  # the colour of reference events


@dataclass(frozen=True)
class Timeline:
    """The data of a recording's figure.

    A spectrogram of `duration_s` seconds, and tag logits (W, C) of windows that are drawn from `edges_s[w]` to
    `edges_s[w + 1]` (W + 1,). `is_whole` is False where the recording goes on.
    """

    spectrogram: Spectrogram
    logits: Logits
    edges_s: npt.NDArray[np.float64]
    duration_s: float
    is_whole: bool


@dataclass(frozen=True)
class Lane:
    """A word and what is drawn beside it: (onset, offset, score) of its events, (onset, offset) of the true ones."""

    word: str
    events: tuple[tuple[float, float, float], ...]
    reference: tuple[tuple[float, float], ...]


class TimelineMaker:
    """Collects what is drawn of a recording while its blocks are read: the first ten minutes at most."""

    def __init__(self, settings: Settings) -> None:
        self._cut, self._limit_s = choose_method(settings).cut_rows(settings), LONGEST_DRAWN_S
        self._spectrogram = SpectrogramMaker()
        self.is_whole = True

    def add(self, block: Waveform) -> Waveform:
        """Take the next block; return the part of it that is drawn."""
        rate = block.sample_rate_hz
        n_left = max(0, round((self._limit_s - block.start_s) * rate))
        self.is_whole = self.is_whole and len(block.samples) <= n_left
        part = replace(block, samples=block.samples[:n_left])
        if n_left:
            self._spectrogram.add(part)
        return part

    def finish(self, windows: StoredRows) -> Timeline:
        """Return the timeline, with the logits of the windows that events come from.

        Windows of the published method are drawn from their starts, as its events are; others around their middles.
        """
        spectrogram, span_s = self._spectrogram.finish(), windows.span_s
        is_from_start = self._cut.per == "window"
        end_s = windows.start_s + (0.0 if is_from_start else span_s)
        n_drawn = max(1, int(np.count_nonzero(end_s < spectrogram.duration_s + 1e-6)))
        start_s = windows.start_s[:n_drawn]
        inner_s = start_s[1:] if is_from_start else (start_s[1:] + start_s[:-1] + span_s) / 2
        return Timeline(
            spectrogram=spectrogram.narrowed(N_COLUMNS),
            logits=windows.logits[:n_drawn],
            edges_s=np.concatenate([[0.0], inner_s, [spectrogram.duration_s]]),
            duration_s=spectrogram.duration_s,
            is_whole=self.is_whole,
        )


def read_timeline(source: Source, settings: Settings, encoder: LoadedEncoder) -> Timeline:
    """Return what is drawn of a recording, its first ten minutes at most, with windows every `hop_s`.

    Raises:
        AudioError: the recording cannot be used.
        WeightsError: the encoder has no tag head.
    """
    maker = TimelineMaker(settings)
    blocks = read_blocks(source, encoder.spec.sample_rate_hz, noise_factor=settings.noise_factor)
    drawn = takewhile(lambda part: len(part.samples), map(maker.add, blocks))
    return maker.finish(scan(drawn, ["event_windows"], settings, encoder)["event_windows"])


def recognize_timeline(
    source: Source,
    events: Sequence[str],
    settings: Settings,
    encoder: LoadedEncoder,
    on_block: Callable[[Waveform], None] | None = None,
) -> tuple[Recognition, Timeline]:
    """Return the events of a recording and what is drawn of it, from one reading.

    Raises:
        AudioError, WordError, WeightsError: see `recognize`.
    """
    maker = TimelineMaker(settings)

    def take(block: Waveform) -> None:
        maker.add(block)
        if on_block:
            on_block(block)

    check_words(events, [], settings)
    analysis = analyse(source, settings, encoder, on_block=take, kinds=["rows", "event_windows"])
    return ask(analysis, events), maker.finish(analysis.event_windows)


def draw_recognition(
    recognition: Recognition,
    source: Source,
    out_path: str | Path,
    encoder: LoadedEncoder | None = None,
    reference: Sequence[LabelledEvent] = (),
) -> None:
    """Write a picture of a recording: log-mel spectrogram, events, and the ten strongest tags over time.

    Of a recording longer than ten minutes the first ten are drawn, and the title says so. A recording that is not
    recognised yet takes `recognize_timeline` and `draw_timeline`, which read it once.

    Args:
        recognition: of the recording.
        source: the recording itself; it is read and scored again.
        out_path: the PNG, SVG or PDF to write; its folder is made if it does not exist.
        encoder: a loaded encoder; the one that the recognition names if not given.
        reference: the true events, drawn under the estimated ones.

    Raises:
        MissingExtraError: matplotlib is not installed.
        AudioError: the recording cannot be used.
        WeightsError: the encoder cannot be loaded, or has no tag head.
        OutputError: the file cannot be written.
    """
    with styled():  # raises where matplotlib is missing, before the work
        encoder = encoder or choose_encoder(recognition.settings)
        timeline = read_timeline(source, recognition.settings, encoder)
        total_s = measure_duration(source) or recognition.duration_s
        save_picture(draw_timeline(recognition, timeline, reference, total_s), out_path)


@styled()
def draw_timeline(
    recognition: Recognition, timeline: Timeline, reference: Sequence[LabelledEvent] = (), total_s: float = 0.0
) -> Any:
    """Return the figure of a recording; `total_s` is its whole length, for the title."""
    lanes, n_more = make_lanes(recognition, reference, timeline.duration_s)
    per_lane = 0.36 if reference else 0.27
    heights = [2.9, per_lane * max(1, len(lanes)) + 0.1, 0.27 * N_TAGS_DRAWN]
    settings = recognition.settings
    title = _write_title(recognition, timeline, total_s)
    caption = describe_settings(settings, recognition.encoder) + " Numbers in bars: the event's largest score."
    figure = make_figure(12.0, sum(heights) + 1.6, title, caption)
    levels, events, tags = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    figure.colorbar(draw_levels(levels, timeline.spectrogram), ax=levels, pad=0.01, label="level (dB)")
    _draw_events(events, lanes, timeline.duration_s, bool(reference))
    events.set_ylabel(f"events\n(+{n_more} words)" if n_more else "events")
    strongest = find_strongest(timeline.logits, N_TAGS_DRAWN)
    add_score_bar(figure, tags, draw_tag_rows(tags, timeline.logits, timeline.edges_s, strongest))
    cut = choose_method(settings).cut_rows(settings)
    place = "start" if cut.per == "window" else "middle"
    tags.set_ylabel(f"strongest tags\n({cut.window_s:g} s windows at their {place})")
    for axes in (levels, events):
        axes.tick_params(labelbottom=False)
    tags.set_xlim(0.0, timeline.duration_s)
    tags.set_xlabel("time (s)")
    return figure


def make_lanes(
    recognition: Recognition, reference: Sequence[LabelledEvent], duration_s: float
) -> tuple[list[Lane], int]:
    """Return a lane for each word, and the number of words without one.

    Words with estimated or true events have priority, the rest follow in their order. A label of the reference is the
    word of the same letters, so that "babycry" lies under "baby cry"; others get lanes of their own.
    """
    words = [*recognition.event_words, *(event.word for event in recognition.events)]
    labels = [event.label for event in reference]
    names = {as_key(word): word for word in reversed([*words, *labels])}
    order = list(dict.fromkeys(map(as_key, [*words, *labels])))
    informative = {as_key(each.word) for each in recognition.events} | {as_key(each.label) for each in reference}
    drawn = sorted(order, key=lambda key: key not in informative)[:N_WORDS_DRAWN]
    lanes = []
    for key in (key for key in order if key in drawn):
        events = [event for event in recognition.events if as_key(event.word) == key and event.onset_s < duration_s]
        true = [event for event in reference if as_key(event.label) == key and event.onset_s < duration_s]
        lanes.append(
            Lane(
                names[key],
                tuple((event.onset_s, min(event.offset_s, duration_s), event.score) for event in events),
                tuple((event.onset_s, min(event.offset_s, duration_s)) for event in true),
            )
        )
    return lanes, len(order) - len(drawn)


def _draw_events(axes: Any, lanes: Sequence[Lane], duration_s: float, has_reference: bool) -> None:
    """Draw a lane for each word and in it a bar for each event, with its score where there is room."""
    height, up = (0.4, 0.21) if has_reference else (0.72, 0.0)
    for row, lane in enumerate(lanes):
        colour = COLOURS[row % len(COLOURS)]
        for onset_s, offset_s, score in lane.events:
            span_s = offset_s - onset_s
            axes.barh(row - up, span_s, left=onset_s, height=height, color=colour, edgecolor=colour, lw=0.8)
            if span_s > 0.05 * duration_s:
                box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}
                middle_s = onset_s + span_s / 2
                axes.text(middle_s, row - up, f"{score:.2f}", ha="center", va="center", fontsize=7, bbox=box)
        for onset_s, offset_s in lane.reference:
            axes.barh(row + up, offset_s - onset_s, left=onset_s, height=height, color=REFERENCE)
        if not lane.events:
            axes.text(0.004 * duration_s, row - up, "not detected", va="center", fontsize=8, color="0.45")
    if not lanes:
        axes.text(0.004 * duration_s, 0, "no words for events", va="center", fontsize=8, color="0.45")
    if has_reference:
        from matplotlib.patches import Patch

        parts = [Patch(color=COLOURS[0], label="detected"), Patch(color=REFERENCE, label="reference")]
        axes.legend(handles=parts, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.1, ncols=2)
    axes.set_yticks(range(len(lanes)), [shorten(lane.word) for lane in lanes], parse_math=False)
    axes.set_ylim(max(1, len(lanes)) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)


def _write_title(recognition: Recognition, timeline: Timeline, total_s: float) -> str:
    length = f"{timeline.duration_s:.1f} s"
    if not timeline.is_whole:
        total_s = total_s or recognition.duration_s
        length = f"the first {timeline.duration_s / 60:g} of {total_s / 60:.1f} minutes"
    return f"{Path(recognition.source).name}: {length}"
