"""Access to the server, and security headers for browsers.

In: every request, before any other code. Out: the request, or a problem; and the same headers on every response. On a
private machine the danger is other web sites: their pages may send requests to 127.0.0.1, under its name or, after DNS
rebinding, under theirs. Therefore unknown names in Host and writes from other origins are refused.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earwitness.errors import SettingsError
from earwitness.server.problems import MEDIA_TYPE, Problem, Refused

logger = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OWN_NAMES = ("localhost", "127.0.0.1", "::1")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
NEEDS_NO_TOKEN = ("/v1/health",)
LEAST_TOKEN = 16  # characters


@dataclass(frozen=True)
class Access:
    """Who may use the server.

    Attributes:
        host: the address that it binds to.
        token: the bearer token of requests under /v1; None only for an address of this machine.
        names: further host names of the server, such as that of a proxy.

    Raises:
        SettingsError: another machine could reach it without a token, or the token is short.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.token is None and not is_own_address(self.host):
            raise SettingsError(
                f"--host {self.host}: other machines could use this server, so it needs a token; make one: "
                "export EARWITNESS_TOKEN=$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')"
            )
        if self.token is not None and (len(self.token) < LEAST_TOKEN or not self.token.isascii()):
            raise SettingsError(f"the token has {len(self.token)} characters; give {LEAST_TOKEN} or more, in ASCII")

    def allows_host(self, host: str) -> bool:
        """Return whether a Host header names this server; with a token and without `names`, any does."""
        if self.token is not None and not self.names:
            return bool(host)
        return _strip_port(host) in (*OWN_NAMES, *(name.lower() for name in self.names))

    def allows_token(self, authorization: str) -> bool:
        """Return whether an Authorization header has the token."""
        if self.token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode())


class Guard:
    """Middleware that checks each request and adds the headers to each response."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        has_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/v1/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            check_request(scope, self.access)
        except Refused as refused:
            await send_problem(refused.problem, send_guarded)
            return
        try:
            await self.app(scope, receive, send_guarded)
        except Exception:  # the details go to the log, not to the client
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if not has_begun:
                await send_problem(Problem("failed", "an internal error; see the log of the server"), send_guarded)


def check_request(scope: Scope, access: Access) -> None:
    """Check a request's framing, host, origin and token.

    Raises:
        Refused: one of them is wrong.
    """
    headers = Headers(scope=scope)
    if "content-length" in headers and "transfer-encoding" in headers:  # a proxy may disagree about the end of the body
        raise Refused("bad-request", "Content-Length and Transfer-Encoding: give one of them")
    host = headers.get("host", "")
    if not access.allows_host(host):
        raise Refused("wrong-host", f"{host[:100]!r} is not a name of this server; give it with --name")
    if scope["method"] not in SAFE_METHODS:
        _check_origin(headers, host)
    is_open = scope["path"] in NEEDS_NO_TOKEN or not scope["path"].startswith("/v1/")
    if not is_open and not access.allows_token(headers.get("authorization", "")):
        raise Refused("token-needed", "send the header Authorization: Bearer TOKEN", www_authenticate="Bearer")


async def send_problem(problem: Problem, send: Send) -> None:
    """Send a problem as the whole response, and close the connection after it."""
    body = json.dumps(problem.to_dict()).encode()
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), "connection": "close", **problem.headers}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def is_own_address(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_origin(headers: Headers, host: str) -> None:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise Refused("foreign-site", "a page of another site sent this request")
    if origin is not None and urlsplit_host(origin) != host.lower():
        raise Refused("foreign-site", f"a page of {origin[:100]!r} sent this request")


def urlsplit_host(origin: str) -> str:
    """Return the host and port of an origin; empty for one that is opaque ("null") or no URL."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _strip_port(host: str) -> str:
    """Return the name or address of a Host header."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
