"""One run of live listening: a source, a listener and sinks together, until the end or a signal.

In: a `Source`, a `LiveQuery`, `Sink`s. Out: lines to the sinks; on a terminal, level and state.
"""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import EarwitnessError
from earwitness.live.buffer import WaitingSound, start_reading
from earwitness.live.clock import StreamClock
from earwitness.live.listener import Listener, LiveQuery
from earwitness.live.messages import status, to_plain
from earwitness.live.reconnect import Patience, read_on
from earwitness.live.segments import Segments
from earwitness.live.sinks import Sink
from earwitness.live.sources import Source
from earwitness.live.to_archive import TagRecorder
from earwitness.settings import Settings

CLOSE_S = 5.0  # time for a webhook or broker to take the last lines
SHOW_S = 0.5  # between two updates of the state on a terminal


@dataclass
class Session:
    """One run of the command `live`; `run` may be called once.

    Attributes:
        source: where sound comes from.
        query: what to detect.
        sinks: where lines go.
        store: the folder of a store that takes the tags, None without.
        stall_s: seconds without sound after which the source counts as stalled.
        status_every_s: seconds between status lines; 0 for none.
        duration_s: seconds of sound after which it ends; None for never.
        is_shown: show level and state on standard error, where that is a terminal.
    """

    source: Source
    query: LiveQuery
    sinks: list[Sink]
    store: str | None = None
    stall_s: float = 10.0
    status_every_s: float = 0.0
    duration_s: float | None = None
    is_shown: bool = False
    clock: StreamClock = field(init=False)
    waiting: WaitingSound = field(init=False)
    listener: Listener = field(init=False)
    _shown_at: float = field(default=0.0, init=False)
    _status_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.is_shown = self.is_shown and sys.stderr.isatty()

    def run(self) -> None:
        """Listen, print and send, until the source ends, `duration_s` is over, or a signal comes.

        Raises:
            EarwitnessError: the source cannot be opened, or nobody reads what is printed.
        """
        loaded = choose_encoder(self.query.settings)
        _warm_up(loaded, self.query.settings)
        self.clock, self.waiting = StreamClock(), WaitingSound()
        recorder = None
        if self.store is not None:
            recorder = TagRecorder(self.store, self.source.name, self.query.settings, loaded)
        self.listener = Listener(loaded, self.query, self.clock, self._look, recorder)
        reader = start_reading(read_on(self.source, Patience(self.stall_s)), self.source, self.waiting)
        self._status_at = time.monotonic()
        state = "failed"
        with _ended_by_signals(self.waiting):
            try:
                self._send_status("listening")
                for line in self.listener.listen(self.waiting):
                    self._send(to_plain(line, self.clock, self.source.name))
                state = "ended"
            finally:
                self.waiting.close()
                self._finish(state)
                reader.join(1.0)

    def _finish(self, state: str) -> None:
        """Send the last status, and let the sinks deliver what waits."""
        if self.is_shown:
            print("\r\x1b[K", end="", file=sys.stderr)
        with contextlib.suppress(EarwitnessError):  # the first failure is the one to report
            self._send_status(state)
        for sink in self.sinks:
            sink.close(CLOSE_S)

    def _send(self, line: dict[str, Any]) -> None:
        for sink in self.sinks:
            sink.send(line)

    def _send_status(self, state: str) -> None:
        segments, counts = self.listener.segments, self.listener.counts
        fields: dict[str, Any] = {
            "heard_s": round(self.listener.analysed_s, 3),
            "lost_s": round(segments.lost_s, 3) if segments else 0.0,
            "gaps": segments.n_gaps if segments else 0,
            "windows": counts.n_windows,
            "tokens": counts.n_tokens,
            "events": counts.n_events,
            "speech_windows": counts.n_speech_windows,
            "waiting_s": round(self.waiting.waiting_s, 3),
        }
        for sink in self.sinks:
            fields |= sink.counts()
        at_s = segments.now_s if segments else 0.0
        self._send(status(state, self.source.name, self.clock, at_s, fields))

    def _look(self, segments: Segments) -> None:
        """After each block: stop, send a status line or show the state where it is time."""
        now = time.monotonic()
        if self.duration_s is not None and self.listener.analysed_s >= self.duration_s:
            self.waiting.stop()
        if self.status_every_s and now - self._status_at >= self.status_every_s:
            self._status_at = now
            self._send_status("listening")
        if self.is_shown and now - self._shown_at >= SHOW_S:
            self._shown_at = now
            print(f"\r\x1b[K{describe_state(segments, self.listener)}", end="", file=sys.stderr, flush=True)


def describe_state(segments: Segments, listener: Listener) -> str:
    """Return the line for a terminal: time, events, level, how much sound waits."""
    level_db = 20 * math.log10(max(segments.level, 1e-6))
    bar = "#" * max(0, round((level_db + 60) / 3))
    behind = f"  {segments.items.waiting_s:.1f} s behind" if segments.items.waiting_s >= 1 else ""
    hours, rest = divmod(int(segments.now_s), 3600)
    summary = f"{hours}:{rest // 60:02}:{rest % 60:02}  {listener.counts.n_events} events"
    return f"{summary}  {level_db:5.0f} dB [{bar:20.20}]{behind}"


def _warm_up(loaded: LoadedEncoder, settings: Settings) -> None:
    """Compute silence, one window and a full batch, so that the first real ones are as quick as all others."""
    n_samples = round(settings.window_s * loaded.spec.sample_rate_hz)
    for n_windows in (1, loaded.batch):
        loaded.encode(np.zeros((n_windows, n_samples), np.float32), ["token_logits", "window_logits"])


@contextlib.contextmanager
def _ended_by_signals(waiting: WaitingSound) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the run in good order; the second one ends it at once."""

    def end(number: int, frame: FrameType | None) -> None:
        if waiting.is_closed:
            raise KeyboardInterrupt
        waiting.close()

    is_main = threading.current_thread() is threading.main_thread()  # others may not set handlers
    usual = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM) if is_main}
    try:
        yield
    finally:
        for each, handler in usual.items():
            signal.signal(each, handler)
