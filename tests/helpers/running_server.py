"""A real server on a free port of this machine, in a thread, and what its clients need."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import numpy as np
import soundfile

from earwitness.server.limits import Limits
from earwitness.server.run import bind, make_server, print_url
from earwitness.server.security import Access
from earwitness.server.service import Options, Service
from earwitness.settings import Settings

PATIENCE_S = 60.0


class RunningServer:
    """Use it in a `with` block; `client` sends requests to it."""

    def __init__(self, storage: Path, limits: Limits | None = None, access: Access | None = None) -> None:
        access = access or Access()
        self.server = make_server(Options(Settings(), storage, is_mpnet_loaded=False), limits, access)
        self.listening = bind(access.host, 0)
        self.url = print_url(self.listening).replace("0.0.0.0", "127.0.0.1")
        self.address = ("127.0.0.1", self.listening.getsockname()[1])
        self.thread = threading.Thread(target=self.server.run, args=([self.listening],))

    def __enter__(self) -> RunningServer:
        self.thread.start()
        wait_until(lambda: self.server.started or not self.thread.is_alive())
        assert self.server.started, self.server.app.state.failure
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE_S)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.client.close()
        self.stop()

    def stop(self) -> None:
        self.server.handle_exit(signal.SIGTERM, None)
        self.thread.join(PATIENCE_S)
        self.listening.close()

    @property
    def service(self) -> Service:
        service: Service = self.server.app.state.service
        return service

    @property
    def worker(self) -> int:
        """The process id of its only worker, once it is ready."""
        wait_until(lambda: len(self.service.workers.pids) == 1)
        return self.service.workers.pids[0]

    def count_restarts(self) -> float:
        """Return how many workers were replaced so far."""
        return float(self.service.metrics.registry.get_sample_value("earwitness_worker_restarts_total") or 0)

    def upload(self, content: bytes, name: str = "street.wav", **kwargs: Any) -> httpx.Response:
        return self.client.post("/v1/recordings", params={"name": name}, content=content, **kwargs)

    def state(self, name_id: str) -> dict[str, Any]:
        response = self.client.get(f"/v1/recordings/{name_id}")
        assert response.status_code == 200, response.text
        state: dict[str, Any] = response.json()
        return state

    def analyse(self, content: bytes, name: str = "street.wav") -> dict[str, Any]:
        """Upload, wait until it is done or failed, and return its state."""
        response = self.upload(content, name)
        assert response.status_code == 202, response.text
        return self.wait_for(response.json()["id"], "done", "failed")

    def wait_for(self, name_id: str, *states: str) -> dict[str, Any]:
        wait_until(lambda: self.state(name_id)["state"] in states)
        return self.state(name_id)

    def hold(self) -> Held:
        """Keep the worker from going on, in a `with` block."""
        return Held(self.worker)

    def send_raw(self, content: bytes, timeout_s: float = 10.0) -> bytes:
        """Send bytes as they are, and return what comes until the server closes the connection."""
        with socket.create_connection(self.address, timeout=timeout_s) as connection:
            connection.sendall(content)
            received = b""
            while part := connection.recv(65536):
                received += part
            return received


class Held:
    """A process that is stopped for the time of a `with` block."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __enter__(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError):  # the test may have killed it
            os.kill(self.pid, signal.SIGCONT)


def wait_until(is_so: Any, patience_s: float = PATIENCE_S) -> None:
    ends = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < ends, "waited too long"
        time.sleep(0.01)


def write_sound(samples: np.ndarray, rate_hz: int = 16000, form: str = "WAV", **options: str) -> bytes:
    """Return samples as the bytes of a sound file."""
    file = io.BytesIO()
    n_channels = samples.shape[1] if samples.ndim == 2 else 1
    with soundfile.SoundFile(file, "w", rate_hz, n_channels, format=form, **options) as sound:
        for start in range(0, len(samples), rate_hz):  # libvorbis cannot take hours at once
            sound.write(samples[start : start + rate_hz])
    return file.getvalue()


def is_problem(response: httpx.Response, status: int, kind: str) -> bool:
    """Tell whether a response is this problem, whole and of the right type."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"urn:earwitness:problem:{kind}", problem
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return True
