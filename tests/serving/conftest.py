"""One server with the usual limits for all tests that only ask it, and the sound that they send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running_server import RunningServer, write_sound
from served_page import OpenServed, ServedPage

from demo_recording import make_recording


@pytest.fixture(scope="session")
def demo() -> np.ndarray:
    """The first 12 s of the demo: rain, a telephone at 2.1 s, a dog at 6.2 s, thunder at 9.1 s."""
    return make_recording()[0][: 12 * 16000]


@pytest.fixture(scope="session")
def demo_wav(demo: np.ndarray) -> bytes:
    return write_sound(demo)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("spool")) as running:
        yield running


@pytest.fixture(scope="session")
def heard(server: RunningServer, demo_wav: bytes) -> str:
    """The id of the demo, which the server has heard."""
    state = server.hear(demo_wav)
    assert state["state"] == "done", state
    return str(state["id"])


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def open_served(browser: Any) -> Iterator[OpenServed]:
    """Give a function that opens a server's page; what its console tells fails the test, but for what is `expected`."""
    opened: list[ServedPage] = []

    def open_it(running: RunningServer, words: str = "", expected: tuple[str, ...] = (), **options: Any) -> ServedPage:
        opened.append(ServedPage(browser, running.url, words, expected, options))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()
    assert not [said for each in opened for said in each.wrong]
