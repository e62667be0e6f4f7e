"""The chain of `recognition` on sound that never ends: items from a source in, lines to print out.

In: items, words, an encoder. Out: `EventLine`s, `SceneLine`s, and lines on the sound itself. Every window is encoded
once, for events, scenes and a store. Windows are short, since events are to be reported while they last, and events
are found by `recognition.stream`, which cannot look ahead; so a stream's events are close to a file's, not the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from earwitness.audio import Waveform, Windows, slide
from earwitness.encoders import LoadedEncoder
from earwitness.errors import SettingsError
from earwitness.live.buffer import WaitingSound
from earwitness.live.clock import Drift, StreamClock
from earwitness.live.event_lines import EventLine, EventReporter
from earwitness.live.privacy import Span, find_speech, join_span, leave_out
from earwitness.live.scenes import SceneLine, SceneWatch
from earwitness.live.segments import ErrorLine, GapLine, Segments
from earwitness.recognition import Event, Logits, StreamEventFinder, TagScores, TokenGrid, choose_method
from earwitness.settings import Settings
from earwitness.words import PlaceProfile, WordMeanings

if TYPE_CHECKING:  # so that listening without a store loads no archive
    from earwitness.live.to_archive import TagRecorder

LIVE_WINDOW_S, LIVE_HOP_S = 4.0, 1.0  # the longest; the encoder was trained on 4 s and on 10 s


@dataclass(frozen=True)
class LiveQuery:
    """What is listened for.

    Attributes:
        meanings: the event words.
        profiles: the scene words, ranked every `scenes_every_s` seconds.
        settings: see `recognition.recognize`; windows are limited, see `limit_windows`. The method "tmrl" and noise are
            for recordings only.
        speech_threshold: with privacy, the score from which a window counts as speech; None without.
    """

    meanings: WordMeanings
    settings: Settings
    profiles: Sequence[PlaceProfile] = ()
    scenes_every_s: float = 60.0
    speech_threshold: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", limit_windows(self.settings))


def limit_windows(settings: Settings) -> Settings:
    """Return settings with one kind of window for everything: theirs, no longer and no further apart than live's."""
    window_s = min(settings.window_s, LIVE_WINDOW_S)
    hop_s = min(settings.hop_s, LIVE_HOP_S, window_s)
    return replace(settings, window_s=window_s, hop_s=hop_s, clip_window_s=window_s)


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
        query, stats = self.query, self.encoder.tag_stats
        self._scenes = SceneWatch(query.profiles, stats, query.scenes_every_s, settings.n_tags)
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
            yield from self._listen_to_segment(segments)
            if self.recorder:
                self.recorder.end(segments.n_samples / segments.rate)
        yield from self._scenes.close()

    @property
    def analysed_s(self) -> float:
        """Seconds of sound so far, without gaps."""
        return self.counts.n_samples / self.encoder.spec.sample_rate_hz

    def _take_block(self, block: Waveform) -> None:
        assert self.segments is not None
        self.counts.n_samples += len(block.samples)
        if self.on_block:
            self.on_block(self.segments)

    def _listen_to_segment(self, segments: Segments) -> Iterator[Line]:
        """Listen until the sound breaks off."""
        settings = self.query.settings
        analysis = _SegmentAnalysis(self.encoder, self.query, self.counts, self.recorder)
        windows = slide(segments.blocks(), settings.window_s, settings.hop_s, n_batch=1)

        def has_next() -> bool:
            return segments.has_more_than(settings.hop_s)

        for batch in gather(windows, has_next, self.encoder.batch):
            if not segments.is_too_short():
                found = analysis.add(batch)
                self._scenes.add(replace(found.windows, start_s=found.windows.start_s + segments.start_s))
                yield from self._report(segments, found.ended, found.foreseen, found.dropped)
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


@dataclass(frozen=True)
class _Found:
    """What some windows brought.

    Attributes:
        ended: events that have ended.
        foreseen: events under way or not yet settled.
        dropped: spans dropped for their speech.
        windows: the logits of the windows that are not dropped.
    """

    ended: list[Event]
    foreseen: list[Event]
    dropped: list[Span]
    windows: TagScores


class _SegmentAnalysis:
    """One unbroken segment: windows to tokens to words to events; times are the segment's own."""

    def __init__(
        self, encoder: LoadedEncoder, query: LiveQuery, counts: LiveCounts, recorder: TagRecorder | None = None
    ) -> None:
        self.encoder, self.query, self.counts, self.recorder = encoder, query, counts, recorder
        self.grid = TokenGrid(encoder.spec)
        self.finder = StreamEventFinder(query.meanings, encoder.tag_stats, query.settings, encoder.spec.token_s)
        self.speech: list[Span] = []

    def add(self, batch: Windows) -> _Found:
        """Take windows."""
        encoded = self.encoder.encode(batch.samples, ["token_logits", "window_logits"])
        tokens, clips = encoded.token_logits, encoded.window_logits  # (W, T, C), (W, C)
        assert tokens is not None
        assert clips is not None
        self.counts.n_windows += len(tokens)
        settled_s = float(batch.start_s[0])
        settled = self.grid.settle_until(settled_s)
        # First: half of the last settled token may lie in these windows.
        windows = self._drop_speech(tokens, clips, batch)
        if self.recorder:
            self.recorder.add_windows(windows)
        ended = self._find(settled)
        over_s = settled_s - self.encoder.spec.token_s  # half of a token after a span may lie in it, too
        dropped = [span for span in self.speech if span.end_s <= over_s]
        self.speech = self.speech[len(dropped) :]
        self.grid.add(tokens, batch)
        foreseen = self.finder.foresee(self._leave_out(self.grid.unsettled()))
        return _Found(ended, foreseen, dropped, windows)

    def finish(self, duration_s: float) -> tuple[list[Event], list[Span]]:
        """Return what is left at the end of the segment; the last token overhangs it, its event does not."""
        ended = self._find(self.grid.unsettled()) + self.finder.finish()
        return [replace(event, offset_s=min(event.offset_s, duration_s)) for event in ended], self.speech

    def _drop_speech(self, tokens: Logits, clips: Logits, batch: Windows) -> TagScores:
        """Note which windows hold speech, with privacy; return the others."""
        is_speech = np.zeros(len(clips), bool)
        if self.query.speech_threshold is not None:
            is_speech = find_speech(tokens, self.query.speech_threshold)
        for index in np.flatnonzero(is_speech):
            start_s = float(batch.start_s[index])
            end_s = start_s + float(batch.n_valid[index]) / batch.sample_rate_hz
            self.speech = join_span(self.speech, Span(start_s, end_s))
            self.counts.n_speech_windows += 1
        span_s = float(batch.n_valid[0]) / batch.sample_rate_hz  # all are as long
        return TagScores(clips[~is_speech], batch.start_s[~is_speech], span_s)

    def _find(self, rows: TagScores | None) -> list[Event]:
        self.counts.n_tokens += len(rows.start_s) if rows else 0
        parts = self._leave_out(rows)
        if self.recorder:
            for part in parts:
                self.recorder.add_rows(part)
        return [event for part in parts for event in self.finder.add(part)]

    def _leave_out(self, rows: TagScores | None) -> list[TagScores]:
        return leave_out(rows, self.speech) if rows and self.speech else [rows] if rows else []


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
