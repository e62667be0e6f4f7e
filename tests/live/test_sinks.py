"""Receivers that are slow, dead, full or unwilling: listening goes on, order stays, what is lost is counted."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from earwitness.errors import MissingExtraError, OutputError
from earwitness.live.sinks import Delivery, JsonLines, LineRefused, open_mqtt, open_webhook, parse_mqtt


def wait_until(is_so: Callable[[], bool], limit_s: float = 5.0) -> None:
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.01)


def test_lines_are_written_and_flushed() -> None:
    class Flushed(io.StringIO):
        n_flushed = 0

        def flush(self) -> None:
            self.n_flushed += 1

    stream = Flushed()
    JsonLines(stream).send({"word": "ünïcode"})
    assert (stream.getvalue(), stream.n_flushed) == ('{"word": "ünïcode"}\n', 1)


def test_a_reader_that_went_away_is_an_error_of_ours() -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(OutputError, match="standard output: cannot be written"):
        JsonLines(Broken()).send({})


def test_what_a_reader_left_unread_is_let_go() -> None:
    reads, writes = os.pipe()
    stream = os.fdopen(writes, "w")
    os.close(reads)
    with pytest.raises(OutputError, match="standard output: cannot be written"):
        JsonLines(stream).send({"kind": "status"})
    stream.close()  # as Python does at its end: what it still holds goes nowhere


def test_lines_are_delivered_in_order() -> None:
    taken: list[int] = []
    sink = Delivery("webhook", lambda line: taken.append(line["n"]))
    for n in range(100):
        sink.send({"n": n})
    sink.close(5.0)
    assert taken == list(range(100))
    assert sink.counts()["webhook_sent"] == 100


def test_a_receiver_that_is_down_gets_the_lines_when_it_is_up() -> None:
    taken: list[int] = []
    is_up = threading.Event()

    def deliver(line: dict[str, Any]) -> None:
        if not is_up.is_set():
            raise ConnectionError("down")
        taken.append(line["n"])

    sink = Delivery("webhook", deliver, first_wait_s=0.01)
    for n in range(5):
        sink.send({"n": n})
    time.sleep(0.05)
    assert sink.counts()["webhook_waiting"] >= 4
    is_up.set()
    wait_until(lambda: len(taken) == 5)
    sink.close(1.0)
    assert taken == [0, 1, 2, 3, 4]
    assert sink.counts() == {"webhook_sent": 5, "webhook_refused": 0, "webhook_dropped": 0, "webhook_waiting": 0}


def test_of_too_many_lines_the_oldest_are_dropped_and_counted_and_nobody_waits() -> None:
    taken: list[int] = []
    may_go = threading.Event()

    def deliver(line: dict[str, Any]) -> None:
        may_go.wait(5.0)
        taken.append(line["n"])

    sink = Delivery("mqtt", deliver, most_waiting=10)
    started = time.monotonic()
    for n in range(1000):
        sink.send({"n": n})
    assert time.monotonic() - started < 1.0, "a slow receiver holds nobody up"
    assert sink.counts()["mqtt_waiting"] <= 10
    may_go.set()
    sink.close(5.0)
    assert taken[-10:] == list(range(990, 1000))
    assert sink.n_sent + sink.n_dropped == 1000


def test_what_is_refused_is_not_sent_again() -> None:
    tried: list[int] = []

    def deliver(line: dict[str, Any]) -> None:
        tried.append(line["n"])
        if line["n"] == 0:
            raise LineRefused

    sink = Delivery("webhook", deliver)
    sink.send({"n": 0})
    sink.send({"n": 1})
    sink.close(2.0)
    assert tried == [0, 1]
    assert (sink.n_refused, sink.n_sent) == (1, 1)


def test_closing_does_not_wait_for_ever_and_counts_what_is_left() -> None:
    def deliver(line: dict[str, Any]) -> None:
        raise TimeoutError

    sink = Delivery("webhook", deliver, first_wait_s=30.0)
    for _ in range(3):
        sink.send({})
    started = time.monotonic()
    sink.close(0.2)
    assert time.monotonic() - started < 2.0
    assert sink.n_dropped == 3


class Hook(BaseHTTPRequestHandler):
    """Answers with the codes in turn, then 204."""

    codes: ClassVar[list[int]] = []
    came: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        line = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code = self.codes.pop(0) if self.codes else 204
        if code == 204:
            self.came.append(line)
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.codes, Hook.came = [], []
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_a_webhook_gets_each_line_and_a_failing_one_gets_it_again(hook: str) -> None:
    Hook.codes = [503, 429, 400]
    sink = open_webhook(hook)
    sink.first_wait_s = 0.01
    for n in range(3):
        sink.send({"n": n})
    sink.close(5.0)
    assert Hook.came == [{"n": 1}, {"n": 2}], "503 and 429 are tried again, 400 is not"
    assert (sink.n_sent, sink.n_refused, sink.n_dropped) == (2, 1, 0)


def test_a_webhook_that_is_not_http_is_refused() -> None:
    for wrong in ("ftp://x", "http://", "http://[x", "http://a b/"):
        with pytest.raises(OutputError, match="begins with http"):
            open_webhook(wrong)


def test_an_answer_that_is_no_http_is_tried_again() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    answers = [b"nonsense\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"]

    def answer() -> None:
        for each in answers:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(each)

    thread = threading.Thread(target=answer)
    thread.start()
    sink = open_webhook(f"http://127.0.0.1:{server.getsockname()[1]}/")
    sink.first_wait_s = 0.01
    sink.send({"n": 1})
    thread.join(5.0)
    sink.close(5.0)
    server.close()
    assert sink.n_sent == 1


class FakeBroker:
    """Stands in for paho's client: connected or not, a publication that is answered or not."""

    def __init__(self) -> None:
        self.is_up, self.is_answering = False, True
        self.calls: list[tuple[Any, ...]] = []
        self.published: list[tuple[str, Any, int]] = []

    def is_connected(self) -> bool:
        return self.is_up

    def publish(self, topic: str, payload: str, qos: int) -> FakeBroker:
        self.published.append((topic, json.loads(payload), qos))
        return self

    def wait_for_publish(self, _: float) -> None:
        if not self.is_answering:
            raise RuntimeError("the connection went")

    def is_published(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.calls.append((name, *given))


@pytest.mark.slow
def test_mqtt_lines_wait_for_the_broker_and_come_at_least_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_MQTT_USER", "me")
    monkeypatch.setenv("EARWITNESS_MQTT_PASSWORD", "secret")
    broker = FakeBroker()
    sink = open_mqtt("host:8883/a/b", broker)
    sink.first_wait_s = 0.01
    sink.send({"n": 1})
    time.sleep(0.05)
    assert broker.published == []
    broker.is_up, broker.is_answering = True, False
    wait_until(lambda: len(broker.published) >= 1)
    broker.is_answering = True
    wait_until(lambda: sink.n_sent == 1)
    sink.close(1.0)
    assert broker.published[-1] == ("a/b", {"n": 1}, 1)
    names = [("username_pw_set", "me", "secret"), ("tls_set",), ("connect_async", "host", 8883), ("loop_start",)]
    assert broker.calls[:4] == names


def answer_as_broker(server: socket.socket, came: list[tuple[str, dict[str, Any]]]) -> None:
    """Speak as much of MQTT 3.1.1 as one client with QoS 1 needs."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as stream:
        while kind := stream.read(1):
            length, shift = 0, 0
            while (byte := stream.read(1)[0]) & 128:
                length, shift = length | (byte & 127) << shift, shift + 7
            body = stream.read(length | byte << shift)
            if kind[0] >> 4 == 1:  # CONNECT
                connection.sendall(b"\x20\x02\x00\x00")
            elif kind[0] >> 4 == 3:  # PUBLISH
                end = 2 + int.from_bytes(body[:2], "big")
                came.append((body[2:end].decode(), json.loads(body[end + 2 :])))
                connection.sendall(b"\x40\x02" + body[end : end + 2])
            elif kind[0] >> 4 == 14:  # DISCONNECT
                return


def test_real_paho_and_a_small_broker_understand_each_other() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    came: list[tuple[str, dict[str, Any]]] = []
    thread = threading.Thread(target=answer_as_broker, args=(server, came))
    thread.start()
    sink = open_mqtt(f"127.0.0.1:{server.getsockname()[1]}/earwitness/porch")
    sink.first_wait_s = 0.05
    for n in range(3):
        sink.send({"n": n, "text": "x" * 300})  # longer than one byte of length tells
    wait_until(lambda: sink.n_sent == 3)
    sink.close(2.0)
    thread.join(5.0)
    server.close()
    assert [(topic, line["n"]) for topic, line in came] == [("earwitness/porch", n) for n in range(3)]
    assert not thread.is_alive(), "it says goodbye"


def test_a_broker_is_named_by_host_port_and_topic() -> None:
    assert parse_mqtt("broker.local/earwitness/porch") == ("broker.local", 1883, "earwitness/porch")
    assert parse_mqtt("mqtt://h:99/t") == ("h", 99, "t")
    for wrong in ("host", "host/", "/topic", "host:x/t", "host:0/t", "host/a/#", "host/+/b"):
        with pytest.raises(OutputError, match="HOST"):
            parse_mqtt(wrong)


def test_a_missing_paho_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingExtraError, match=r"earwitness\[live\]"):
        open_mqtt("host/t")


def test_real_paho_takes_a_broker_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = open_mqtt("127.0.0.1:1/t")
    sink.send({"n": 1})
    sink.close(0.3)
    assert sink.n_dropped == 1
