"""A server on this machine that behaves as servers on the network do: well, or badly in a chosen way."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Behaviour:
    """What the server has and how it gives it.

    Attributes:
        content: the file.
        takes_ranges: whether a Range is answered with a part of the file.
        drop_after: bytes after which each connection ends; None to send all.
        statuses: HTTP statuses of the next answers, before all goes well.
        etag: the file's version; empty to say none.
        says_length: whether the size is told.
        requests: the Range of each request so far; "" without one.
    """

    content: bytes
    takes_ranges: bool = True
    drop_after: int | None = None
    statuses: list[int] = field(default_factory=list)
    etag: str = '"1"'
    says_length: bool = True
    requests: list[str] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serve(content: bytes, **options: Any) -> Iterator[Behaviour]:
    """Give the behaviour of a server that has one file; what is changed in it holds from the next request on."""
    behaviour = Behaviour(content, **options)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server asks for
            answer(self, behaviour)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    behaviour.url = f"http://127.0.0.1:{server.server_port}/weights.zip"
    try:
        yield behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(handler: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
    """Answer one request."""
    wanted = handler.headers.get("Range", "")
    behaviour.requests.append(wanted)
    if behaviour.statuses:
        handler.send_error(behaviour.statuses.pop(0))
        return
    size, start = len(behaviour.content), 0
    is_same = handler.headers.get("If-Range", behaviour.etag) == behaviour.etag
    if behaviour.takes_ranges and is_same and (match := re.fullmatch(r"bytes=(\d+)-", wanted)):
        start = int(match[1])
        if start >= size:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{size}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
    else:
        handler.send_response(200)
    if behaviour.says_length:
        handler.send_header("Content-Length", str(size - start))
    if behaviour.etag:
        handler.send_header("ETag", behaviour.etag)
    handler.end_headers()
    end = size if behaviour.drop_after is None else start + behaviour.drop_after
    handler.wfile.write(behaviour.content[start:end])
