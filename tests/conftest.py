"""Sounds made here, the embedded encoder, and the way to the files that the repository does not hold."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: on clips this short threads only wait for each other

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import earwitness
from earwitness.encoders.load import LoadedEncoder
from made_sounds import RATE_HZ, WriteWav, make_noise, make_tone

MARKED_FIXTURES = {"browser", "shared"}  # each has a mark of its name
pytest_plugins = ["made_archives", "optional_packages"]


@pytest.hookimpl(tryfirst=True)  # before -m chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that show a page in a browser, or read files that the repository cannot hold."""
    for item in items:
        for name in MARKED_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(name)


@pytest.fixture
def tone() -> np.ndarray:
    return make_tone()


@pytest.fixture
def noise() -> np.ndarray:
    return make_noise()


@pytest.fixture
def write_wav(tmp_path: Path) -> WriteWav:
    """Give a function that writes samples to a sound file in the test's folder and returns its path."""

    def write(name: str, samples: np.ndarray, rate_hz: int = RATE_HZ, **options: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate_hz, **options)
        return path

    return write


@pytest.fixture
def extract_all(tmp_path: Path) -> Path:
    """Give a settings file with which every word is heard from beginning to end."""
    path = tmp_path / "hear_all.toml"
    path.write_text("event_threshold = 0.0\nevent_hold = 0.0\n")
    return path


@pytest.fixture(scope="session")
def encoder() -> LoadedEncoder:
    """Load the embedded encoder once."""
    return earwitness.load_encoder()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of files that the repository does not hold."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: it holds the data sets and golden files that cannot be shipped")
    return folder


@pytest.fixture(scope="module")  # while playwright runs, asyncio.run cannot: other files' tests need it
def browser() -> Iterator[Any]:
    """Start Chromium once for a file of tests; skip where it or playwright is not installed."""
    programs = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    path = next(programs, None)
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    with sync_api.sync_playwright() as playwright:
        microphone = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # it beeps
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *microphone]
        started = playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Give a function that opens a file or address in a new window; errors that the page tells fail the test."""
    contexts, wrong = [], []

    def open_it(address: Path | str, **options: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        page = contexts[-1].new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address.as_uri() if isinstance(address, Path) else address)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture(scope="session")
def demo() -> np.ndarray:
    """The first 12 s of the demo: rain, a telephone at 2.1 s, a dog at 6.2 s, thunder at 9.1 s."""
    from demo_recording import make_recording

    return make_recording()[0][: 12 * RATE_HZ]


@pytest.fixture(scope="session")
def demo_wav(demo: np.ndarray) -> bytes:
    from running_server import write_sound  # tests/serving, for which these are

    return write_sound(demo)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One server with the usual limits, for all tests that only ask it."""
    from running_server import RunningServer

    with RunningServer(tmp_path_factory.mktemp("spool")) as running:
        yield running


@pytest.fixture(scope="session")
def detected(server: Any, demo_wav: bytes) -> str:
    """The id of the demo, which the server has heard."""
    state = server.analyse(demo_wav)
    assert state["state"] == "done", state
    return str(state["id"])


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def open_served(browser: Any) -> Iterator[Callable[..., Any]]:
    """Give a function that opens a server's page; what its console tells fails the test, but for what is `expected`."""
    from served_page import ServedPage

    opened: list[ServedPage] = []

    def open_it(running: Any, words: str = "", expected: tuple[str, ...] = (), **options: Any) -> ServedPage:
        opened.append(ServedPage(browser, running.url, words, expected, options))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()
    assert not [said for each in opened for said in each.wrong]
