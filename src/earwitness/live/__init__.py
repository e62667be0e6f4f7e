"""Live listening: sound as it comes in, events as they begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.live.buffer import WaitingSound, start_reading, wait_for
    from earwitness.live.clock import StreamClock
    from earwitness.live.json_lines import status, to_plain
    from earwitness.live.listener import LiveQuery, Listener
    from earwitness.live.microphone import list_devices
    from earwitness.live.pcm import PcmFormat
    from earwitness.live.reconnect import Patience, read_on
    from earwitness.live.segments import Segments
    from earwitness.live.sinks import JsonLines, Sink, open_mqtt, open_webhook
    from earwitness.live.sources import Source, choose_source
    from earwitness.live.to_archive import TagKeeper

_HOMES = {
    "buffer": "WaitingSound start_reading wait_for",
    "clock": "StreamClock",
    "json_lines": "status to_plain",
    "listener": "LiveQuery Listener",
    "microphone": "list_devices",
    "pcm": "PcmFormat",
    "reconnect": "Patience read_on",
    "segments": "Segments",
    "sinks": "JsonLines Sink open_mqtt open_webhook",
    "sources": "Source choose_source",
    "to_archive": "TagKeeper",
}

__getattr__ = load_on_use(__name__, _HOMES)
