"""Items of live sound for tests: made up, or a recording cut in pieces; and what a listener makes of them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from earwitness.audio.read import mix_down
from earwitness.encoders.load import LoadedEncoder
from earwitness.live.clock import StreamClock
from earwitness.live.event_lines import EventLine
from earwitness.live.items import AudioChunk, Item
from earwitness.live.listener import Line, Listener, LiveQuery
from earwitness.recognition.pipeline import understand
from earwitness.settings import Settings

RATE_HZ = 16000


class ListedItems:
    """Items that are all there; `waiting_s` says how much sound is to be taken for ready at any time."""

    def __init__(self, items: Iterable[Item], waiting_s: float = 0.0) -> None:
        self.items, self.ready_s = iter(items), waiting_s

    @property
    def waiting_s(self) -> float:
        return self.ready_s

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return next(self.items)


def cut(samples: np.ndarray, rate_hz: int = RATE_HZ, sizes: Sequence[int] = (8000,)) -> list[Item]:
    """Return samples as pieces of these sizes in turn."""
    chunks: list[Item] = []
    at = 0
    while at < len(samples):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(AudioChunk(mix_down(samples[at : at + size]), rate_hz))
        at += size
    return chunks


def listen(
    items: Iterable[Item],
    words: Sequence[str],
    encoder: LoadedEncoder,
    settings: Settings | None = None,
    waiting_s: float = 0.0,
    **query: object,
) -> list[Line]:
    """Return all lines of a listener; its time of day begins in 1970."""
    wanted = LiveQuery(understand(tuple(words)), settings or Settings(), **query)  # type: ignore[arg-type]
    listener = Listener(encoder, wanted, StreamClock(now=lambda: 0.0, monotonic=lambda: 0.0))
    return list(listener.listen(ListedItems(items, waiting_s)))


def events_of(lines: Iterable[Line], state: str = "ended") -> list[EventLine]:
    """Return the lines of events with a state."""
    return [line for line in lines if isinstance(line, EventLine) and line.state == state]


def make_wav_header(code: int, n_channels: int, rate_hz: int, n_bits: int, n_bytes: int, extra: bytes = b"") -> bytes:
    """Return a wav header with whatever length of its sound; `extra` are chunks before it."""
    size = n_bits // 8 * n_channels
    form = struct.pack("<HHIIHH", code, n_channels, rate_hz, rate_hz * size, size, n_bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + extra + b"data" + struct.pack("<I", n_bytes)
    return b"RIFF" + struct.pack("<I", min(0xFFFFFFFF, n_bytes + 36)) + b"WAVE" + chunks
