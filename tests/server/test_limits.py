"""Every limit ends in its status with a problem that names it, and the server goes on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from earwitness.errors import SettingsError
from earwitness.server.limits import Limits, read_limits
from earwitness.settings import read_fields
from running_server import RunningServer, is_problem, wait_until, write_sound

pytestmark = pytest.mark.slow

TIGHT = Limits(
    max_upload_mb=0.5,
    max_duration_s=10,
    max_rate_hz=96_000,
    max_channels=4,
    max_waiting=2,
    max_recordings=5,
    upload_idle_s=0.4,
    upload_least_kb_s=50,
    max_words=3,
    max_question_kb=1,
    header_s=0.5,
)


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("tight"), TIGHT) as running:
        yield running


@pytest.fixture(autouse=True)
def is_healthy_after(tight: RunningServer) -> Iterator[None]:
    """After each test, a recording is still heard, and nothing of a refused one stays."""
    yield
    wait_until(lambda: not tight.service.recordings.count("waiting", "working"))
    for each in tight.service.recordings:
        tight.client.delete(f"/v1/recordings/{each.id}")
    assert tight.analyse(short())["state"] == "done"
    assert tight.client.delete(f"/v1/recordings/{only(tight)}").status_code == 204
    assert [path.name for path in tight.service.storage.folder.iterdir()] == ["lock"]


def only(server: RunningServer) -> str:
    (recording,) = server.service.recordings
    return recording.id


def short(duration_s: float = 1.0, rate_hz: int = 16000, n_channels: int = 1) -> bytes:
    return write_sound(np.full((round(duration_s * rate_hz), n_channels), 0.1, np.float32), rate_hz)


def test_a_large_upload_is_refused_before_it_is_sent(tight: RunningServer) -> None:
    head = b"POST /v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000000\r\n\r\n"
    begun = time.monotonic()
    answer = tight.send_raw(head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"0.5 MB" in answer
    assert b"connection: close" in answer.lower()
    assert time.monotonic() - begun < 5
    assert is_problem(tight.upload(bytes(600_000)), 413, "too-large")


def test_an_endless_chunked_upload_is_cut_off(tight: RunningServer) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(65536)

    assert is_problem(tight.client.post("/v1/recordings", content=endless()), 413, "too-large")


def test_a_slow_upload_is_given_up(tight: RunningServer) -> None:
    head = b"POST /v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nRIFF"
    answer = tight.send_raw(head)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"no data for 0.4 s" in answer

    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            yield b"RIFF"
            time.sleep(0.05)

    response = tight.client.post("/v1/recordings", content=trickle())
    assert is_problem(response, 408, "too-slow")
    assert "50 kB/s" in response.text


def test_slow_headers_are_not_waited_for(tight: RunningServer) -> None:
    begun = time.monotonic()
    assert tight.send_raw(b"GET /v1/health HTTP/1.1\r\nHost: local") == b""
    assert time.monotonic() - begun < 5


def test_an_upload_that_is_given_up_leaves_nothing(tight: RunningServer) -> None:
    head = b"POST /v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nRIFF"
    with pytest.raises(TimeoutError):
        tight.send_raw(head, timeout_s=0.05)
    wait_until(lambda: not len(tight.service.recordings))


def test_an_empty_upload_and_a_form_are_refused(tight: RunningServer) -> None:
    assert is_problem(tight.upload(b""), 422, "unreadable")
    response = tight.client.post("/v1/recordings", files={"file": short()})
    assert is_problem(response, 415, "wrong-type")
    assert "curl --data-binary" in response.text


def test_what_curl_sends_is_taken(tight: RunningServer) -> None:
    response = tight.upload(short(), headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert response.status_code == 202
    assert tight.wait_for(response.json()["id"], "done", "failed")["state"] == "done"


@pytest.mark.parametrize(
    ("content", "status", "kind", "text"),
    [
        (short(11.0), 413, "too-long", "up to 10 s"),
        (short(0.1, 192_000), 422, "unreadable", "192000 Hz"),
        (short(0.1, 16000, 6), 422, "unreadable", "6 channels"),
        (short(0.01), 422, "unreadable", "too short"),
        (b"no sound at all", 422, "unreadable", "street.wav: not readable"),
    ],
    ids=["too long", "rate", "channels", "too short", "no sound"],
)
def test_a_recording_beyond_the_limits_fails_and_says_so(
    content: bytes, status: int, kind: str, text: str, tight: RunningServer
) -> None:
    state = tight.analyse(content)
    assert state["state"] == "failed"
    error = state["error"]
    assert (error["status"], error["type"]) == (status, f"urn:earwitness:problem:{kind}")
    assert text in error["detail"]
    assert str(tight.service.storage.folder) not in error["detail"]
    response = tight.client.post(f"/v1/recordings/{state['id']}/ask", json={})
    assert is_problem(response, 409, "not-audible")
    assert text in response.json()["detail"]
    assert not tight.service.recordings.find(state["id"]).folder.exists()


def test_too_many_that_wait_are_refused_for_now(tight: RunningServer) -> None:
    with tight.hold():
        ids = [tight.upload(short()).json()["id"] for _ in range(3)]
        wait_until(lambda: tight.service.recordings.count("working") == 1)
        response = tight.upload(short())
        assert is_problem(response, 429, "busy")
        assert int(response.headers["retry-after"]) > 0
        assert is_problem(tight.client.get(f"/v1/recordings/{ids[-1]}/view"), 409, "not-ready")
        assert is_problem(tight.client.get(f"/v1/recordings/{ids[-1]}/audio"), 409, "not-ready")
        assert is_problem(tight.client.post(f"/v1/recordings/{ids[0]}/ask", json={}), 409, "not-ready")
    for name_id in ids:
        assert tight.wait_for(name_id, "done", "failed")["state"] == "done"


def test_more_recordings_than_are_kept_are_refused(tight: RunningServer) -> None:
    ids = [tight.analyse(short())["id"] for _ in range(5)]
    response = tight.upload(short())
    assert is_problem(response, 503, "full")
    assert int(response.headers["retry-after"]) > 0
    assert tight.client.delete(f"/v1/recordings/{ids[0]}").status_code == 204
    assert tight.analyse(short())["state"] == "done"


def test_no_room_is_told(storage: Path) -> None:
    with RunningServer(storage, Limits(max_stored_mb=0.1)) as server:
        response = server.upload(short(4.0))
        assert is_problem(response, 503, "full")
        assert "0.1 MB" in response.text


def test_room_is_counted_while_bytes_come_and_for_what_they_become(storage: Path) -> None:
    with RunningServer(storage, Limits(max_stored_mb=3)) as server:
        chunks = (bytes(100_000) for _ in range(100))
        assert is_problem(server.client.post("/v1/recordings", content=chunks), 503, "full")
        hour = write_sound(np.zeros(1000 * 8000, np.int16), 8000, "FLAC")
        assert len(hour) < 1e6
        state = server.analyse(hour)
        assert state["error"]["type"] == "urn:earwitness:problem:full"
        assert server.service.recordings.count_bytes() == 0
        assert server.analyse(short())["state"] == "done"


def test_more_connections_than_are_held_are_refused(storage: Path) -> None:
    with RunningServer(storage, Limits(max_connections=4)) as server:
        idle = [socket.create_connection(server.address) for _ in range(5)]
        wait_until(lambda: server.client.get("/v1/health").status_code == 503)
        for each in idle:
            each.close()
        wait_until(lambda: server.client.get("/v1/health").status_code == 200)


@pytest.mark.parametrize(
    ("body", "status", "kind", "text"),
    [
        (b'{"events": ["a", "b", "c", "d"]}', 422, "invalid", "4 words"),
        (b'{"events": ["' + b"a" * 2000 + b'"]}', 413, "too-large", "1 kB"),
        (b'{"events": ["' + b"a" * 300 + b'"]}', 422, "invalid", "300 characters"),
        (b'{"events": [""]}', 422, "invalid", "empty word"),
        (b'{"events": "dog"}', 422, "invalid", "events"),
        (b'{"events": ["\\ud800"]}', 422, "invalid", "JSON"),
        (b'{"evnts": []}', 422, "invalid", "evnts"),
        (b'{"settings": {"event_threshold": 2}}', 422, "invalid", "less than or equal to 1"),
        (b'{"settings": {"event_threshold": NaN}}', 422, "invalid", "event_threshold"),
        (b'{"settings": {"event_threshold": 0.2, "event_hold": 0.4}}', 422, "invalid", "event_hold <= event_threshold"),
        (b'{"settings": {"thresholds": {"dog": 7}}}', 422, "invalid", "from 0 to 1"),
        (b'{"settings": {"places": "/etc/passwd"}}', 422, "invalid", "places"),
        (b"{", 422, "invalid", "JSON"),
        (b"", 422, "invalid", "JSON"),
        (b"[" * 900, 422, "invalid", "JSON"),
    ],
)
def test_questions_that_cannot_be_answered_are_told(
    body: bytes, status: int, kind: str, text: str, tight: RunningServer
) -> None:
    name_id = tight.analyse(short())["id"]
    response = tight.client.post(
        f"/v1/recordings/{name_id}/ask", content=body, headers={"Content-Type": "application/json"}
    )
    assert is_problem(response, status, kind)
    assert text in response.json()["detail"]


def test_a_question_is_json_and_formats_are_known(tight: RunningServer) -> None:
    name_id = tight.analyse(short())["id"]
    form = tight.client.post(f"/v1/recordings/{name_id}/ask", data={"events": "dog"})
    assert is_problem(form, 415, "wrong-type")
    unknown = tight.client.post(f"/v1/recordings/{name_id}/ask", params={"format": "exe"}, json={})
    assert is_problem(unknown, 422, "invalid")
    assert is_problem(tight.client.get("/v1/words", params={"word": ["a", "b", "c", "d"]}), 422, "invalid")


def test_limits_are_checked(tmp_path: Path) -> None:
    for given, text in (
        ({"max_upload_mb": 0}, "max_upload_mb=0: must be above 0"),
        ({"n_workers": 1.5}, "n_workers=1.5: give a whole number"),
        ({"keep_s": float("nan")}, "keep_s=nan"),
        ({"keep_s": "1h"}, "keep_s='1h': give a number"),
        ({"size": 3}, "unknown key 'size'; known are: max_upload_mb"),
    ):
        with pytest.raises(SettingsError, match=text):
            read_fields(Limits, given, "limits")
    path = tmp_path / "limits.toml"
    path.write_text("max_upload_mb = 5\nkeep_s = 60\n")
    assert read_limits(path) == Limits(max_upload_mb=5, keep_s=60)
