"""Where lines go: standard output at once; a webhook or an MQTT broker through a bounded queue, so that neither a slow
nor a dead receiver stops the listener.

In: lines as plain values. Out: JSON. What could not be delivered is counted, and the counts are part of status lines.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from earwitness.errors import MissingExtraError, OutputError

MOST_WAITING = 1000  # lines; more than a day of a lively street
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
ANSWER_S = 10.0
POLL_S = 0.2
TOO_MANY, TIMED_OUT = 429, 408  # refusals that are worth another try
MQTT_PORT, MQTTS_PORT = 1883, 8883


class LineRefused(Exception):
    """The receiver refuses this line; sending it again is useless."""


class Sink(Protocol):
    """Takes lines."""

    def send(self, line: dict[str, Any]) -> None:
        """Take one line; returns at once."""

    def counts(self) -> dict[str, int]:
        """Return what became of the lines, by name."""

    def close(self, limit_s: float) -> None:
        """Deliver what waits, at most for `limit_s`."""


@dataclass
class JsonLines:
    """Writes each line to a text stream and flushes it."""

    stream: IO[str]

    def send(self, line: dict[str, Any]) -> None:
        """Write one line.

        Raises:
            OutputError: the stream's reader is gone, or the disk is full.
        """
        try:
            self.stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.stream.flush()
        except OSError as error:
            _discard_rest(self.stream)
            raise OutputError(f"standard output: cannot be written ({error.strerror or error})") from error

    def counts(self) -> dict[str, int]:
        """Return nothing: what is written is written."""
        return {}

    def close(self, limit_s: float) -> None:
        """Do nothing: all is written."""


@dataclass
class Delivery:
    """Delivers lines in order from a thread of its own; tries again what fails, drops the oldest when too many wait.

    Args:
        name: "webhook" or "mqtt", the prefix of the counts.
        deliver: sends one line; raises OSError where another try may help, `LineRefused` where not.
        on_close: called when nothing more is delivered.
    """

    name: str
    deliver: Callable[[dict[str, Any]], None]
    most_waiting: int = MOST_WAITING
    first_wait_s: float = FIRST_WAIT_S
    on_close: Callable[[], object] = lambda: None
    n_sent: int = 0
    n_dropped: int = 0
    n_refused: int = 0
    _waiting: deque[dict[str, Any]] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closing_at: float | None = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._work, name=f"deliver {self.name}", daemon=True)
        self._thread.start()

    def send(self, line: dict[str, Any]) -> None:
        """Take one line."""
        with self._changed:
            if len(self._waiting) >= self.most_waiting:
                self._waiting.popleft()
                self.n_dropped += 1
            self._waiting.append(line)
            self._changed.notify()

    def counts(self) -> dict[str, int]:
        """Return how many lines were sent, refused, dropped, and wait."""
        names = ("sent", "refused", "dropped", "waiting")
        numbers = (self.n_sent, self.n_refused, self.n_dropped, len(self._waiting))
        return {f"{self.name}_{name}": number for name, number in zip(names, numbers, strict=True)}

    def close(self, limit_s: float) -> None:
        """Deliver what waits, at most for `limit_s`; what is left then is dropped and counted."""
        with self._changed:
            self._closing_at = time.monotonic() + limit_s
            self._changed.notify()
        self._thread.join(limit_s + POLL_S)
        with self._changed:
            self.n_dropped += len(self._waiting)
            self._waiting.clear()
        self.on_close()

    def _work(self) -> None:
        wait_s = self.first_wait_s
        while (line := self._take()) is not None:
            try:
                self.deliver(line)
                self.n_sent += 1
                wait_s = self.first_wait_s
            except LineRefused:
                self.n_refused += 1
            except OSError:
                self._put_back(line)
                self._rest(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _take(self) -> dict[str, Any] | None:
        """Return the next line; None when all is done, or the time to do it is over."""
        with self._changed:
            while not self._waiting and self._closing_at is None:
                self._changed.wait(POLL_S)
            is_late = self._closing_at is not None and time.monotonic() >= self._closing_at
            return None if is_late or not self._waiting else self._waiting.popleft()

    def _put_back(self, line: dict[str, Any]) -> None:
        with self._changed:
            if len(self._waiting) >= self.most_waiting:
                self.n_dropped += 1  # it is the oldest
            else:
                self._waiting.appendleft(line)

    def _rest(self, wait_s: float) -> None:
        """Wait before the next try; not beyond the time that closing leaves."""
        until = time.monotonic() + wait_s
        while (left_s := min(until, self._closing_at or until) - time.monotonic()) > 0:
            time.sleep(min(left_s, POLL_S))


def open_webhook(url: str) -> Delivery:
    """Return a sink that posts each line as JSON to a URL.

    Raises:
        OutputError: the URL is not one of HTTP.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in url
    except ValueError:
        is_right = False
    if not is_right:
        raise OutputError(f"--webhook {url}: give a URL that begins with http:// or https://")

    def deliver(line: dict[str, Any]) -> None:
        body = json.dumps(line).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json", "User-Agent": "earwitness"})
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                answer.read(1)
        except urllib.error.HTTPError as error:
            error.close()
            if 400 <= error.code < 500 and error.code not in (TIMED_OUT, TOO_MANY):
                raise LineRefused(f"{url}: {error.code}") from error
            raise
        except http.client.HTTPException as error:
            raise ConnectionError(f"{url}: {error!r}") from error

    return Delivery("webhook", deliver)


def open_mqtt(where: str, client: Any = None) -> Delivery:
    """Return a sink that publishes each line, at least once, to HOST[:PORT]/TOPIC; port 8883 means TLS.

    The user's name and password come from EARWITNESS_MQTT_USER and EARWITNESS_MQTT_PASSWORD. `client` stands in for
    paho's in tests.

    Raises:
        OutputError: `where` is not of that form.
        MissingExtraError: paho-mqtt is not installed.
    """
    host, port, topic = parse_mqtt(where)
    client = client or _make_client()
    if user := os.environ.get("EARWITNESS_MQTT_USER"):
        client.username_pw_set(user, os.environ.get("EARWITNESS_MQTT_PASSWORD"))
    if port == MQTTS_PORT:
        client.tls_set()
    client.connect_async(host, port)  # paho connects, and connects again, in a thread of its own
    client.loop_start()

    def deliver(line: dict[str, Any]) -> None:
        if not client.is_connected():
            raise ConnectionError(f"{host}:{port}: not connected")
        receipt = client.publish(topic, json.dumps(line), qos=1)
        try:
            receipt.wait_for_publish(ANSWER_S)
        except (RuntimeError, ValueError) as error:  # the connection went, or paho's own queue is full
            raise ConnectionError(f"{host}:{port}: {error}") from error
        if not receipt.is_published():
            raise TimeoutError(f"{host}:{port}: no answer in {ANSWER_S:g} s")

    return Delivery("mqtt", deliver, on_close=client.disconnect)


def parse_mqtt(where: str) -> tuple[str, int, str]:
    """Return host, port and topic of HOST[:PORT]/TOPIC.

    Raises:
        OutputError: it is not of that form.
    """
    place, _, topic = where.removeprefix("mqtt://").partition("/")
    host, _, port = place.partition(":")
    is_right = host and topic and (not port or (port.isdigit() and 0 < int(port) < 65536))
    if not is_right or "+" in topic or "#" in topic:
        raise OutputError(f"--mqtt {where}: give HOST[:PORT]/TOPIC, such as broker.local/earwitness/porch")
    return host, int(port) if port else MQTT_PORT, topic


def _make_client() -> Any:
    try:
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as error:
        raise MissingExtraError("MQTT needs paho-mqtt: pip install 'earwitness[live]'") from error
    return mqtt.Client(CallbackAPIVersion.VERSION2)


def _discard_rest(stream: IO[str]) -> None:
    """Discard what a stream still holds: Python flushes it once more at exit, and would fail with status 120."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
