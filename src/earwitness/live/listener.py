"""The chain of `recognition.py` on sound that never ends: items from a source in, lines to print out.

In: items, words, an encoder. Out: `EventLine`s, `SceneLine`s, and lines on the sound itself. Windows, tokens, words and
events go through the functions that recordings go through, so that a stream gives a file's events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from earwitness.audio import Samples, Waveform, Windows, slide
from earwitness.encoders import LoadedEncoder
from earwitness.errors import SettingsError
from earwitness.live.buffer import WaitingSound
from earwitness.live.clock import Drift, StreamClock
from earwitness.live.event_lines import EventLine, EventReporter
from earwitness.live.privacy import Span, find_speech, join_span, leave_out
from earwitness.live.segments import ErrorLine, GapLine, Segments
from earwitness.recognition import (
    Event,
    EventFinder,
    SceneScore,
    TagScores,
    TagSummary,
    TokenGrid,
    WordScores,
    choose_method,
    match_words,
    rank_scenes,
    summarise_tags,
)
from earwitness.settings import Settings
from earwitness.words import PlaceProfile, WordMeanings

if TYPE_CHECKING:  # so that listening without a store loads no archive
    from earwitness.live.to_archive import TagRecorder


@dataclass(frozen=True)
class LiveQuery:
    """What is listened for.

    Attributes:
        meanings: the event words.
        profiles: the scene words, ranked every `scenes_every_s` seconds.
        settings: see `recognition.recognize`; the method "tmrl" and noise are for recordings only.
        speech_threshold: with privacy, the score from which a window counts as speech; None without.
    """

    meanings: WordMeanings
    settings: Settings
    profiles: Sequence[PlaceProfile] = ()
    scenes_every_s: float = 60.0
    speech_threshold: float | None = None


@dataclass(frozen=True)
class SceneLine:
    """Scenes, best first, and tags of the sound from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    scenes: list[SceneScore]
    tags: list[TagSummary]


@dataclass(frozen=True)
class DroppedLine:
    """The sound from `start_s` to `end_s` is not used: it holds speech."""

    start_s: float
    end_s: float


@dataclass
class LiveCounts:
    """Work done so far, over all segments; a stream of any length has every token exactly once."""

    n_windows: int = 0
    n_tokens: int = 0
    n_events: int = 0
    n_speech_windows: int = 0
    n_samples: int = 0  # at the encoder's rate


Line = EventLine | GapLine | Drift | SceneLine | DroppedLine | ErrorLine


@dataclass
class Listener:
    """Listens to one stream; `listen` may be called once.

    Attributes:
        recorder: stores the tags, for queries later.
        on_block: called with each block of sound, such as to show its level.
    """

    encoder: LoadedEncoder
    query: LiveQuery
    clock: StreamClock
    on_block: Callable[[Segments], None] | None = None
    recorder: TagRecorder | None = None
    counts: LiveCounts = field(default_factory=LiveCounts)
    segments: Segments | None = None

    def __post_init__(self) -> None:
        settings = self.query.settings
        if not choose_method(settings).has_word_scores or settings.noise_factor:
            raise SettingsError(
                f"method={settings.method!r}, noise_factor={settings.noise_factor:g}: live listening takes "
                "method='earwitness' without noise"
            )
        self._scenes = _SceneWatch(self.encoder, self.query, self.recorder)
        self._tracker = EventReporter(settings.window_s)

    def listen(self, items: WaitingSound) -> Iterator[Line]:
        """Yield lines as soon as they are known, until the items end; events under way then end too.

        Raises:
            AudioError: the source failed.
        """
        self.segments = segments = Segments(items, self.encoder.spec.sample_rate_hz, self.clock, self._take_block)
        while True:
            yield from segments.wait()
            if not segments.has_next:
                break
            if self.recorder:
                self.recorder.begin(self.clock.time_of_day(segments.start_s).timestamp())
            if self.query.meanings.words or self.recorder:
                yield from self._listen_to_segment(segments)
            else:
                for _ in segments.blocks():
                    yield from segments.take_pending()
                    yield from self._scenes.take_lines()
            self._scenes.end_segment()
            if self.recorder:
                self.recorder.end(segments.n_samples / segments.rate)
            yield from self._scenes.take_lines()
        if self.query.profiles:
            yield from self._scenes.close()

    @property
    def analysed_s(self) -> float:
        """Seconds of sound so far, without gaps."""
        return self.counts.n_samples / self.encoder.spec.sample_rate_hz

    def _take_block(self, block: Waveform) -> None:
        assert self.segments is not None
        self.counts.n_samples += len(block.samples)
        if self.query.profiles or self.recorder:
            self._scenes.add(block, self.segments.start_s)
        if self.on_block:
            self.on_block(self.segments)

    def _listen_to_segment(self, segments: Segments) -> Iterator[Line]:
        """Listen until the sound breaks off, just as to a recording that ends there."""
        settings = self.query.settings
        analysis = _SegmentAnalysis(self.encoder, self.query, self.counts, self.recorder)
        windows = slide(segments.blocks(), settings.window_s, settings.hop_s, n_batch=1)

        def has_next() -> bool:
            return segments.has_more_than(settings.hop_s)

        for batch in gather(windows, has_next, self.encoder.batch):
            if not segments.is_too_short():
                ended, foreseen, dropped = analysis.add(batch)
                yield from self._report(segments, ended, foreseen, dropped)
            yield from segments.take_pending()
            yield from self._scenes.take_lines()
        ended, dropped = analysis.finish(segments.n_samples / segments.rate)
        yield from self._report(segments, ended, [], dropped)

    def _report(
        self, segments: Segments, ended: list[Event], foreseen: list[Event], dropped: list[Span]
    ) -> Iterator[Line]:
        start_s = segments.start_s
        self.counts.n_events += len(ended)
        yield from self._tracker.to_lines(
            [place_event(event, start_s) for event in ended], [place_event(event, start_s) for event in foreseen]
        )
        yield from (DroppedLine(span.start_s + start_s, span.end_s + start_s) for span in dropped)


class _SegmentAnalysis:
    """One unbroken segment: windows to tokens to words to events; times are the segment's own."""

    def __init__(
        self, encoder: LoadedEncoder, query: LiveQuery, counts: LiveCounts, recorder: TagRecorder | None = None
    ) -> None:
        self.encoder, self.query, self.counts, self.recorder = encoder, query, counts, recorder
        self.grid, self.finder = TokenGrid(encoder.spec), EventFinder(query.settings)
        self.speech: list[Span] = []

    def add(self, batch: Windows) -> tuple[list[Event], list[Event], list[Span]]:
        """Take windows; return events that have ended, those foreseen, and spans dropped for their speech."""
        logits = self.encoder.token_logits(batch.samples)  # (W, T, C)
        self.counts.n_windows += len(logits)
        settled_s = float(batch.start_s[0])
        settled = self.grid.settle_until(settled_s)
        if self.query.speech_threshold is not None:  # first: half of the last settled token may lie in these windows
            self._note_speech(logits, batch, self.query.speech_threshold)
        ended = self._find(settled)
        over_s = settled_s - self.encoder.spec.token_s  # half of a token after a span may lie in it, too
        dropped = [span for span in self.speech if span.end_s <= over_s]
        self.speech = self.speech[len(dropped) :]
        self.grid.add(logits, batch)
        return ended, self.finder.foresee(self._match(self.grid.unsettled())), dropped

    def finish(self, duration_s: float) -> tuple[list[Event], list[Span]]:
        """Return what is left at the end of the segment; the last token overhangs it, its event does not."""
        ended = self._find(self.grid.unsettled()) + self.finder.finish()
        return [replace(event, offset_s=min(event.offset_s, duration_s)) for event in ended], self.speech

    def _note_speech(self, logits: np.ndarray, batch: Windows, threshold: float) -> None:
        for index in np.flatnonzero(find_speech(logits, threshold)):
            start_s = float(batch.start_s[index])
            end_s = start_s + float(batch.n_valid[index]) / batch.sample_rate_hz
            self.speech = join_span(self.speech, Span(start_s, end_s))
            self.counts.n_speech_windows += 1

    def _find(self, rows: TagScores | None) -> list[Event]:
        self.counts.n_tokens += len(rows.start_s) if rows else 0
        parts = self._leave_out(rows)
        if self.recorder:
            for part in parts:
                self.recorder.add_rows(part)
        found = match_words(parts, self.query.meanings, self.encoder.tag_stats)
        return [event for each in found for event in self.finder.add(each)]

    def _match(self, rows: TagScores | None) -> Iterator[WordScores]:
        return match_words(self._leave_out(rows), self.query.meanings, self.encoder.tag_stats)

    def _leave_out(self, rows: TagScores | None) -> list[TagScores]:
        return leave_out(rows, self.speech) if rows and self.speech else [rows] if rows else []


class _SceneWatch:
    """Ranks scenes for every period of the stream, from windows of `clip_window_s` side by side."""

    def __init__(self, encoder: LoadedEncoder, query: LiveQuery, recorder: TagRecorder | None = None) -> None:
        self.encoder, self.query, self.recorder = encoder, query, recorder
        self._waiting: list[Samples] = []
        self._n_waiting = self._n_used = 0  # samples waiting for a window; samples of the segment already in windows
        self._start_s = 0.0  # of the segment
        self._rows: list[TagScores] = []  # of this period
        self._period = 0
        self._lines: list[SceneLine] = []

    def add(self, block: Waveform, start_s: float) -> None:
        """Take a block of the segment that begins at `start_s`."""
        self._start_s = start_s
        self._waiting.append(block.samples)
        self._n_waiting += len(block.samples)
        size = round(self.query.settings.clip_window_s * block.sample_rate_hz)
        if self._n_waiting >= size:
            samples = np.concatenate(self._waiting)
            self._analyse(Waveform(samples[:size], block.sample_rate_hz))
            self._waiting, self._n_waiting = [samples[size:]], len(samples) - size

    def end_segment(self) -> None:
        """Analyse the rest of a segment, if it is to be stored, or if this period has nothing else."""
        if self._n_waiting and (self.recorder or not self._rows):
            self._analyse(Waveform(np.concatenate(self._waiting), self.encoder.spec.sample_rate_hz))
        self._waiting, self._n_waiting, self._n_used = [], 0, 0

    def close(self) -> list[SceneLine]:
        """Return what is left at the end."""
        self._close_period()
        return self.take_lines()

    def take_lines(self) -> list[SceneLine]:
        """Return the periods that are over since the last time."""
        lines, self._lines = self._lines, []
        return lines

    def _analyse(self, waveform: Waveform) -> None:
        start_s = self._start_s + self._n_used / waveform.sample_rate_hz
        self._n_used += len(waveform.samples)
        if int(start_s // self.query.scenes_every_s) != self._period:
            self._close_period()
            self._period = int(start_s // self.query.scenes_every_s)
        threshold = self.query.speech_threshold
        for window in slide(waveform, self.query.settings.clip_window_s, self.query.settings.clip_window_s):
            encoded = self.encoder.encode(window.samples, ["token_logits", "window_logits"])
            tokens, clip = encoded.token_logits, encoded.window_logits  # (1, T, C), (1, C)
            assert tokens is not None
            assert clip is not None
            if threshold is None or not find_speech(tokens, threshold).any():
                self._rows.append(TagScores(clip, window.start_s + start_s, waveform.duration_s))
                if self.recorder:
                    self.recorder.add_clip(
                        TagScores(clip, window.start_s + start_s - self._start_s, waveform.duration_s)
                    )

    def _close_period(self) -> None:
        if self._rows:
            clip = summarise_tags(self._rows)
            scenes = rank_scenes(clip, self.query.profiles, self.encoder.tag_stats)
            first, last = self._rows[0], self._rows[-1]
            end_s = float(last.start_s[-1]) + last.span_s
            tags = clip.summarise(self.query.settings.n_tags)
            self._lines.append(SceneLine(float(first.start_s[0]), end_s, scenes, tags))
        self._rows = []


def gather(windows: Iterator[Windows], has_next: Callable[[], bool], n_batch: int) -> Iterator[Windows]:
    """Yield windows at once when they come at the pace of time, and several together where more can be had at once."""
    for first in windows:
        batch = [first]
        while len(batch) < n_batch and has_next() and (window := next(windows, None)) is not None:
            batch.append(window)
        yield _stack(batch) if len(batch) > 1 else first


def place_event(event: Event, start_s: float) -> Event:
    """Return an event of a segment with times of the stream."""
    return replace(
        event,
        onset_s=event.onset_s + start_s,
        offset_s=event.offset_s + start_s,
        peak_s=event.peak_s + start_s,
    )


def _stack(batch: Iterable[Windows]) -> Windows:
    each = list(batch)
    return Windows(
        np.concatenate([one.samples for one in each]),
        np.concatenate([one.start_s for one in each]),
        np.concatenate([one.n_valid for one in each]),
        each[0].sample_rate_hz,
    )
