"""The command `earwitness live`: listen to sound as it comes in, and print what is detected as lines of JSON.

In: a source, words. Out: lines on standard output, to a webhook or MQTT broker; on a terminal, how it goes.
"""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earwitness.cli.exit_status import handling
from earwitness.cli.options import Events, Scenes, encoder_options, has_words, number_option, query_options, takes
from earwitness.errors import EarwitnessError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.encoders import LoadedEncoder
    from earwitness.live import Listener, LiveQuery, Segments, Sink, Source, StreamClock, TagKeeper, WaitingSound

CLOSE_S = 5.0  # what a webhook or broker gets to take the last lines
SHOW_S = 0.5  # between two looks of the state on a terminal
LONGEST_SCENES_MIN = 24 * 60.0

EVERY = number_option(
    "--scenes-every",
    f"give minutes, above 0 and up to {LONGEST_SCENES_MIN:g}",
    lambda minutes: 0 < minutes <= LONGEST_SCENES_MIN,
    "Minutes for which scenes are ranked together.",
)
STALL = number_option(
    "--stall", "give seconds above 0", lambda s: s > 0, "Seconds without sound after which a source counts as stalled."
)
STATUS = number_option(
    "--status-every", "give minutes, or 0", lambda s: s >= 0, "Minutes between status lines; 0 for none."
)
DURATION = number_option("--duration", "give seconds above 0", lambda s: s > 0, "Stop after so many seconds of sound.")
SPEECH = number_option(
    "--speech-threshold",
    "give a score from 0 to 1",
    lambda score: 0 <= score <= 1,
    "With --privacy: the score that counts as speech.",
)
HOW_SOURCE = "'-' (standard input), 'mic' or 'mic:DEVICE', a URL, FORMAT:DEVICE of FFmpeg, or a pipe's or file's path."
RawFormat = Annotated[str, typer.Option("--format", help="Of raw PCM, little-endian: u8, s16, s24, s32 or f32.")]


@encoder_options
@query_options
@takes("hop_s")
def live(
    settings: Settings,
    events: Events,
    scenes: Scenes,
    source: Annotated[str, typer.Argument(help=HOW_SOURCE)] = "mic",
    scenes_every: Annotated[float, EVERY] = 1.0,
    rate: Annotated[int, typer.Option(help="Sample rate in Hz of raw PCM, or for a microphone.")] = 16000,
    channels: Annotated[int, typer.Option(help="Channels of raw PCM, or for a microphone.")] = 1,
    raw_format: RawFormat = "s16",
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Standard input comes from a recorder: when it stalls, that is a gap.")
    ] = False,
    webhook: Annotated[str | None, typer.Option(help="URL to which each line is posted as JSON.")] = None,
    mqtt: Annotated[str | None, typer.Option(help="HOST[:PORT]/TOPIC to which each line is published.")] = None,
    store: Annotated[str | None, typer.Option(help="Store tag scores here, for 'earwitness ask'.")] = None,
    privacy: Annotated[
        bool, typer.Option("--privacy", help="Drop windows with speech, store nothing of them.")
    ] = False,
    speech_threshold: Annotated[float, SPEECH] = 0.2,
    stall: Annotated[float, STALL] = 10.0,
    status_every: Annotated[float, STATUS] = 60.0,
    duration: Annotated[float | None, DURATION] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no level and state on the terminal.")] = False,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="List microphones, and stop.")] = False,
) -> None:
    """Listen to sound as it comes in; print events as they begin and end, one JSON object a line.

    Raw PCM or wav on standard input or a pipe, a microphone, RTSP, HTTP. A source that fails is opened again; what is
    missing is reported as a gap. No audio is ever written. Ctrl-C ends it: events in progress are reported as ended.
    """
    from earwitness.live import PcmFormat, choose_source
    from earwitness.live import list_devices as list_microphones

    if list_devices:
        print("\n".join(list_microphones()) or "no device to record from")
        return
    if store is None:
        has_words(events, scenes, "give --events, --scenes or both, or --store to query later")
    query = _make_query(events, scenes, prefer_onnx(settings), 60 * scenes_every, speech_threshold if privacy else None)
    form = PcmFormat(raw_format.removesuffix("le"), rate, channels)
    opened = choose_source(source, form, stall, is_real_time=real_time)
    sinks = _open_sinks(webhook, mqtt)
    _Run(opened, query, sinks, store, stall, 60 * status_every, duration, is_shown=not quiet).listen()


def prefer_onnx(settings: Settings) -> Settings:
    """Return settings that compute the embedded encoder on ONNX Runtime unless they choose otherwise.

    It takes half of torch's memory, its results do not depend on batches, and it waits less for other processes.
    """
    is_free = (settings.runtime, settings.device, settings.precision) == ("auto", "auto", "auto")
    if is_free and not settings.encoder and not settings.compile_encoder:
        return replace(settings, runtime="onnx")
    return settings


def _make_query(
    events: Sequence[str], scenes: Sequence[str], settings: Settings, every_s: float, speech_threshold: float | None
) -> LiveQuery:
    from earwitness.live import LiveQuery
    from earwitness.words import profile_scenes, read_places, understand_words

    profiles = profile_scenes(scenes, read_places(settings.places)) if scenes else []
    return LiveQuery(understand_words(events), settings, profiles, every_s, speech_threshold)


def _open_sinks(webhook: str | None, mqtt: str | None) -> list[Sink]:
    from earwitness.live import JsonLines, open_mqtt, open_webhook

    sinks: list[Sink] = [JsonLines(sys.stdout)] if sys.stdout else []  # None where it is closed
    if webhook:
        sinks.append(open_webhook(webhook))
    if mqtt:
        sinks.append(open_mqtt(mqtt))
    return sinks


class _Run:
    """One run of the command: source, listener and sinks together, until the end or a key press."""

    def __init__(
        self,
        source: Source,
        query: LiveQuery,
        sinks: list[Sink],
        store: str | None,
        stall_s: float,
        status_every_s: float,
        duration_s: float | None,
        *,
        is_shown: bool,
    ) -> None:
        self.source, self.query, self.sinks, self.store = source, query, sinks, store
        self.stall_s, self.status_every_s, self.duration_s = stall_s, status_every_s, duration_s
        self.is_shown = is_shown and sys.stderr.isatty()
        self.clock: StreamClock
        self.waiting: WaitingSound
        self.listener: Listener
        self._shown_at, self._status_at = 0.0, 0.0

    def listen(self) -> None:
        """Listen, print and send.

        Raises:
            EarwitnessError: the source cannot be opened, or nobody reads what is printed.
        """
        from earwitness.encoders import choose_encoder
        from earwitness.live import (
            Listener,
            Patience,
            StreamClock,
            WaitingSound,
            read_on,
            start_reading,
            to_plain,
            wait_for,
        )

        loaded = choose_encoder(self.query.settings)
        _warm_up(loaded, self.query.settings)
        self.clock, self.waiting = StreamClock(), WaitingSound()
        keeper = self._open_store(loaded)
        self.listener = Listener(loaded, self.query, self.clock, self._look, keeper)
        reader = start_reading(read_on(self.source, Patience(self.stall_s)), self.source, self.waiting)
        self._status_at = time.monotonic()
        state = "failed"
        with _ended_by_signals(self.waiting):
            try:
                self._send_status("listening", 0.0)
                for line in self.listener.listen(self.waiting):
                    self._send(to_plain(line, self.clock, self.source.name))
                state = "ended"
            finally:
                self.waiting.close()
                self._finish(state)
                wait_for(reader, 1.0)

    def _open_store(self, loaded: LoadedEncoder) -> TagKeeper | None:
        if self.store is None:
            return None
        from earwitness.live import TagKeeper

        return TagKeeper(self.store, self.source.name, self.query.settings, loaded)

    def _finish(self, state: str) -> None:
        """Send the last status, and give the receivers time to take what waits."""
        if self.is_shown:
            print("\r\x1b[K", end="", file=sys.stderr)
        with contextlib.suppress(EarwitnessError):  # the first failure is the one to report
            self._send_status(state, self._now_s())
        for sink in self.sinks:
            sink.close(CLOSE_S)

    def _now_s(self) -> float:
        return self.listener.segments.now_s if self.listener.segments else 0.0

    def _send(self, line: dict[str, Any]) -> None:
        for sink in self.sinks:
            sink.send(line)

    def _send_status(self, state: str, at_s: float) -> None:
        from earwitness.live import status

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
        self._send(status(state, self.source.name, self.clock, at_s, fields))

    def _look(self, segments: Segments) -> None:
        """Check after each block whether to stop, to send the status, or to show it."""
        now = time.monotonic()
        if self.duration_s is not None and self.listener.analysed_s >= self.duration_s:
            self.waiting.stop()
        if self.status_every_s and now - self._status_at >= self.status_every_s:
            self._status_at = now
            self._send_status("listening", segments.now_s)
        if self.is_shown and now - self._shown_at >= SHOW_S:
            self._shown_at = now
            print(f"\r\x1b[K{describe_state(segments, self.listener)}", end="", file=sys.stderr, flush=True)


def describe_state(segments: Segments, listener: Listener) -> str:
    """Return the line for people: level, how much sound waits, what has been detected."""
    level_db = 20 * math.log10(max(segments.level, 1e-6))
    bar = "#" * max(0, round((level_db + 60) / 3))
    behind = f"  {segments.items.waiting_s:.1f} s behind" if segments.items.waiting_s >= 1 else ""
    hours, rest = divmod(int(segments.now_s), 3600)
    summary = f"{hours}:{rest // 60:02}:{rest % 60:02}  {listener.counts.n_events} events"
    return f"{summary}  {level_db:5.0f} dB [{bar:20.20}]{behind}"


def _warm_up(loaded: LoadedEncoder, settings: Settings) -> None:
    """Compute silence, one window and a full batch: later ones then take neither time nor memory for the first time."""
    import numpy as np

    n_samples = round(settings.window_s * loaded.spec.sample_rate_hz)
    for n_windows in (1, loaded.batch):
        loaded.token_logits(np.zeros((n_windows, n_samples), np.float32))


def _ended_by_signals(waiting: WaitingSound) -> AbstractContextManager[None]:
    """Let SIGINT and SIGTERM end the listening in good order; the second one ends it at once."""

    def end(number: int, frame: FrameType | None) -> None:
        if waiting.is_closed:
            raise KeyboardInterrupt
        waiting.close()

    return handling(end, signal.SIGINT, signal.SIGTERM)
