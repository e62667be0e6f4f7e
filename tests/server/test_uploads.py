"""Uploads made to harm end in the right status, and the server goes on."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest

from earwitness.server.check_upload import check_length, check_shape
from earwitness.server.limits import Limits
from earwitness.server.problems import Refused
from running_server import RunningServer, is_problem, write_sound

pytestmark = pytest.mark.slow

HTML = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def is_healthy_after(server: RunningServer, demo_wav: bytes) -> Iterator[None]:
    n_restarts = server.count_restarts()
    yield
    assert server.client.get("/v1/health").json()["status"] == "ok"
    assert server.analyse(demo_wav)["state"] == "done"
    assert server.count_restarts() == n_restarts  # no upload cost a worker


def make_header(rate_hz: int, n_channels: int, n_data: int = 1000) -> bytes:
    """Return a wav of 16 bits with any header."""
    block = min(2 * n_channels, 65535)
    facts = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, n_channels, rate_hz, (rate_hz * block) % 2**32, block, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + n_data) + b"WAVE" + facts + b"data" + struct.pack("<I", n_data) + bytes(n_data)
    )


def test_hours_of_silence_in_a_small_file_are_refused_at_once(server: RunningServer) -> None:
    two_hours = np.zeros(2 * 3600 * 8000, np.int16)
    for form in ("FLAC", "OGG"):
        content = write_sound(two_hours, 8000, form)
        assert len(content) < 1e6
        state = server.analyse(content)
        assert state["error"]["status"] == 413
        assert "up to 3600 s" in state["error"]["detail"]


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (make_header(1_000_000, 1), "1000000 Hz"),
        (make_header(2**31 - 1, 1), "2147483647 Hz"),
        (make_header(0, 1), ""),
        (make_header(16000, 1000), "1000 channels"),
        (make_header(16000, 65535), ""),
        (make_header(16000, 0), ""),
        (make_header(16000, 1, 0), ""),
    ],
)
def test_headers_that_no_recorder_writes_are_refused(header: bytes, text: str, server: RunningServer) -> None:
    state = server.analyse(header)
    assert state["state"] == "failed"
    assert state["error"]["status"] == 422
    assert text in state["error"]["detail"]


def test_a_header_that_promises_more_than_there_is_costs_nothing(server: RunningServer, demo_wav: bytes) -> None:
    lying = demo_wav[:40] + struct.pack("<I", 2**31 - 2**20) + demo_wav[44:]
    state = server.analyse(lying)
    assert (state["state"], state["duration_s"]) == ("done", pytest.approx(30.0))
    view = server.client.get(f"/v1/recordings/{state['id']}/view").json()
    assert "truncated" in view["notes"][0]


def test_html_in_names_and_words_stays_text(server: RunningServer, demo_wav: bytes) -> None:
    state = server.analyse(demo_wav, f"{HTML}.wav")
    response = server.client.get(f"/v1/recordings/{state['id']}")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    words = server.client.get("/v1/words", params={"word": HTML})
    assert words.headers["content-type"] == "application/json"
    query = server.client.post(f"/v1/recordings/{state['id']}/ask", json={"events": [HTML, "dog bark"]})
    assert query.headers["content-type"].startswith("application/")
    table = server.client.post(f"/v1/recordings/{state['id']}/ask?format=csv", json={"events": ["dog bark"]})
    assert "attachment" in table.headers["content-disposition"]
    assert "<" not in table.headers["content-disposition"]


@pytest.mark.parametrize("name", ["../../../etc/passwd", "..", "/etc/passwd", "a\x00b", "\r\nX: y", "CON", "x" * 900])
def test_names_that_are_paths_stay_names(name: str, server: RunningServer, demo_wav: bytes) -> None:
    state = server.analyse(demo_wav, name)
    assert state["state"] == "done"
    assert "/" not in state["name"]
    recording = server.service.recordings.find(state["id"])
    assert recording.folder.parent == server.service.storage.folder
    for form in ("audacity", "raven", "csv"):
        response = server.client.post(f"/v1/recordings/{state['id']}/ask?format={form}", json={"events": ["dog bark"]})
        assert response.status_code == 200


@pytest.mark.parametrize("path", ["../../x", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..", "%00", "a/b", "x" * 5000, "é"])
def test_ids_that_are_paths_are_not_found(path: str, server: RunningServer) -> None:
    response = server.client.get(f"/v1/recordings/{path}")
    assert response.status_code in (404, 405)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_file_that_is_a_page_and_a_sound_comes_back_as_sound_alone(server: RunningServer, demo_wav: bytes) -> None:
    page = f"<html>{HTML}</html>".encode()
    chunk = b"LIST" + struct.pack("<I", len(page) + len(page) % 2) + page + b"\0" * (len(page) % 2)
    both = demo_wav[:12] + chunk + demo_wav[12:] + page
    both = both[:4] + struct.pack("<I", len(both) - 8) + both[8:]
    state = server.analyse(both, "page.html")
    assert state["state"] == "done"
    audio = server.client.get(f"/v1/recordings/{state['id']}/audio")
    assert audio.headers["content-type"] == "audio/flac"
    assert audio.content.startswith(b"fLaC")
    assert b"script" not in audio.content
    folder = server.service.recordings.find(state["id"]).folder
    assert all(page not in path.read_bytes() for path in folder.iterdir())


def test_a_playlist_cannot_reach_other_files(server: RunningServer, demo_wav: bytes) -> None:
    secret = server.service.storage.folder.parent / "secret.ts"
    secret.write_bytes(demo_wav)
    lists = (
        f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {secret}\n",
        f"#EXTM3U\n#EXTINF:10.0,\nconcat:file://{secret}\n#EXT-X-ENDLIST\n",
    )
    for text in lists:
        state = server.analyse(text.encode(), "list.m3u8")
        assert state["state"] == "failed", text
        assert state["error"]["status"] == 422


def test_bytes_without_sense_are_refused(server: RunningServer, demo_wav: bytes) -> None:
    noise = np.random.default_rng(7).bytes(20_000)
    starts = (
        b"RIFF",
        b"fLaC",
        b"OggS",
        b"ID3\x04",
        b"\x1aE\xdf\xa3",
        b"\0\0\0 ftypM4A ",
        b"FORM",
        b".snd",
        b"caff",
        b"",
    )
    for start in starts:
        state = server.analyse(start + noise)
        assert state["state"] in ("failed", "done"), start  # noise may be found to hold a frame of MPEG
        if state["error"]:
            assert state["error"]["status"] in (413, 422), state


def test_a_pickle_is_not_opened(server: RunningServer) -> None:
    assert server.analyse(b"\x80\x04cos\nsystem\n(S'touch /tmp/opened'\ntR.")["error"]["status"] == 422


def test_shapes_and_lengths_are_checked() -> None:
    limits = Limits(max_rate_hz=48000, max_channels=2, max_duration_s=10)
    check_shape(48000, 2, limits)
    assert check_length(None, limits) is None
    assert check_length(10.0, limits) == 10.0
    for rate_hz, n_channels in ((48001, 1), (0, 1), (-1, 1), (8000, 3)):
        with pytest.raises(Refused, match="this server accepts up to"):
            check_shape(rate_hz, n_channels, limits)
    with pytest.raises(Refused, match=": cut it"):
        check_length(10.1, limits)


def test_a_recording_from_a_browser_is_heard(server: RunningServer, demo: np.ndarray) -> None:
    av = pytest.importorskip("av")
    path = server.service.storage.folder.parent / "recorded.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.repeat(demo, 3)[None].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    state = server.analyse(path.read_bytes(), "recorded.webm")
    assert state["state"] == "done", state
    assert state["duration_s"] == pytest.approx(30.0, abs=0.1)
    answer = server.client.post(f"/v1/recordings/{state['id']}/ask", json={"events": ["dog bark"]}).json()
    assert [event["word"] for event in answer["recognition"]["events"]] == ["dog bark"]
    assert is_problem(server.client.get("/v1/recordings/recorded.webm"), 404, "not-found")
