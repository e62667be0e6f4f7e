"""Live listening: sound as it arrives, events as they begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.live.listener import LiveQuery
    from earwitness.live.microphone import list_devices
    from earwitness.live.pcm import PcmFormat
    from earwitness.live.session import Session
    from earwitness.live.sinks import JsonLines, Sink, open_mqtt, open_webhook
    from earwitness.live.sources import choose_source

__getattr__ = load_on_use(__name__)
