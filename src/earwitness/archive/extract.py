"""One recording to the chunks that a store holds; only the recording is read, nothing is written.

In: an `ExtractTask`, which can be sent to another process or machine. Out: `Chunk`s of some five minutes, in order.

A chunk is analysed by itself, with 20 s of its surroundings, so it comes out the same whether a run went through or
was killed and went on. Its windows are those of the whole recording, and its rows lie on the recording's one time grid:
only the windows across the joint of two chunks are encoded for both.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from earwitness.archive.quantise import Levels, quantise_logits, quantise_scores
from earwitness.archive.start_times import StartFrom, find_start
from earwitness.audio import Samples, Waveform, Windows, read_ahead, read_blocks, slide
from earwitness.encoders import LoadedEncoder, Output, choose_encoder
from earwitness.errors import AudioError, SettingsError
from earwitness.files import hash_file
from earwitness.recognition import (
    SMOOTH_S,
    Logits,
    TokenGrid,
    choose_method,
    count_rows,
    find_notes,
    score_windows,
    smooth,
)
from earwitness.settings import Settings

CHUNK_S = 320.0  # whole numbers of rows, and of tokens of 20 ms to 640 ms
LEAD_S = 20.0  # more than the longest window and the tokens of a running median, on each side
LONGEST_WINDOW_S = 16.0
ANALYSED, FAILED, GONE = "heard", "failed", "gone"


@dataclass(frozen=True)
class ExtractTask:
    """What to analyse, and how; plain values only.

    Attributes:
        path: the recording.
        settings: the method has word scores.
        row_s: length of a row; 0 keeps the encoder's tokens.
        smooth_s: length of the running median of tokens whose largest values a row holds; 0 takes the tokens as they
            are.
        attempt: 1 for a recording's first version in the store, one more for each that replaces it.
        done: numbers of chunks that are in the store already.
        start_from: where the recording's start is taken from.
    """

    path: str
    settings: Settings = field(default_factory=Settings)
    row_s: float = 1.0
    smooth_s: float = SMOOTH_S
    attempt: int = 1
    done: frozenset[int] = frozenset()
    start_from: StartFrom = "name"


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file as it was when it was analysed, and what came of it.

    Attributes:
        path, size, mtime_ns, sha256: the file.
        attempt: of several versions of a path the highest counts.
        state: "heard", "failed" or "gone"; `reason` says why.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    attempt: int
    state: str


@dataclass(frozen=True)
class Chunk(FileVersion):
    """A chunk of one recording, or the record that it could not be analysed or is gone.

    Attributes:
        notes: what one should know of the recording, such as that it is truncated.
        start_time: when the recording began, in seconds since 1970 of its own clock; None if that is not known.
        rate_hz: the file's sample rate, 0 where its header does not say it.
        number, is_last: its place in the recording.
        start_s, end_s: its limits in the recording.
        rows: tag scores (N, C) in 8 bits, a row every `row_s` from `start_s`.
        clips, clip_start_s: tag logits (M, C) in 8 bits of the windows that begin in it, and their starts (M,).
    """

    reason: str = ""
    notes: str = ""
    start_time: float | None = None
    rate_hz: int = 0
    number: int = 0
    is_last: bool = True
    start_s: float = 0.0
    end_s: float = 0.0
    rows: Levels = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    clips: Levels = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    clip_start_s: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def file_id(self) -> int:
        """The number of this version of the file, the same wherever it is computed."""
        key = f"{self.path}\0{self.size}\0{self.mtime_ns}\0{self.attempt}".encode()
        return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


def extract_file(task: ExtractTask, encoder: LoadedEncoder | None = None) -> Iterator[Chunk]:
    """Yield the chunks of a recording that are not done yet, each as soon as it has been analysed.

    Args:
        task: what to analyse.
        encoder: a loaded encoder; otherwise the task's own, cached for the process's next task.

    Raises:
        AudioError: the recording cannot be used, or changed meanwhile.
        SettingsError, WeightsError: the settings do not suit a store, the encoder cannot be loaded.
    """
    encoder = encoder or _cached_encoder(task.settings)
    for segment in cut_file(task, encoder.spec.sample_rate_hz):
        yield extract_chunk(segment, task, encoder)


@dataclass(frozen=True)
class Segment:
    """Samples of a chunk with their surroundings, from `offset_s` of the recording, and the chunk without its rows."""

    chunk: Chunk
    samples: Samples
    offset_s: float


def cut_file(task: ExtractTask, rate_hz: int) -> Iterator[Segment]:
    """Yield the samples of a recording's chunks that are not done yet; see `extract_file`."""
    check_settings(task.settings)
    before = describe_file(task)
    for number, samples, offset_s, end_s, is_last in _cut_chunks(task, rate_hz):
        if is_last:
            _check_unchanged(before, task)
        if number not in task.done:
            start_s = CHUNK_S * number
            chunk = replace(
                before,
                state=ANALYSED,
                notes=show_path("; ".join(find_notes(task.path))) if is_last else "",
                start_time=find_start(task.path, before.mtime_ns / 1e9, end_s if is_last else None, task.start_from),
                number=number,
                is_last=is_last,
                start_s=start_s,
                end_s=end_s if is_last else start_s + CHUNK_S,
            )
            yield Segment(chunk, samples, offset_s)


def extract_chunk(segment: Segment, task: ExtractTask, encoder: LoadedEncoder) -> Chunk:
    """Return a chunk with its rows and clips; it depends on nothing but its arguments."""
    chunk, settings, token_s = segment.chunk, task.settings, encoder.spec.token_s
    first, end = round(chunk.start_s / token_s), int(np.ceil(chunk.end_s / token_s - 1e-6))  # tokens
    n_median = count_rows(task.smooth_s, token_s) if task.row_s > token_s else 1
    begin = max(0, first - n_median // 2)
    grid = TokenGrid(encoder.spec, begin)
    is_shared = settings.clip_window_s == settings.window_s  # one kind of window serves rows and clips
    outputs: list[Output] = ["token_logits", "window_logits"] if is_shared else ["token_logits"]
    clips, starts = ([], []) if is_shared else _score_clips(segment, task, encoder)
    tokens: list[Logits] = []
    for batch in _cut_windows(segment, task, encoder, begin * token_s, (end + n_median // 2 - 0.5) * token_s):
        encoded = encoder.encode(batch.samples, outputs)
        if encoded.token_logits is not None:
            tokens += [each.logits for each in grid.take(encoded.token_logits, batch)]
        if is_shared and encoded.window_logits is not None:
            is_own = (batch.start_s >= chunk.start_s) & ((batch.start_s < chunk.end_s) | chunk.is_last)
            clips, starts = [*clips, encoded.window_logits[is_own]], [*starts, batch.start_s[is_own]]
    if rest := grid.unsettled():
        tokens.append(rest.logits)
    smoothed = smooth(np.concatenate(tokens), n_median)[first - begin : end - begin]
    return replace(
        chunk,
        rows=quantise_scores(pool_rows(smoothed, token_s, task.row_s)),
        clips=quantise_logits(np.concatenate(clips)),
        clip_start_s=np.concatenate(starts),
    )


def describe_file(task: ExtractTask, reason: str = "", before: tuple[int, int] | None = None) -> Chunk:
    """Return the record of a file without rows: as failed, for `reason`.

    `before` is its size and time when its analysis began: a file that has changed since is still to be analysed.

    Raises:
        AudioError: the file is not there or cannot be read, unless there is a reason already.
    """
    size = mtime_ns = rate_hz = 0
    digest = ""
    try:
        state = Path(task.path).stat()
        size, mtime_ns = before or (state.st_size, state.st_mtime_ns)
        digest = hash_file(Path(task.path))
        rate_hz = int(soundfile.info(task.path).samplerate)
    except OSError as error:
        if not reason:
            raise AudioError(f"{task.path}: cannot be read ({error.strerror})") from error
    except (soundfile.SoundFileError, TypeError, UnicodeError):
        pass  # formats that libsndfile does not know; reading the blocks gives the reason
    return Chunk(
        *(show_path(task.path), size, mtime_ns, digest, task.attempt, FAILED),
        reason=show_path(reason),  # it names the path
        rate_hz=rate_hz,
    )


def find_state(path: str | Path) -> tuple[int, int] | None:
    """Return a file's size and time in ns, None where it cannot be reached."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def check_settings(settings: Settings) -> None:
    """Find out whether a store can be filled with these settings.

    Raises:
        SettingsError: the method has no word scores, or windows are too long for the surroundings of a chunk.
    """
    if not choose_method(settings).has_word_scores:
        raise SettingsError(f"method={settings.method!r}: a store is made with method='earwitness' only")
    for name in ("window_s", "clip_window_s"):
        if getattr(settings, name) > LONGEST_WINDOW_S:
            limit = f"a store takes windows of {LONGEST_WINDOW_S:g} s at most"
            raise SettingsError(f"{name}={getattr(settings, name)}: {limit}")


def show_path(path: str) -> str:
    """Return a path as text, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def pool_rows(logits: Logits, token_s: float, row_s: float) -> Logits:
    """Return each tag's largest logit among the tokens (T, C) whose middle lies in a row: (N, C).

    Source: measured in docs/how-to/archive.md; the mean loses short sounds.
    """
    if row_s <= token_s:
        return logits
    index = np.floor((np.arange(len(logits)) + 0.5) * token_s / row_s + 1e-9).astype(int)
    firsts = np.flatnonzero(np.diff(index, prepend=-1))
    return np.maximum.reduceat(logits, firsts, axis=0)


def _check_unchanged(before: Chunk, task: ExtractTask) -> None:
    try:
        state = Path(task.path).stat()
    except OSError as error:
        raise AudioError(f"{task.path}: vanished while it was analysed ({error.strerror})") from error
    if (state.st_size, state.st_mtime_ns) != (before.size, before.mtime_ns):
        raise AudioError(f"{task.path}: changed while it was analysed; run 'index' again to take it")


def _cut_chunks(task: ExtractTask, rate_hz: int) -> Iterator[tuple[int, Samples, float, float, bool]]:
    """Yield (number, samples with surroundings, their start, the end of what is known, is last) of each chunk."""
    parts: list[Samples] = []
    offset = n_samples = number = 0  # of the parts, in samples
    for block in read_ahead(read_blocks(task.path, rate_hz, noise_factor=task.settings.noise_factor)):
        parts.append(block.samples)
        n_samples += len(block.samples)
        while offset + n_samples > round((CHUNK_S * (number + 1) + LEAD_S) * rate_hz):
            samples = np.concatenate(parts)
            stop = round((CHUNK_S * (number + 1) + LEAD_S) * rate_hz) - offset
            yield number, samples[:stop], offset / rate_hz, (offset + n_samples) / rate_hz, False
            n_drop = round((CHUNK_S * (number + 1) - LEAD_S) * rate_hz) - offset
            parts, offset, n_samples, number = [samples[n_drop:]], offset + n_drop, n_samples - n_drop, number + 1
    yield number, np.concatenate(parts), offset / rate_hz, (offset + n_samples) / rate_hz, True


def _cut_windows(
    segment: Segment, task: ExtractTask, encoder: LoadedEncoder, from_s: float, to_s: float
) -> Iterator[Windows]:
    """Yield those of the recording's windows that end after `from_s` and begin by `to_s`; of its last chunk, all."""
    rate_hz, window_s, hop_s = encoder.spec.sample_rate_hz, task.settings.window_s, task.settings.hop_s
    before = round(segment.offset_s * rate_hz)  # samples
    n_before = max(0, int(np.floor((from_s - window_s) / hop_s + 1e-9)) + 1)  # windows
    begin, stop = round(n_before * hop_s * rate_hz), before + len(segment.samples)
    if not segment.chunk.is_last:
        stop = round(int(np.floor(to_s / hop_s + 1e-9)) * hop_s * rate_hz) + round(window_s * rate_hz)
    waveform = Waveform(segment.samples[begin - before : stop - before], rate_hz)
    for batch in slide(waveform, window_s, hop_s, n_batch=encoder.batch):
        yield replace(batch, start_s=(np.rint(batch.start_s * rate_hz) + begin) / rate_hz)


def _score_clips(segment: Segment, task: ExtractTask, encoder: LoadedEncoder) -> tuple[list[Logits], list[np.ndarray]]:
    """Return logits and starts of windows side by side that begin in a chunk; its last one ends where it ends."""
    rate_hz, window_s = encoder.spec.sample_rate_hz, task.settings.clip_window_s
    first, stop = (
        round((time_s - segment.offset_s) * rate_hz) for time_s in (segment.chunk.start_s, segment.chunk.end_s)
    )
    waveform = Waveform(segment.samples[first:stop], rate_hz)
    parts = list(score_windows(slide(waveform, window_s, window_s, n_batch=encoder.batch), encoder))
    return [each.logits for each in parts], [each.start_s + segment.chunk.start_s for each in parts]


@lru_cache(maxsize=1)
def _cached_encoder(settings: Settings) -> LoadedEncoder:
    return choose_encoder(settings)
