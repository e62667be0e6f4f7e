"""The API on a real server: what is uploaded is heard, and any words are answered as `recognize` does."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.encoders.load import LoadedEncoder
from earwitness.recognition.explain import explain_peaks
from earwitness.recognition.pipeline import recognize
from earwitness.results.formats.json_lines import from_dict
from earwitness.server.answers import FILES
from earwitness.settings import Settings
from running_server import RunningServer, is_problem, wait_until, write_sound

EVENTS = ["telephone ringing", "dog bark", "gunshot"]
SCENES = ["park", "office"]
FORMATS = [each for each in FILES if each != "report"]


def test_a_recording_is_received_heard_and_told(server: RunningServer, demo_wav: bytes) -> None:
    response = server.upload(demo_wav, "C:\\sounds\\street.wav")
    assert response.status_code == 202
    details = response.json()
    assert response.headers["location"] == f"/v1/recordings/{details['id']}"
    assert details["name"] == "street.wav"
    assert details["state"] in ("waiting", "working")
    done = server.wait_for(details["id"], "done")
    assert done["share"] == 1.0
    assert done["duration_s"] == done["heard_until_s"] == pytest.approx(30.0)
    assert done["error"] is None
    assert done["created"] <= done["expires"]
    folder = server.service.recordings.find(details["id"]).folder
    assert not (folder / "upload").exists()  # what was uploaded is gone, what was heard is kept
    assert (folder / "audio.flac").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("form", "suffix"), [("WAV", "wav"), ("FLAC", "flac"), ("OGG", "ogg"), ("MP3", "mp3")])
def test_asking_says_what_recognize_says(
    form: str, suffix: str, server: RunningServer, demo: np.ndarray, encoder: LoadedEncoder, tmp_path: Path
) -> None:
    stereo = np.stack([demo, 0.5 * demo], axis=1)
    content = write_sound(stereo, 44100 if form != "WAV" else 16000, form)
    path = tmp_path / f"sound.{suffix}"
    path.write_bytes(content)
    state = server.analyse(content, path.name)
    response = server.client.post(
        f"/v1/recordings/{state['id']}/ask", json={"events": EVENTS, "scenes": SCENES, "settings": {}}
    )
    assert response.status_code == 200, response.text
    answer = response.json()
    details, known = from_dict(answer["recognition"]), recognize(path, EVENTS, SCENES, encoder=encoder)
    assert [e.word for e in details.events] == [e.word for e in known.events]
    assert [e.onset_s for e in details.events] == pytest.approx([e.onset_s for e in known.events])
    assert [e.offset_s for e in details.events] == pytest.approx([e.offset_s for e in known.events])
    assert [e.score for e in details.events] == pytest.approx([e.score for e in known.events], abs=1e-4)
    assert [s.scene for s in details.scenes] == [s.scene for s in known.scenes]
    assert [s.score for s in details.scenes] == pytest.approx([s.score for s in known.scenes], abs=1e-3)
    assert answer["state"] == "done"
    assert set(answer["curves"]["words"]) == set(EVENTS)


def test_settings_of_a_question_hold_for_it_alone(server: RunningServer, detected: str) -> None:
    def ask(**settings: object) -> list[str]:
        query = {"events": ["dog bark"], "settings": settings}
        response = server.client.post(f"/v1/recordings/{detected}/ask", json=query)
        return [event["word"] for event in response.json()["recognition"]["events"]]

    assert ask() == ["dog bark"]
    assert ask(event_threshold=0.999) == []
    assert ask(thresholds={"dog bark": 0.999}) == []
    assert ask(event_threshold=0.0, min_duration_s=10) == ["dog bark"]  # the hold goes down with it: one long event
    assert ask() == ["dog bark"]


@pytest.mark.slow
def test_words_are_answered_while_the_recording_is_still_heard(server: RunningServer, demo: np.ndarray) -> None:
    content = write_sound(np.tile(demo, 16))  # 8 minutes
    name_id = server.upload(content).json()["id"]
    assert server.client.get(f"/v1/recordings/{name_id}/view").status_code in (409, 200)
    wait_until(lambda: 0 < server.state(name_id)["heard_until_s"] < 480)
    with server.hold():
        state = server.state(name_id)
        assert state["state"] == "working"
        answer = server.client.post(f"/v1/recordings/{name_id}/ask", json={"events": ["telephone ringing"]}).json()
        assert answer["state"] == "working"
        assert 0 < answer["heard_until_s"] < answer["recognition"]["duration_s"] == 480
        onsets = [event["onset_s"] for event in answer["recognition"]["events"]]
        assert len(onsets) >= int(answer["heard_until_s"] / 30) - 1
        assert max(onsets, default=0) <= answer["heard_until_s"]
        view = server.client.get(f"/v1/recordings/{name_id}/view")
        assert view.json()["spectrogram"]["overview"]["end_s"] == pytest.approx(480, abs=1)
    server.wait_for(name_id, "done")
    answer = server.client.post(f"/v1/recordings/{name_id}/ask", json={"events": ["telephone ringing"]}).json()
    assert answer["state"] == "done"
    assert len(answer["recognition"]["events"]) == 16


def test_the_view_is_drawn_once(server: RunningServer, detected: str) -> None:
    first, second = (server.client.get(f"/v1/recordings/{detected}/view") for _ in range(2))
    assert first.status_code == 200
    assert first.content == second.content
    view = first.json()
    assert view["name"] == "street.wav"
    assert view["spectrogram"]["overview"]["png"].startswith("data:image/png;base64,")
    assert len(view["tags"]["names"]) == 12


def test_audio_is_what_the_encoder_heard(server: RunningServer, detected: str, demo: np.ndarray) -> None:
    whole = server.client.get(f"/v1/recordings/{detected}/audio")
    assert whole.headers["content-type"] == "audio/flac"
    samples, rate = soundfile.read(io.BytesIO(whole.content), dtype="float32")
    assert rate == 16000
    assert np.abs(samples - demo).max() < 1e-4
    part = server.client.get(f"/v1/recordings/{detected}/audio", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    beyond = server.client.get(f"/v1/recordings/{detected}/audio", headers={"Range": "bytes=99999999-"})
    assert is_problem(beyond, 416, "unsatisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(whole.content)}"
    nonsense = server.client.get(f"/v1/recordings/{detected}/audio", headers={"Range": "miles=1-2"})
    assert is_problem(nonsense, 416, "unsatisfiable")


@pytest.mark.parametrize("form", FORMATS)
def test_any_format_is_downloaded_under_the_recordings_name(form: str, server: RunningServer, detected: str) -> None:
    query = {"events": EVENTS, "scenes": SCENES}
    response = server.client.post(f"/v1/recordings/{detected}/ask", params={"format": form}, json=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-disposition"].startswith('attachment; filename="street.')
    if form == "parquet":
        assert response.content[:4] == b"PAR1"
    elif form == "scores_npz":
        assert "dog bark" in np.load(io.BytesIO(response.content), allow_pickle=False)["words"].tolist()
    elif form == "scenes_csv":
        assert "park" in response.text
    elif form == "tags_csv":
        assert "Rain" in response.text
    else:
        assert "dog bark" in response.text
    if form in ("json", "jsonl"):
        assert json.loads(response.text)["source"] == "street.wav"


def test_a_report_is_one_file_with_its_sound(server: RunningServer, detected: str) -> None:
    response = server.client.post(f"/v1/recordings/{detected}/ask?format=report", json={"events": ["dog bark"]})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-disposition"].startswith('attachment; filename="street.html"')
    assert 'id="ew-sound"' in response.text
    assert '"maps":[{"peak_s"' in response.text


@pytest.mark.parametrize("at_s", [0.0, 6.24, 29.9, 30.0])
def test_attention_to_a_moment_is_what_explain_peaks_says(
    at_s: float, server: RunningServer, detected: str, demo: np.ndarray, encoder: LoadedEncoder
) -> None:
    response = server.client.get(f"/v1/recordings/{detected}/attention", params={"at_s": at_s})
    assert response.status_code == 200, response.text
    details, (known,) = response.json(), explain_peaks((demo, 16000), [at_s], Settings(), encoder)
    assert details["start_s"] == pytest.approx(known.start_s)
    assert details["token_s"] == known.token_s
    assert np.abs(np.array(details["weights"]) - known.weights).max() < 1e-4
    assert details["edges_hz"] == pytest.approx(known.edges_hz)
    assert details["map"]["peak_s"] == at_s


def test_a_moment_outside_the_recording_is_refused(server: RunningServer, detected: str) -> None:
    for at_s in ("30.5", "-1", "nan", "1e300", "dog"):
        response = server.client.get(f"/v1/recordings/{detected}/attention", params={"at_s": at_s})
        assert is_problem(response, 422, "invalid")


def test_what_is_understood_by_words_is_told(server: RunningServer) -> None:
    words = server.client.get("/v1/words", params={"word": ["dog bark", "犬の鳴き声", "собака", ""]}).json()["words"]
    assert words[0]["tags"][0]["tag"] == "Bark"
    assert (words[0]["grade"], words[0]["is_far"]) == ("exact", False)
    assert words[1]["understood_as"] == words[0]["understood_as"] == ["dog bark"]  # the table knows some languages
    assert (words[2]["grade"], words[2]["is_far"], words[2]["tags"]) == ("cannot be heard", True, [])
    assert not words[3]["is_understood"]
    assert "empty word" in words[3]["error"]
    found = server.client.get("/v1/words/suggestions", params={"start": "Gla"}).json()["words"]
    assert "glass" in found
    assert all("gla" in word for word in found)


def test_health_and_metrics_count(server: RunningServer, detected: str) -> None:
    health = server.client.get("/v1/health").json()
    assert health["status"] == "ok"
    assert health["workers"] == 1
    assert health["kept"] >= 1
    text = server.client.get("/v1/metrics").text
    for name in ("uploads_total", "upload_bytes_total", "jobs_total", "audio_seconds_total", "recordings_kept"):
        assert f"earwitness_{name}" in text
    assert detected not in text
    assert 'route="/v1/recordings/{id}"' in text


def test_a_deleted_recording_is_gone(server: RunningServer, demo_wav: bytes) -> None:
    name_id = server.analyse(demo_wav)["id"]
    folder = server.service.recordings.find(name_id).folder
    assert server.client.delete(f"/v1/recordings/{name_id}").status_code == 204
    assert is_problem(server.client.get(f"/v1/recordings/{name_id}"), 404, "not-found")
    assert is_problem(server.client.delete(f"/v1/recordings/{name_id}"), 404, "not-found")
    assert not folder.exists()


def test_the_page_says_where_the_api_is(server: RunningServer) -> None:
    page = server.client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["etag"]
    assert is_problem(server.client.get("/assets/../../secrets.txt"), 404, "not-found")
    assert is_problem(server.client.get("/docs"), 404, "not-found")
