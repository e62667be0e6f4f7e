"""The command `earwitness live`: listen to sound as it comes in, and print what is heard as lines of JSON.

In: a source, words. Out: lines on standard output, to a webhook or MQTT broker; on a terminal, how it goes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli.options import (
    CommercialOnly,
    Device,
    Encoder,
    Events,
    Runtime,
    Scenes,
    SettingsFile,
    choose_compute,
    choose_settings,
    errors_reported,
    read_words,
)
from earwitness.errors import SettingsError, WordError

if TYPE_CHECKING:
    from earwitness.live import LiveQuery, Sink
    from earwitness.settings import Settings

LONGEST_SCENES_MIN = 24 * 60.0

HOW_SOURCE = "'-' (standard input), 'mic' or 'mic:DEVICE', a URL, FORMAT:DEVICE of FFmpeg, or a pipe's or file's path."
RawFormat = Annotated[str, typer.Option("--format", help="Of raw PCM, little-endian: u8, s16, s24, s32 or f32.")]


def live(
    source: Annotated[str, typer.Argument(help=HOW_SOURCE)] = "mic",
    events: Events = [],  # noqa: B006 (typer copies it)
    scenes: Scenes = [],  # noqa: B006
    scenes_every: Annotated[float, typer.Option(help="Minutes for which scenes are ranked together.")] = 1.0,
    rate: Annotated[int, typer.Option(help="Rate in Hz of raw PCM, or to ask of a microphone.")] = 16000,
    channels: Annotated[int, typer.Option(help="Channels of raw PCM, or to ask of a microphone.")] = 1,
    raw_format: RawFormat = "s16",
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Standard input comes from a recorder: when it stalls, that is a gap.")
    ] = False,
    webhook: Annotated[str | None, typer.Option(help="URL to which each line is posted as JSON.")] = None,
    mqtt: Annotated[str | None, typer.Option(help="HOST[:PORT]/TOPIC to which each line is published.")] = None,
    store: Annotated[str | None, typer.Option(help="Keep tag scores here, for 'earwitness ask'.")] = None,
    privacy: Annotated[bool, typer.Option("--privacy", help="Drop windows with speech, keep nothing of them.")] = False,
    speech_threshold: Annotated[float, typer.Option(help="With --privacy: the score that counts as speech.")] = 0.2,
    settings: SettingsFile = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    runtime: Runtime = None,
    device: Device = None,
    hop: Annotated[float | None, typer.Option(help="Seconds between windows; smaller tells sooner.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Score, 0 to 1, from which an event counts.")] = None,
    places: Annotated[Path | None, typer.Option(help="TOML file with places of your own.")] = None,
    stall: Annotated[float, typer.Option(help="Seconds without sound after which a source counts as stalled.")] = 10.0,
    status_every: Annotated[float, typer.Option(help="Minutes between status lines; 0 for none.")] = 60.0,
    duration: Annotated[float | None, typer.Option(help="Stop after so many seconds of sound.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no level and state on the terminal.")] = False,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="List microphones, and stop.")] = False,
) -> None:
    """Listen to sound as it comes in; print events as they begin and end, one JSON object a line.

    Raw PCM or wav on standard input or a pipe, a microphone, RTSP, HTTP. A source that fails is opened again; what is
    missing is told as a gap. No audio is ever written. Ctrl-C ends it: events under way are told as ended.
    """
    with errors_reported():
        from earwitness.live import PcmFormat, Session, choose_source
        from earwitness.live import list_devices as list_microphones

        if list_devices:
            print("\n".join(list_microphones()) or "no device to record from")
            return
        _check_numbers(scenes_every, stall, status_every, duration, speech_threshold)
        chosen = choose_settings(
            settings,
            **choose_compute(encoder, commercial_only, runtime, device),
            hop_s=hop,
            event_threshold=threshold,
            places=str(places) if places else None,
        )
        if store is None:
            _check_words(events, scenes)
        query = _ask(events, scenes, prefer_onnx(chosen), 60 * scenes_every, speech_threshold if privacy else None)
        form = PcmFormat(raw_format.removesuffix("le"), rate, channels)
        opened = choose_source(source, form, stall, is_real_time=real_time)
        sinks = _open_sinks(webhook, mqtt)
        Session(opened, query, sinks, store, stall, 60 * status_every, duration, is_shown=not quiet).run()


def prefer_onnx(settings: Settings) -> Settings:
    """Return settings that compute the embedded encoder on ONNX Runtime unless they say otherwise.

    It takes half of torch's memory, its results do not depend on batches, and it waits less for other processes.
    """
    is_free = (settings.runtime, settings.device, settings.precision) == ("auto", "auto", "auto")
    if is_free and not settings.encoder and not settings.compile_encoder:
        return replace(settings, runtime="onnx")
    return settings


def _ask(
    events: Sequence[str], scenes: Sequence[str], settings: Settings, every_s: float, speech_threshold: float | None
) -> LiveQuery:
    event_words, scene_words = read_words(events), read_words(scenes)
    from earwitness.live import LiveQuery
    from earwitness.words import profile_scenes, read_places, understand_words

    profiles = profile_scenes(scene_words, read_places(settings.places)) if scene_words else []
    return LiveQuery(understand_words(event_words), settings, profiles, every_s, speech_threshold)


def _check_words(events: Sequence[str], scenes: Sequence[str]) -> None:
    if not events and not scenes:
        raise WordError("nothing to listen for: give --events, --scenes or both, or --store to ask later")


def _check_numbers(
    scenes_every: float, stall: float, status_every: float, duration: float | None, speech_threshold: float
) -> None:
    wrong = {
        f"--scenes-every {scenes_every:g}: give minutes, above 0 and up to {LONGEST_SCENES_MIN:g}": not (
            0 < scenes_every <= LONGEST_SCENES_MIN
        ),
        f"--stall {stall:g}: give seconds above 0": not 0 < stall < math.inf,
        f"--status-every {status_every:g}: give minutes, or 0": not 0 <= status_every < math.inf,
        f"--duration {duration}: give seconds above 0": duration is not None and not 0 < duration < math.inf,
        f"--speech-threshold {speech_threshold:g}: give a score from 0 to 1": not 0 <= speech_threshold <= 1,
    }
    for message, is_wrong in wrong.items():
        if is_wrong:
            raise SettingsError(message)


def _open_sinks(webhook: str | None, mqtt: str | None) -> list[Sink]:
    from earwitness.live import JsonLines, open_mqtt, open_webhook

    sinks: list[Sink] = [JsonLines(sys.stdout)] if sys.stdout else []  # None where it is closed
    if webhook:
        sinks.append(open_webhook(webhook))
    if mqtt:
        sinks.append(open_mqtt(mqtt))
    return sinks
