"""The whole demo, in place of its beginning: in 30 s the rain is told from what stands out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from demo_recording import make_recording
from running_server import write_sound


@pytest.fixture(scope="session")
def demo() -> np.ndarray:
    """The demo: rain, a telephone at 2.1 s, a dog at 6.2 s, thunder at 9.1 s, and more; 30 s."""
    return make_recording()[0]


@pytest.fixture(scope="session")
def demo_wav(demo: np.ndarray) -> bytes:
    return write_sound(demo)


@pytest.fixture(scope="session")
def detected(server: Any, demo_wav: bytes) -> str:
    """The id of the demo, which the server has heard."""
    state = server.analyse(demo_wav)
    assert state["state"] == "done", state
    return str(state["id"])
