"""What the encoder finds in a recording before any word comes in: tag logits over time, from one reading.

In: a recording, `Settings`, an encoder. Out: an `Analysis`, which answers any words without the audio and without the
encoder. An hour has 47 MB of token logits; those of a long recording go to a file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from earwitness.audio import Source, Waveform, Windows, find_truncation, measure_duration, read_ahead, read_blocks
from earwitness.encoders import Encoded, LoadedEncoder, Output, TagStats, choose_encoder
from earwitness.recognition.methods import choose_method
from earwitness.recognition.rows import RowFile, RowWriter, StoredRows
from earwitness.recognition.tags import (
    ClipTags,
    TokenGrid,
    WindowCut,
    encode_windows,
    summarise_tags,
    to_rows,
)
from earwitness.settings import Settings
from earwitness.version import __version__

Kind: TypeAlias = Literal["rows", "windows", "event_windows"]
N_SAMPLES_AT_ONCE = 2**19  # 33 s at 16 kHz
ROWS: tuple[Kind, ...] = ("rows",)
WINDOWS: tuple[Kind, ...] = ("windows",)
NO_ROWS = StoredRows(np.zeros((0, 0), np.float32), np.zeros(0), 0.0)


@dataclass(frozen=True)
class Analysis:
    """What an encoder found in one recording: all that answers to words need.

    Attributes:
        source: the recording's name.
        duration_s: its length.
        rows: tag logits (N, C) over time: of tokens, or of 4 s windows with the published method.
        clip: the tags of the recording as a whole.
        tag_stats: usual logits of the encoder, None where they are not known.
        settings: what it was analysed with; `ask` may change those of `QuerySettings` only.
        encoder, weights_sha256, version: what analysed it.
        notes: what the user should know about this recording, such as that it is truncated.
        windows: tag logits of windows of `clip_window_s`, those that `rows` come from where they are as long, else
            side by side; empty where nothing was computed from them.
        event_windows: tag logits of the windows that `rows` come from; empty unless `analyse` was to store them.
    """

    source: str
    duration_s: float
    rows: StoredRows
    clip: ClipTags
    tag_stats: TagStats | None
    settings: Settings
    encoder: str
    weights_sha256: str
    version: str = __version__
    notes: list[str] = field(default_factory=list)
    windows: StoredRows = NO_ROWS
    event_windows: StoredRows = NO_ROWS


def analyse(
    source: Source,
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_block: Callable[[Waveform], None] | None = None,
    on_clip: Callable[[ClipTags], None] | None = None,
    logits_path: str | Path | None = None,
    *,
    kinds: Collection[Kind] = ROWS,
    on_read: Callable[[float], None] | None = None,
    windows_path: str | Path | None = None,
) -> Analysis:
    """Analyse a recording once, for any words: decode it once, and encode no window twice.

    Args:
        source: a path, a seekable file object, a pair (samples, rate in Hz), or a `Waveform`.
        settings: method and windows; thresholds can be chosen later, with `ask`.
        encoder: an encoder that is already loaded, to use it for many recordings.
        on_progress: called now and then with the share of the work that is done, 0 to 1.
        on_block: called once with each block of the recording, in order, to draw or store it on the way.
        on_clip: called with the tags of the whole recording as soon as they are known.
        logits_path: write the rows' logits to this file, float32 row after row. What is in it while it grows is final.
        kinds: the rows to store besides those that the tags of the whole recording come from.
        on_read: called with the length in seconds once the whole recording is decoded, before anything is encoded. The
            samples then wait in a temporary file beside `logits_path`; progress is that of encoding.
        windows_path: as `logits_path`, for the windows that the tags of the whole recording come from.

    Raises:
        AudioError: the recording cannot be used.
        WeightsError: the encoder cannot be loaded, or has no tag head.
        OutputError: `logits_path` or a temporary file cannot be written.
    """
    settings = settings or Settings()
    encoder = choose_encoder(settings, encoder)
    clip_kind = choose_method(settings).clip_kind
    reading = Reading(source, settings, encoder, on_progress, on_block)
    every: set[Kind] = {clip_kind, *kinds}
    paths: dict[Kind, Path] = {"rows": Path(logits_path)} if logits_path else {}
    if windows_path and clip_kind == "windows":
        paths["windows"] = Path(windows_path)
    folder = Path(logits_path).parent if logits_path else None
    blocks = reading.blocks_once_read(on_read, folder) if on_read else reading.blocks()
    found = scan(blocks, every, settings, encoder, paths)
    clip = summarise_tags(found[clip_kind].batches())
    if on_clip:
        on_clip(clip)
    return Analysis(
        source=name_source(source),
        duration_s=reading.duration_s,
        rows=found.get("rows", NO_ROWS),
        clip=clip,
        tag_stats=encoder.tag_stats,
        settings=settings,
        encoder=encoder.spec.name,
        weights_sha256=encoder.sha256,
        notes=find_notes(source),
        windows=found.get("windows", NO_ROWS),
        event_windows=found.get("event_windows", NO_ROWS),
    )


def analyse_rows(
    source: Source,
    kind: Kind,
    settings: Settings,
    encoder: LoadedEncoder,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[StoredRows, float]:
    """Return rows of one kind and the recording's length in seconds; nothing else is encoded.

    Raises:
        AudioError, WeightsError, OutputError: see `analyse`.
    """
    reading = Reading(source, settings, encoder, on_progress)
    rows = scan(reading.blocks(), [kind], settings, encoder)[kind]
    return rows, reading.duration_s


def scan(
    blocks: Iterable[Waveform],
    kinds: Collection[Kind],
    settings: Settings,
    encoder: LoadedEncoder,
    paths: Mapping[Kind, Path] | None = None,
) -> dict[Kind, StoredRows]:
    """Return rows of several kinds from one reading of a recording's blocks, at the encoder's rate.

    `paths` are the files that the logits of some kinds are written to.
    """
    window_s, cut = settings.clip_window_s, choose_method(settings).cut_rows(settings)
    is_shared = window_s == cut.window_s and not cut.is_tail_repeated  # one kind of window serves everything
    apart: WindowCut | None = None if is_shared else WindowCut(window_s, window_s)
    by_cut: dict[WindowCut, list[_Collector]] = {}
    for kind in kinds:
        path = paths.get(kind) if paths else None
        collector = _Collector(kind, cut.per if kind == "rows" else "window", encoder, path)
        by_cut.setdefault(apart if apart and kind == "windows" else cut, []).append(collector)
    used = list(by_cut.items())
    cuts = [(cut, sorted({each.output for each in some})) for cut, some in used]
    for index, encoded, batch in encode_windows(blocks, cuts, encoder):
        for each in used[index][1]:
            each.add(encoded, batch)
    return {each.kind: each.finish() for _, some in used for each in some}


class _Collector:
    """Turns the logits of windows into rows of one kind."""

    def __init__(
        self, kind: Kind, per: Literal["token", "window"], encoder: LoadedEncoder, path: Path | None = None
    ) -> None:
        self.kind, self._writer = kind, RowWriter(encoder.spec.n_tags, path)
        self.output: Output = "token_logits" if per == "token" else "window_logits"
        self._grid = TokenGrid(encoder.spec) if per == "token" else None

    def add(self, encoded: Encoded, batch: Windows) -> None:
        if self._grid and encoded.token_logits is not None:
            for each in self._grid.take(encoded.token_logits, batch):
                self._writer.add(each)
        elif encoded.window_logits is not None:
            self._writer.add(to_rows(encoded.window_logits, batch))

    def finish(self) -> StoredRows:
        if self._grid and (rest := self._grid.unsettled()):
            self._writer.add(rest)
        return self._writer.finish()


@dataclass
class Reading:
    """One reading of a recording, at the encoder's rate and with noise where settings ask for it.

    `duration_s` is known once the blocks have been read.
    """

    source: Source
    settings: Settings
    encoder: LoadedEncoder
    on_progress: Callable[[float], None] | None = None
    on_block: Callable[[Waveform], None] | None = None
    duration_s: float = 0.0

    def blocks(self) -> Iterator[Waveform]:
        """Yield the recording's blocks, decoded by another thread."""
        rate, noise_factor = self.encoder.spec.sample_rate_hz, self.settings.noise_factor
        expected_s = measure_duration(self.source) if self.on_progress else None
        for block in read_ahead(read_blocks(self.source, rate, noise_factor=noise_factor)):
            self.duration_s = block.start_s + block.duration_s
            if self.on_block:
                self.on_block(block)
            yield block
            self._report(self.duration_s, expected_s)

    def blocks_once_read(self, on_read: Callable[[float], None], folder: Path | None) -> Iterator[Waveform]:
        """Store the samples of the whole recording in a temporary file, tell its length, then yield its blocks."""
        rate = self.encoder.spec.sample_rate_hz
        with contextlib.closing(RowFile(1, folder=folder)) as samples:
            for block in replace(self, on_progress=None).blocks():
                samples.append(block.samples[:, None])
                self.duration_s = block.start_s + block.duration_s
            on_read(self.duration_s)
            for first in range(0, len(samples), N_SAMPLES_AT_ONCE):
                block = Waveform(samples[first : first + N_SAMPLES_AT_ONCE][:, 0], rate, first / rate)
                yield block
                self._report(block.start_s + block.duration_s, self.duration_s)

    def _report(self, analysed_s: float, expected_s: float | None) -> None:
        if self.on_progress and expected_s:
            self.on_progress(min(1.0, analysed_s / expected_s))


def find_notes(source: Source) -> list[str]:
    """Return what the user should know about a recording."""
    truncation = find_truncation(source)
    return [truncation] if truncation else []


def name_source(source: Source) -> str:
    """Return a recording's name: its path, or what kind of thing it is."""
    if isinstance(source, str | Path):
        return str(source)
    return str(getattr(source, "name", type(source).__name__))
