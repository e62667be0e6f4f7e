"""One recording to the chunks that a store holds; only the recording is read, nothing is written.

In: an `ExtractTask`, which can be sent to another process or machine. Out: `Chunk`s of some five minutes, in order.

A chunk is analysed by itself, with 16 s of its surroundings, so it comes out the same whether a run went through or
was killed and went on. Its rows lie on the recording's one time grid.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from earwitness.archive.quantise import Levels, quantise_logits, quantise_scores
from earwitness.archive.start_times import StartFrom, find_start
from earwitness.audio import Samples, Waveform, Windows, read_ahead, read_blocks, slide
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import AudioError, SettingsError
from earwitness.files import hash_file
from earwitness.recognition import Logits, choose_method, find_notes, score_tokens, score_windows
from earwitness.settings import Settings

CHUNK_S = 320.0  # whole numbers of clip windows, of rows, and of tokens of 20 ms to 640 ms
LEAD_S = 16.0  # more than a window on each side; whole numbers of the same
ROW_LEAD_S = 4.0  # enough for windows of the usual 2 s
ANALYSED, FAILED, GONE = "heard", "failed", "gone"


@dataclass(frozen=True)
class ExtractTask:
    """What to analyse, and how; plain values only.

    Attributes:
        path: the recording.
        settings: the method has word scores.
        row_s: length of a row; 0 keeps the encoder's tokens.
        attempt: 1 for a recording's first version in the store, one more for each that replaces it.
        done: numbers of chunks that are in the store already.
        start_from: where the recording's start is taken from.
    """

    path: str
    settings: Settings = field(default_factory=Settings)
    row_s: float = 1.0
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
        clips, clip_start_s: tag logits (M, C) in 8 bits of windows side by side, and their starts (M,).
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
    clips, clip_start_s = _score_clips(segment, task, encoder)
    return replace(segment.chunk, rows=_score_rows(segment, task, encoder), clips=clips, clip_start_s=clip_start_s)


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
        SettingsError: the method has no word scores, or windows are longer than the surroundings of a chunk.
    """
    if not choose_method(settings).has_word_scores:
        raise SettingsError(f"method={settings.method!r}: a store is made with method='earwitness' only")
    for name in ("window_s", "clip_window_s"):
        if getattr(settings, name) > LEAD_S:
            raise SettingsError(f"{name}={getattr(settings, name)}: a store takes windows of {LEAD_S:g} s at most")


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


def _score_rows(segment: Segment, task: ExtractTask, encoder: LoadedEncoder) -> Levels:
    settings, token_s, rate_hz = task.settings, encoder.spec.token_s, encoder.spec.sample_rate_hz
    chunk = segment.chunk
    n_tokens = ROW_LEAD_S / token_s
    is_enough = settings.window_s <= ROW_LEAD_S and abs(n_tokens - round(n_tokens)) < 1e-6  # whole, but for rounding
    lead_s = ROW_LEAD_S if is_enough else LEAD_S
    from_s, to_s = max(segment.offset_s, chunk.start_s - lead_s), chunk.end_s + lead_s
    first, last = (round((time_s - segment.offset_s) * rate_hz) for time_s in (from_s, to_s))
    windows = slide(
        Waveform(segment.samples[first:last], rate_hz), settings.window_s, settings.hop_s, n_batch=encoder.batch
    )
    inside = _choose_windows(windows, chunk.start_s - from_s, chunk.end_s - from_s)
    logits = np.concatenate([rows.logits for rows in score_tokens(inside, encoder)])
    begin, end = round((chunk.start_s - from_s) / token_s), int(np.ceil((chunk.end_s - from_s) / token_s - 1e-6))
    return quantise_scores(pool_rows(logits[begin:end], token_s, task.row_s))


def _choose_windows(batches: Iterable[Windows], from_s: float, to_s: float) -> Iterator[Windows]:
    """Yield the windows that share time with a chunk: only the one across a joint is encoded for both chunks."""
    for batch in batches:
        end_s = batch.start_s + batch.samples.shape[1] / batch.sample_rate_hz
        is_in = (batch.start_s < to_s - 1e-6) & (end_s > from_s + 1e-6)
        if is_in.any():
            yield Windows(batch.samples[is_in], batch.start_s[is_in], batch.n_valid[is_in], batch.sample_rate_hz)


def _score_clips(segment: Segment, task: ExtractTask, encoder: LoadedEncoder) -> tuple[Levels, np.ndarray]:
    """Return the logits of the windows that begin in a chunk; the recording's last may reach back before it."""
    rate_hz, window_s = encoder.spec.sample_rate_hz, task.settings.clip_window_s
    chunk, samples, offset_s = segment.chunk, segment.samples, segment.offset_s
    first, stop = (round((time_s - offset_s) * rate_hz) for time_s in (chunk.start_s, chunk.end_s))
    if chunk.is_last and first:  # the last window ends where the recording ends
        first = min(first, max(0, len(samples) - round(window_s * rate_hz)))
    waveform = Waveform(samples[first:stop], rate_hz)
    parts = list(score_windows(slide(waveform, window_s, window_s, n_batch=encoder.batch), encoder))
    starts = np.concatenate([part.start_s for part in parts]) + offset_s + first / rate_hz
    return quantise_logits(np.concatenate([part.logits for part in parts])), starts


@lru_cache(maxsize=1)
def _cached_encoder(settings: Settings) -> LoadedEncoder:
    return choose_encoder(settings)
