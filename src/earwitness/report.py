"""A recognition for people's eyes: a table on the terminal, and pictures.

In: a `Recognition`, and for pictures the recording itself. Out: text on standard output, or PNG files (extra
`[plot]`): the spectrogram, the events under it, and the strongest tags over time, all on one axis of seconds.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from earwitness.analysis import read_heard
from earwitness.audio import Source, Waveform, measure_duration
from earwitness.errors import MissingExtraError, OutputError
from earwitness.events import Event
from earwitness.recognition import Recognition
from earwitness.settings import Settings
from earwitness.tags import Logits, score_windows, sigmoid, tag_names
from earwitness.tmrl import WINDOW_S
from earwitness.windows import slide

if TYPE_CHECKING:
    from earwitness.runtime import LoadedEncoder

N_SCENES_SHOWN = 5
LONGEST_DRAWN_S = 600.0
N_TAGS_DRAWN = 10
N_WORDS_DRAWN = 12
TAG_HOP_S = 1.0
N_COLUMNS = 2400  # of the spectrogram: more than the picture has pixels for
LEVELS_DB = 70.0  # from the loudest point down
LEAST_SCORE = 1e-3  # where the colours of the tags' scores begin
TICKS_HZ = (100, 250, 500, 1000, 2000, 4000, 8000, 16000)
# Okabe and Ito (2008), "Color Universal Design"; black and yellow left out: they vanish beside text and background.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class Timeline:
    """What is drawn of a recording.

    `levels_db` (M, F') over `duration_s` seconds with the bands' `centres_hz` (M,), and tag logits (W, C) of windows
    that are drawn from `edges_s[w]` to `edges_s[w + 1]` (W + 1,). `is_whole` is False where the recording goes on.
    """

    levels_db: npt.NDArray[np.float32]
    centres_hz: npt.NDArray[np.float64]
    logits: Logits
    edges_s: npt.NDArray[np.float64]
    duration_s: float
    is_whole: bool


def print_recognition(recognition: Recognition) -> None:
    """Print events, scenes and, where no word was asked for, tags as a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    console.print(f"{recognition.source}  ({recognition.duration_s:.1f} s)", style="bold", soft_wrap=True)
    if recognition.events:
        table = Table("onset", "offset", "event", "score", "because of")
        for event in recognition.events:
            reason = ", ".join(f"{each.tag} ({each.similarity:.2f})" for each in event.tags[:2])
            table.add_row(f"{event.onset_s:.2f}", f"{event.offset_s:.2f}", event.word, f"{event.score:.2f}", reason)
        console.print(table)
    elif recognition.event_words:
        console.print(f"none of these was heard: {', '.join(recognition.event_words)}")
    if recognition.scenes:
        table = Table("rank", "scene", "score", "for", "against")
        for rank, scene in enumerate(recognition.scenes[:N_SCENES_SHOWN], start=1):
            table.add_row(
                str(rank), scene.scene, f"{scene.score:.2f}", ", ".join(scene.tags), ", ".join(scene.tags_against)
            )
        console.print(table)
    if not recognition.event_words and not recognition.scenes:
        table = Table("tag", "mean score", "largest", "at")
        for tag in recognition.tags:
            table.add_row(tag.tag, f"{tag.mean_score:.3f}", f"{tag.peak_score:.3f}", f"{tag.peak_s:.1f} s")
        console.print(table)


def draw_recognition(
    recognition: Recognition, source: Source, out_path: str | Path, encoder: LoadedEncoder | None = None
) -> None:
    """Draw a recording as a PNG: log-mel spectrogram, events, and the ten strongest tags over time.

    Of a recording longer than ten minutes the first ten are drawn, and the title says so.

    Args:
        recognition: what was heard in it.
        source: the recording itself; it is read and scored again, in windows every second.
        out_path: the PNG to write; its folder is made if it does not exist.
        encoder: the encoder that listened; the one that the recognition names if not given.

    Raises:
        MissingExtraError: matplotlib is not installed.
        AudioError: the recording cannot be used.
        WeightsError: the encoder cannot be loaded, or has no tag head.
        OutputError: the file cannot be written.
    """
    figure_class = import_figure()
    if encoder is None:
        from earwitness.runtime import choose_encoder

        encoder = choose_encoder(recognition.settings)
    timeline = read_timeline(source, recognition.settings, encoder)
    words = _choose_words(recognition)
    heights = [2.9, 0.27 * max(1, len(words)) + 0.1, 0.27 * N_TAGS_DRAWN]
    figure = figure_class(figsize=(12.0, sum(heights) + 1.6), dpi=110, layout="constrained")
    levels, lanes, tags = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    _draw_levels(figure, levels, timeline)
    _draw_events(lanes, recognition, words, timeline.duration_s)
    _draw_tags(figure, tags, timeline, recognition.settings)
    for axes in (levels, lanes):
        axes.tick_params(labelbottom=False)
    tags.set_xlim(0.0, timeline.duration_s)
    tags.set_xlabel("time (s)")
    figure.suptitle(_write_title(recognition, source, timeline), fontsize=11, parse_math=False)
    _save(figure, Path(out_path))


def read_timeline(source: Source, settings: Settings, encoder: LoadedEncoder) -> Timeline:
    """Return what is drawn of a recording, its first ten minutes at most.

    Windows of the published method are drawn from their starts, as its events are; others around their middles.

    Raises:
        AudioError: the recording cannot be used.
        WeightsError: the encoder has no tag head.
    """
    from earwitness.logmel import compute_log_mel_in_numpy, mel_filters

    rate = encoder.spec.sample_rate_hz
    waveform, is_whole = _read_first(read_heard(source, settings, rate), LONGEST_DRAWN_S)
    log_mel = compute_log_mel_in_numpy(waveform.samples[None], rate)[0, 0]  # (M, F)
    is_tmrl = settings.method == "tmrl"
    window_s = WINDOW_S if is_tmrl else settings.window_s
    windows = slide(waveform, window_s, min(TAG_HOP_S, window_s), is_tail_repeated=is_tmrl)
    rows = list(score_windows(windows, encoder, is_trimmed=not is_tmrl))
    start_s = np.concatenate([each.start_s for each in rows])
    inner_s = start_s[1:] if is_tmrl else (start_s[1:] + start_s[:-1] + rows[0].span_s) / 2
    filters = mel_filters(rate).astype(np.float64)  # (M, bins)
    bins_hz = np.linspace(0.0, rate / 2, filters.shape[1])
    return Timeline(
        levels_db=_pool(log_mel) * np.float32(10 / np.log(10)),
        centres_hz=filters @ bins_hz / filters.sum(axis=1),
        logits=np.concatenate([each.logits for each in rows]),
        edges_s=np.concatenate([[0.0], inner_s, [waveform.duration_s]]),
        duration_s=waveform.duration_s,
        is_whole=is_whole,
    )


def _read_first(blocks: Iterator[Waveform], longest_s: float) -> tuple[Waveform, bool]:
    """Return the first seconds of a recording, and whether that is all of it."""
    held: list[Waveform] = []
    for block in blocks:
        if block.start_s >= longest_s:
            break
        held.append(block)
    rate = held[0].sample_rate_hz
    samples, n_most = np.concatenate([block.samples for block in held]), round(longest_s * rate)
    is_whole = len(samples) <= n_most and next(blocks, None) is None
    return Waveform(samples[:n_most], rate), is_whole


def _pool(log_mel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return log-mel (M, F) with at most `N_COLUMNS` columns, each the largest of those it stands for."""
    n_frames = log_mel.shape[1]
    step = -(-n_frames // N_COLUMNS)
    pooled: npt.NDArray[np.float32] = np.maximum.reduceat(log_mel, np.arange(0, n_frames, step), axis=1)
    return pooled


def _choose_words(recognition: Recognition) -> list[str]:
    """Return the words that get a lane: those heard, the longest first to be kept, then the rest, in their order."""
    heard = {event.word for event in recognition.events}
    words = list(dict.fromkeys([*recognition.event_words, *(event.word for event in recognition.events)]))
    kept = sorted(words, key=lambda word: word not in heard)[:N_WORDS_DRAWN]
    return [word for word in words if word in kept]


def _draw_levels(figure: Any, axes: Any, timeline: Timeline) -> None:
    levels = timeline.levels_db
    n_bands, top = len(levels), float(levels.max())
    image = axes.imshow(
        levels,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        extent=(0.0, timeline.duration_s, -0.5, n_bands - 0.5),
        vmin=top - LEVELS_DB,
        vmax=top,
    )
    ticks = [hz for hz in TICKS_HZ if timeline.centres_hz[0] <= hz <= 1.02 * timeline.centres_hz[-1]]
    names = [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in ticks]
    axes.set_yticks(np.interp(ticks, timeline.centres_hz, np.arange(n_bands)), names)
    axes.set_ylabel("frequency (Hz, mel scale)")
    figure.colorbar(image, ax=axes, pad=0.01, label="level (dB)")


def _draw_events(axes: Any, recognition: Recognition, words: list[str], duration_s: float) -> None:
    """Draw a lane for each word and in it a bar for each event, with its score where there is room."""
    drawn = [event for event in recognition.events if event.onset_s < duration_s and event.word in words]
    for lane, word in enumerate(words):
        for event in (each for each in drawn if each.word == word):
            _draw_bar(axes, event, lane, duration_s)
        if not any(event.word == word for event in recognition.events):
            axes.text(0.004 * duration_s, lane, "not heard", va="center", fontsize=8, color="0.45")
    if not words:
        axes.text(0.004 * duration_s, 0, "no event was asked for", va="center", fontsize=8, color="0.45")
    n_more = len(set(recognition.event_words) - set(words))
    axes.set_yticks(range(len(words)), [_shorten(word) for word in words], parse_math=False)
    axes.set_ylabel(f"events\n(+{n_more} words)" if n_more else "events")
    axes.set_ylim(max(1, len(words)) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)


def _draw_bar(axes: Any, event: Event, lane: int, duration_s: float) -> None:
    end_s = min(event.offset_s, duration_s)
    colour = COLOURS[lane % len(COLOURS)]
    axes.barh(lane, end_s - event.onset_s, left=event.onset_s, height=0.72, color=colour, edgecolor=colour, lw=0.8)
    if end_s - event.onset_s > 0.035 * duration_s:
        middle_s = (event.onset_s + end_s) / 2
        label = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"}
        axes.text(middle_s, lane, f"{event.score:.2f}", ha="center", va="center", fontsize=7, bbox=label)


def _draw_tags(figure: Any, axes: Any, timeline: Timeline, settings: Settings) -> None:
    """Draw the scores of the tags with the largest scores, the strongest on top."""
    from matplotlib.colors import LogNorm

    scores = sigmoid(timeline.logits)  # (W, C)
    strongest = np.argsort(-scores.max(axis=0), kind="stable")[:N_TAGS_DRAWN]
    rows = np.arange(len(strongest) + 1) - 0.5
    mesh = axes.pcolormesh(
        timeline.edges_s,
        rows,
        np.maximum(scores[:, strongest].T, LEAST_SCORE),
        cmap="cividis",
        norm=LogNorm(LEAST_SCORE, 1.0),
    )
    axes.set_yticks(range(len(strongest)), [_shorten(tag_names()[tag]) for tag in strongest])
    axes.set_ylim(len(strongest) - 0.5, -0.5)
    window_s, place = (WINDOW_S, "start") if settings.method == "tmrl" else (settings.window_s, "middle")
    axes.set_ylabel(f"strongest tags\n({window_s:g} s windows at their {place})")
    bar = figure.colorbar(mesh, ax=axes, pad=0.01, label="tag score")
    bar.set_ticks([0.001, 0.01, 0.1, 1.0], labels=["0.001", "0.01", "0.1", "1"])


def _write_title(recognition: Recognition, source: Source, timeline: Timeline) -> str:
    name = "\n".join(textwrap.wrap(Path(recognition.source).name, 110)[:3])
    total_s = measure_duration(source) or recognition.duration_s
    length = f"{timeline.duration_s:.1f} s"
    if not timeline.is_whole:
        length = f"the first {timeline.duration_s / 60:g} of {total_s / 60:.1f} minutes"
    noise = f", noise {recognition.settings.noise_factor:g}" if recognition.settings.noise_factor else ""
    return f"{name}\n{length}, method {recognition.settings.method}{noise}, {recognition.encoder}"


def _shorten(name: str) -> str:
    return textwrap.shorten(name, 30, placeholder=" ...") if " " in name else name[:30]


def _save(figure: Any, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # a letter that the font lacks is drawn as a box
            figure.savefig(path, format="png")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error


def import_figure() -> Any:
    """Return matplotlib's `Figure`, which draws with Agg by itself and needs no display.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'earwitness[plot]'") from error
    return Figure
