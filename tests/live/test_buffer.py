"""Sound that waits: bounded in seconds and in number, waited for or dropped and told, closed without a lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from earwitness.errors import AudioError
from earwitness.live import buffer as waiting_file
from earwitness.live.buffer import OVERRUN, WaitingSound, start_reading
from earwitness.live.items import AudioChunk, Break, Gap, Item, Trouble
from earwitness.live.pcm import PcmFormat
from earwitness.live.sources import ByteSource

SECOND = AudioChunk(np.zeros(16000, np.float32), 16000)


def test_a_source_that_can_wait_waits_and_loses_nothing() -> None:
    waiting = WaitingSound(limit_s=3.0)
    source = ByteSource("-", PcmFormat())
    thread = start_reading(iter([SECOND] * 50), source, waiting)
    time.sleep(0.15)
    assert waiting.waiting_s <= 3.0
    assert sum(isinstance(item, AudioChunk) for item in waiting) == 50
    thread.join(1.0)
    assert not thread.is_alive()


def test_of_a_source_that_goes_on_the_oldest_is_dropped_and_told() -> None:
    waiting = WaitingSound(limit_s=4.0)
    for _ in range(10):
        waiting.put(SECOND, is_dropping=True)
    waiting.close()
    items = list(waiting)
    lost_s = sum(item.lost_s for item in items if isinstance(item, Gap))
    assert [type(item) for item in items[:2]] == [Break, Gap]
    assert all(item.reason == OVERRUN for item in items if isinstance(item, Gap))
    assert lost_s + sum(isinstance(item, AudioChunk) for item in items) == 10


def test_gaps_among_what_is_dropped_are_not_forgotten() -> None:
    waiting = WaitingSound(limit_s=2.0)
    for item in (SECOND, Break("off"), Gap(7.0, "off"), Trouble("hot"), SECOND, SECOND):
        waiting.put(item, is_dropping=True)
    waiting.close()
    items = list(waiting)
    assert sum(item.lost_s for item in items if isinstance(item, Gap)) + sum(
        isinstance(item, AudioChunk) for item in items
    ) == pytest.approx(10.0)
    assert Trouble("hot") in items


def test_very_small_pieces_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_file, "MOST_ITEMS", 100)
    waiting = WaitingSound()
    one = AudioChunk(np.zeros(1, np.float32), 16000)
    for _ in range(1000):
        waiting.put(one, is_dropping=True)
        waiting.put(Trouble("the same again"), is_dropping=True)
        waiting.put(Trouble("the same again"), is_dropping=True)
    waiting.close()
    assert len(list(waiting)) < 250


def test_a_piece_knows_how_much_waited_before_it() -> None:
    waiting = WaitingSound()
    for _ in range(3):
        waiting.put(SECOND, is_dropping=True)
    waiting.close()
    assert [item.behind_s for item in waiting if isinstance(item, AudioChunk)] == [0, 1, 2]


def test_closing_gives_out_what_waits_and_stopping_does_not() -> None:
    for is_stopped, n_left in ((False, 2), (True, 0)):
        waiting = WaitingSound()
        for _ in range(2):
            waiting.put(SECOND, is_dropping=True)
        if is_stopped:
            waiting.stop()
        else:
            waiting.close()
        waiting.put(SECOND, is_dropping=True)
        assert len(list(waiting)) == n_left


def test_closing_ends_a_waiting_listener_even_while_the_lock_is_held() -> None:
    waiting = WaitingSound()
    with waiting._changed:  # as in a signal handler that comes at a bad moment
        thread = threading.Thread(target=waiting.close)
        thread.start()
        thread.join(1.0)
        assert not thread.is_alive()
    assert list(waiting) == []


def test_what_goes_wrong_in_reading_is_raised_after_what_came() -> None:
    def items() -> Iterator[Item]:
        yield SECOND
        raise AudioError("torn")

    waiting = WaitingSound()
    start_reading(items(), ByteSource("-", PcmFormat()), waiting)
    came = next(waiting)
    assert isinstance(came, AudioChunk)
    assert np.array_equal(came.samples, SECOND.samples)
    with pytest.raises(AudioError, match="torn"):
        next(waiting)
