"""The command `earwitness live`: listen to sound as it comes in, and print what is detected as lines of JSON.

In: a source, words. Out: lines on standard output, to a webhook or MQTT broker; on a terminal, how it goes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli.options import Events, Scenes, encoder_options, has_words, number_option, query_options, takes
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.live import LiveQuery, Sink

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
    from earwitness.live import PcmFormat, Session, choose_source
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
    Session(opened, query, sinks, store, stall, 60 * status_every, duration, is_shown=not quiet).run()


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
