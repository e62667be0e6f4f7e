"""Receives a request's body within the limits on size and speed, without holding it in memory.

In: an ASGI request. Out: a file, or bytes; or a refusal. After a refusal the body is read on for a moment, because a
client may never see the answer if the connection closes with unread bytes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from earwitness.server.limits import Limits
from earwitness.server.problems import MEDIA_TYPE, STOPPING, Problem, Refused

BUFFER = 1 << 18  # bytes that go to the disk at once, in a thread
SLICE_S = 0.5  # how often a waiting upload checks whether the server is stopping
LINGER_S = 1.0
LINGER_BYTES = 1 << 24


async def receive_file(
    request: Request, path: Path, limits: Limits, is_stopping: Callable[[], bool], on_bytes: Callable[[int], None]
) -> int:
    """Write a request's body to a file; return its size. `on_bytes` gets the number of bytes so far and may refuse.

    Raises:
        Refused: it is empty, too large or too slow, or the server is stopping.
        ClientDisconnect: the client disconnected.
        OSError: the file cannot be written.
    """
    n_bytes, held = 0, bytearray()
    with path.open("wb", buffering=0) as file:
        async for part in read_parts(request, limits, is_stopping):
            n_bytes += len(part)
            if n_bytes > limits.max_upload_bytes:
                raise Refused("too-large", _name_largest(limits))
            on_bytes(n_bytes)
            held += part
            if len(held) >= BUFFER:
                await asyncio.to_thread(file.write, bytes(held))
                held.clear()
        await asyncio.to_thread(file.write, bytes(held))
    if not n_bytes:
        raise Refused("unreadable", "the upload is empty (0 bytes); send the recording as the body")
    return n_bytes


async def receive_bytes(request: Request, n_most: int, limits: Limits, is_stopping: Callable[[], bool]) -> bytes:
    """Return a request's body.

    Raises:
        Refused: see `receive_file`.
        ClientDisconnect: the client disconnected.
    """
    body = bytearray()
    async for part in read_parts(request, limits, is_stopping):
        body += part
        if len(body) > n_most:
            raise Refused("too-large", f"the query is larger than the {n_most / 1e3:g} kB that this server accepts")
    return bytes(body)


async def read_parts(request: Request, limits: Limits, is_stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield a request's body as it arrives.

    Raises:
        Refused: it is too slow, or the server is stopping.
        ClientDisconnect: the client disconnected.
    """
    begun = last = time.monotonic()
    n_bytes, has_more = 0, True
    while has_more:
        try:
            message = await asyncio.wait_for(request.receive(), min(SLICE_S, limits.upload_idle_s))
        except asyncio.TimeoutError:
            message = {}
        now = time.monotonic()
        if message.get("type") == "http.disconnect":
            raise ClientDisconnect
        if is_stopping():
            raise Refused("stopping", STOPPING, retry_after="5")
        if part := message.get("body", b""):
            n_bytes, last = n_bytes + len(part), now
            yield part
        has_more = message.get("more_body", False) if message else True
        if has_more:
            _check_pace(n_bytes, now - begun, now - last, limits)


def check_announced(request: Request, limits: Limits) -> int:
    """Return the size that an upload announces, 0 if it does not; refuse one that is too large before it is sent.

    Raises:
        Refused: it is.
    """
    announced = request.headers.get("content-length", "")
    n_bytes = int(announced) if announced.isdigit() and len(announced) < 20 else 0
    if n_bytes > limits.max_upload_bytes or len(announced) >= 20:
        raise Refused("too-large", _name_largest(limits))
    return n_bytes


class ProblemResponse(Response):
    """A problem; after some kinds, which leave the body unread, the connection is closed."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem) -> None:
        self.is_closing = problem.status in (408, 413, 415, 429, 503)
        headers = {"connection": "close", **problem.headers} if self.is_closing else dict(problem.headers)
        super().__init__(json.dumps(problem.to_dict()), problem.status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.is_closing:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
        await _linger(receive)
        await send({"type": "http.response.body", "body": b""})


async def _linger(receive: Receive) -> None:
    ends, n_bytes = time.monotonic() + LINGER_S, 0
    while n_bytes < LINGER_BYTES and (left_s := ends - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(receive(), left_s)
        except asyncio.TimeoutError:
            return
        n_bytes += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


def _check_pace(n_bytes: int, elapsed_s: float, idle_s: float, limits: Limits) -> None:
    if idle_s >= limits.upload_idle_s:
        raise Refused("too-slow", f"no data for {limits.upload_idle_s:g} s")
    if elapsed_s > limits.upload_idle_s and n_bytes < 1e3 * limits.upload_least_kb_s * elapsed_s:
        raise Refused("too-slow", f"it is slower than the {limits.upload_least_kb_s:g} kB/s that this server requires")


def _name_largest(limits: Limits) -> str:
    return f"the upload is larger than the {limits.max_upload_mb:g} MB that this server accepts; cut or compress it"
