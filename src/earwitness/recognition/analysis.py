"""What is heard in a recording before any word comes in: tag logits over time, kept, so that any words can be asked.

In: a recording, `Settings`, an encoder. Out: an `Analysis`, which `recognition.ask` answers from without the audio and
without the encoder. Of an hour it holds 47 MB of logits, in memory or in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np

from earwitness.audio import Source, Waveform, find_truncation, measure_duration, read_ahead, read_blocks, slide
from earwitness.encoders import LoadedEncoder, TagStats, choose_encoder
from earwitness.errors import OutputError
from earwitness.recognition.tags import ClipTags, Logits, TagScores, score_tokens, score_windows, summarise_tags
from earwitness.recognition.tmrl import WINDOW_S
from earwitness.settings import Settings
from earwitness.version import __version__

NOISE_SEED = 0
N_ROWS_AT_ONCE = 4096  # 9 MB of logits: words are matched with so many rows at a time


@dataclass(frozen=True)
class Analysis:
    """What an encoder heard in one recording: all that answers to words need.

    Attributes:
        source: the recording's name.
        duration_s: its length.
        rows: tag logits (N, C) over time: of tokens, or of 4 s windows with the method "tmrl".
        clip: the tags of the recording as a whole.
        tag_stats: usual logits of the encoder, None where they are not known.
        settings: what it was analysed with; `recognition.ask` may change those in `ASKED_WITH` only.
        encoder, weights_sha256, version: what analysed it.
        notes: what the user should know about this recording, such as that it is truncated.
    """

    source: str
    duration_s: float
    rows: TagScores
    clip: ClipTags
    tag_stats: TagStats | None
    settings: Settings
    encoder: str
    weights_sha256: str
    version: str = __version__
    notes: list[str] = field(default_factory=list)

    def batches(self) -> Iterator[TagScores]:
        """Yield the rows in order, some at a time, so that what is computed of them stays small."""
        for first in range(0, len(self.rows.start_s), N_ROWS_AT_ONCE):
            part = slice(first, first + N_ROWS_AT_ONCE)
            yield TagScores(self.rows.logits[part], self.rows.start_s[part], self.rows.span_s)


def analyse(
    source: Source,
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_block: Callable[[Waveform], None] | None = None,
    on_clip: Callable[[ClipTags], None] | None = None,
    logits_path: str | Path | None = None,
) -> Analysis:
    """Hear a recording once, whatever will be asked of it.

    Args:
        source: a path, a seekable file object, a pair (samples, rate in Hz), or a `Waveform`.
        settings: method and windows; thresholds can be chosen when words are asked.
        encoder: an encoder that is already loaded, to use it for many recordings.
        on_progress: called now and then with the share of the work that is done, 0 to 1.
        on_block: called once with each block that is heard, in order, to draw or keep it on the way.
        on_clip: called with the tags of the whole recording as soon as they are known, before its rows are.
        logits_path: keep the rows' logits in this file, float32 row after row, rather than in memory. What is in it
            while it grows is final.

    Raises:
        AudioError: the recording cannot be used.
        WeightsError: the encoder cannot be loaded, or has no tag head.
        OutputError: `logits_path` cannot be written.
    """
    settings = settings or Settings()
    encoder = choose_encoder(settings, encoder)
    reader = RecordingReader(source, settings, encoder, on_progress)
    if settings.method == "tmrl":
        rows = _keep_rows(reader.score_tmrl(on_block), logits_path, encoder)
        clip = summarise_tags([rows])
        if on_clip:
            on_clip(clip)
    else:
        reader.n_passes = 2
        clip = reader.summarise(on_block)
        if on_clip:
            on_clip(clip)
        rows = _keep_rows(reader.score_tokens(), logits_path, encoder)
    return Analysis(
        source=name_source(source),
        duration_s=reader.duration_s,
        rows=rows,
        clip=clip,
        tag_stats=encoder.tag_stats,
        settings=settings,
        encoder=encoder.spec.name,
        weights_sha256=encoder.sha256,
        notes=find_notes(source),
    )


@dataclass
class RecordingReader:
    """Reads a recording's blocks, as often as a method needs them, scores them, and tells how far it is."""

    source: Source
    settings: Settings
    encoder: LoadedEncoder
    on_progress: Callable[[float], None] | None = None
    n_passes: int = 1
    n_begun: int = 0
    duration_s: float = 0.0  # known once the blocks have been read

    def summarise(self, on_block: Callable[[Waveform], None] | None = None) -> ClipTags:
        """Return the tags of the whole recording, from windows of `clip_window_s` side by side."""
        window_s = self.settings.clip_window_s
        windows = slide(self._blocks(on_block), window_s, window_s, n_batch=self.encoder.batch)
        return summarise_tags(score_windows(windows, self.encoder))

    def score_tokens(self) -> Iterator[TagScores]:
        """Yield the logits of tokens, from overlapping windows of `window_s`."""
        windows = slide(self._blocks(), self.settings.window_s, self.settings.hop_s, n_batch=self.encoder.batch)
        return score_tokens(windows, self.encoder)

    def score_tmrl(self, on_block: Callable[[Waveform], None] | None = None) -> Iterator[TagScores]:
        """Yield the logits of the published method's windows."""
        hop_s, batch = min(self.settings.hop_s, WINDOW_S), self.encoder.batch
        windows = slide(self._blocks(on_block), WINDOW_S, hop_s, is_tail_repeated=True, n_batch=batch)
        return score_windows(windows, self.encoder, is_trimmed=False)

    def _blocks(self, on_block: Callable[[Waveform], None] | None = None) -> Iterator[Waveform]:
        self.n_begun += 1
        expected_s = measure_duration(self.source) if self.on_progress else None
        for block in read_ahead(read_noisy(self.source, self.settings, self.encoder.spec.sample_rate_hz)):
            self.duration_s = block.start_s + block.duration_s
            if on_block:
                on_block(block)
            yield block
            if self.on_progress and expected_s:
                share = min(1.0, self.duration_s / expected_s)
                self.on_progress((self.n_begun - 1 + share) / self.n_passes)


def read_noisy(source: Source, settings: Settings, sample_rate_hz: int) -> Iterator[Waveform]:
    """Yield a recording's blocks as they are heard: at the encoder's rate, with the noise that was asked for.

    Raises:
        AudioError: the recording cannot be used.
    """
    noise = np.random.default_rng(NOISE_SEED)
    for block in read_blocks(source, sample_rate_hz):
        if settings.noise_factor:
            added = settings.noise_factor * noise.standard_normal(len(block.samples), dtype=np.float32)
            block = replace(block, samples=block.samples + added)
        yield block


def find_notes(source: Source) -> list[str]:
    """Return what the user should know about a recording."""
    truncation = find_truncation(source)
    return [truncation] if truncation else []


def name_source(source: Source) -> str:
    """Return a recording's name: its path, or what kind of thing it is."""
    if isinstance(source, str | Path):
        return str(source)
    return str(getattr(source, "name", type(source).__name__))


def _keep_rows(batches: Iterable[TagScores], path: str | Path | None, encoder: LoadedEncoder) -> TagScores:
    """Return all rows as one, their logits in memory or in a file."""
    start_s: list[np.ndarray] = []
    spans_s: list[float] = []

    def noted() -> Iterator[Logits]:
        for batch in batches:
            start_s.append(batch.start_s)
            spans_s.append(batch.span_s)
            yield batch.logits

    if path is None:
        logits: Logits = np.concatenate(list(noted()))
    else:
        try:
            with Path(path).open("wb", buffering=0) as file:
                for each in noted():
                    _write_all(file, each)
            logits = np.memmap(path, np.float32, "r").reshape(-1, encoder.spec.n_tags)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); free some space") from error
    return TagScores(logits, np.concatenate(start_s), spans_s[0])


def _write_all(file: IO[bytes], logits: Logits) -> None:
    left = np.ascontiguousarray(logits, np.float32).tobytes()
    while left:
        left = left[file.write(left) :]
