"""Runs the server: uvicorn with the limits, until it is stopped.

In: `Options`, `Limits`, `Access`, a port. Out: served requests; no files are left on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from earwitness.errors import EarwitnessError, ServerError
from earwitness.server.app import make_app
from earwitness.server.limits import Limits
from earwitness.server.security import Access
from earwitness.server.service import Options

SWITCH_S = 0.001  # longest time that a thread may hold up the event loop; the default is 5 ms
N_PENDING = 512  # connections that the system holds until we accept them
LONGEST_HEADERS = 1 << 15  # bytes


class Server(uvicorn.Server):
    """uvicorn's server; uploads end as soon as it is stopped."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, on_ready: Callable[[str], None] | None = None) -> None:
        super().__init__(config)
        self.app, self.on_ready = app, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start and report the URL."""
        log = logging.getLogger("uvicorn.error")
        usual = log.level
        log.setLevel(logging.CRITICAL)  # `serve` raises the reason; no traceback here
        try:
            await super().startup(sockets)
        finally:
            log.setLevel(usual)
        if self.started and self.on_ready and sockets:
            self.on_ready(print_url(sockets[0]))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Refuse uploads and stop, on a signal."""
        if service := getattr(self.app.state, "service", None):
            service.is_stopping = True
        super().handle_exit(sig, frame)


def make_server(
    options: Options,
    limits: Limits | None = None,
    access: Access | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> Server:
    """Return a server that is not running yet."""
    limits, access = limits or Limits(), access or Access()
    app = make_app(options, limits, access)

    protocol = type("Protocol", (PatientProtocol,), {"header_s": limits.header_s})
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.max_connections,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=max(1, round(limits.stop_s)),
        h11_max_incomplete_event_size=LONGEST_HEADERS,
    )
    return Server(app, config, on_ready)


def serve(
    options: Options,
    limits: Limits | None = None,
    access: Access | None = None,
    port: int = 8765,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until a signal comes.

    Args:
        options, limits, access: see their classes.
        port: 0 for a free one.
        on_ready: called with the URL once requests are answered.

    Raises:
        ServerError: the port is taken, or a worker does not start.
    """
    access = access or Access()
    server = make_server(options, limits, access, on_ready)
    sys.setswitchinterval(SWITCH_S)
    with bind(access.host, port) as listening, contextlib.suppress(KeyboardInterrupt, SystemExit):  # it has stopped
        server.run([listening])
    failure = server.app.state.failure
    if isinstance(failure, EarwitnessError):
        raise failure
    if failure is not None or not server.started:
        raise ServerError(f"the server could not start ({failure!r})") from failure


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ServerError: the address cannot be used.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, number)
    except OSError as error:
        raise ServerError(f"--host {host}: {error.strerror}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(N_PENDING)
    except OSError as error:
        listening.close()
        raise ServerError(f"{host}:{port}: cannot listen there ({error.strerror}); choose another --port") from error
    return listening


def print_url(listening: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit for the headers of a request."""

    header_s = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer of a connection."""
        super().connection_made(transport)
        self._waits = self.loop.call_later(self.header_s, self._check_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._waits.cancel()
        super().connection_lost(exc)

    def _check_idle(self) -> None:
        """Close the connection if it is idle now and was idle at the last check."""
        is_idle = self.cycle is None or self.cycle.response_complete
        n_served = id(self.cycle)
        if is_idle and getattr(self, "_seen", None) == n_served:
            self.transport.close()
            return
        self._seen = n_served if is_idle else None
        self._waits = self.loop.call_later(self.header_s / 2, self._check_idle)
