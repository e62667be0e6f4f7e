"""Recordings on the page, in a real browser with a real server: sent, analysed, selected, stored, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwitness.server.limits import Limits
from earwitness.server.recording_files import AUDIO
from earwitness.server.security import Access
from running_server import RunningServer, write_sound
from served_page import PHONE, SOUGHT, OpenServed, ServedPage, as_file, write_words

WORDS = write_words(["telephone ringing", "dog bark", "thunder"], ["storm", "office"])
HOSTILE = "<img src=x onerror=alert(1)>"
TOKEN = "a token of the tests"
DENY = (
    """navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')); null;"""
)
GIVE = """([kind, bytes]) => { const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(bytes)], kind + '.wav', {type: 'audio/wav'}));
    const event = kind === 'drop' ? new DragEvent('drop', {dataTransfer: files, bubbles: true})
        : new ClipboardEvent('paste', {clipboardData: files, bubbles: true});
    document.body.dispatchEvent(event); }"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a token."""
    with RunningServer(tmp_path_factory.mktemp("guarded"), access=Access(token=TOKEN)) as running:
        yield running


def select(served: ServedPage, index: int) -> None:
    served.rows.nth(index).locator(".app-pick").click()


def test_a_recording_is_analysed_and_a_click_plays_its_event(
    server: RunningServer, open_served: OpenServed, demo_wav: bytes
) -> None:
    served = open_served(server, WORDS)
    assert served.page.locator(".app-hero").is_visible()
    served.analyse(as_file("street.wav", demo_wav))
    assert served.lanes() == ["telephone ringing", "dog bark", "thunder"]
    assert served.rows.locator(".app-state").inner_text() == "30.0 s · 3 events · storm"
    onset_s = 6.2  # of the dog
    served.page.evaluate(SOUGHT)
    served.page.locator(".ew-region[data-word='dog bark']").click()
    served.wait(lambda: served.page.evaluate("window.sought.length"))
    assert served.page.evaluate("window.sought[0]") == pytest.approx(onset_s, abs=0.2)
    served.wait(lambda: served.page.evaluate("document.querySelector('audio').currentTime") > onset_s + 0.1)
    served.wait(lambda: served.page.locator(".ew-map canvas").count())  # where the encoder looked
    assert "Bark" in served.page.locator(".ew-why").inner_text()


def test_a_real_mixture_has_its_event(server: RunningServer, open_served: OpenServed, shared: Path) -> None:
    (path,) = (shared / "data" / "tut" / "audio").glob("mixture_evaltest_gunshot_004*.wav")
    served = open_served(server, write_words(["baby cry", "glass break", "gunshot"]))
    served.analyse(path)
    assert served.page.locator(".ew-events tbody tr").count() == 1
    served.page.evaluate(SOUGHT)
    served.regions.click()
    served.wait(lambda: served.page.evaluate("window.sought.length"))
    assert served.page.evaluate("window.sought[0]") == pytest.approx(18.0, abs=0.2)


def test_a_report_grows_during_the_analysis(server: RunningServer, open_served: OpenServed, demo: np.ndarray) -> None:
    served = open_served(server, WORDS)
    served.send(as_file("long.wav", write_sound(np.tile(demo, 24))))
    served.wait(lambda: served.page.locator(".ew-shown").count() and "analysed up to" in served.shown())
    n_first = served.regions.count()
    assert "Analysing... " in served.rows.locator(".app-state").inner_text()
    served.wait_for("done")
    served.wait(lambda: "analysed up to" not in served.shown())
    assert served.regions.count() >= 2 * 24 > n_first


def test_many_recordings_are_a_list_and_a_broken_one_is_reported(
    server: RunningServer, open_served: OpenServed, demo_wav: bytes
) -> None:
    served = open_served(server, WORDS)
    served.send(as_file("a.wav", demo_wav), as_file("broken.wav", b"RIFF, but no more"), as_file("b.wav", demo_wav))
    served.wait_for("done", 2)
    assert served.rows.locator(".app-name").all_inner_texts() == ["a.wav", "broken.wav", "b.wav"]
    assert "cannot be read" in served.rows.nth(1).locator(".app-state").inner_text()
    assert "broken.wav: not readable as audio" in served.rows.nth(1).locator(".app-problem").inner_text()
    select(served, 1)
    assert "not readable" in served.page.locator(".app-wait").inner_text()
    select(served, 2)
    served.wait(lambda: served.regions.count() == 3)
    served.send(as_file("nothing.wav", b""))
    assert "Empty file" in served.rows.nth(3).locator(".app-state").inner_text()


def test_files_are_dropped_and_pasted(server: RunningServer, open_served: OpenServed, demo_wav: bytes) -> None:
    served = open_served(server, WORDS)
    for kind in ("drop", "paste"):
        served.page.evaluate(GIVE, [kind, list(demo_wav[: 2 * 32000])])
    served.wait(lambda: served.rows.locator(".app-name").all_inner_texts() == ["drop.wav", "paste.wav"])


def test_hostile_names_stay_text(server: RunningServer, open_served: OpenServed, demo_wav: bytes) -> None:
    served = open_served(server, WORDS)
    served.page.on("dialog", lambda dialog: served.wrong.append("a dialog"))
    served.analyse(as_file(f"{HOSTILE}.wav", demo_wav))
    assert served.page.locator(".ew-report h1").inner_text() == f"{HOSTILE}.wav"
    assert served.rows.locator(".app-name").inner_text() == f"{HOSTILE}.wav"
    assert served.page.locator("img:not(.app-brand img)").count() == 0


def test_a_recording_is_deleted_on_request(server: RunningServer, open_served: OpenServed, demo_wav: bytes) -> None:
    served = open_served(server, WORDS)
    served.analyse(as_file("a.wav", demo_wav))
    n_stored = len(server.service.recordings)
    assert "stored until" in served.page.locator(".app-expiry").inner_text()
    served.page.get_by_text("delete now").click()
    served.wait(lambda: len(server.service.recordings) == n_stored - 1)
    assert served.page.locator(".app-hero").is_visible()


def test_a_reload_keeps_recordings_and_words(server: RunningServer, open_served: OpenServed, demo_wav: bytes) -> None:
    served = open_served(server, WORDS)
    served.analyse(as_file("a.wav", demo_wav))
    served.add("whistling")
    served.wait(lambda: "whistling" in served.lanes())
    served.page.reload()
    served.wait(lambda: served.lanes() == ["telephone ringing", "dog bark", "thunder", "whistling"])
    assert served.rows.locator(".app-state").inner_text() == "30.0 s · 3 events · storm"


def test_an_expired_recording_is_reported(server: RunningServer, open_served: OpenServed, demo_wav: bytes) -> None:
    served = open_served(server, WORDS, expected=("404",))
    served.analyse(as_file("a.wav", demo_wav))
    (stored,) = served.page.evaluate("JSON.parse(sessionStorage['earwitness.recordings']).recordings")
    server.client.delete(f"/v1/recordings/{stored['id']}")
    served.page.reload()
    served.wait_for("gone")
    assert "limited time" in served.page.locator(".app-wait").inner_text()


def test_the_microphone_is_recorded(server: RunningServer, open_served: OpenServed) -> None:
    served = open_served(server, write_words(["beep", "speech"]), permissions=["microphone"])
    served.page.get_by_role("button", name="Record", exact=True).click()
    served.wait(lambda: served.page.locator(".app-record-time").inner_text() >= "0:02.0")
    served.page.get_by_role("button", name="Stop and analyse").click()
    served.wait_for("done")
    (found,) = [each for each in server.service.recordings if each.name.startswith("microphone")]
    assert 1.9 <= (found.duration_s or 0) < 10.0
    served.wait(lambda: served.lanes() == ["beep", "speech"])
    assert np.abs(soundfile.read(found.folder / AUDIO)[0]).max() > 0.05  # the browser's own microphone beeps


def test_a_microphone_that_is_denied_is_reported(server: RunningServer, open_served: OpenServed) -> None:
    served = open_served(server)
    served.page.evaluate(DENY)
    served.page.get_by_role("button", name="Record", exact=True).click()
    served.wait(lambda: "access was denied" in served.page.locator("#app-banner").inner_text())
    assert served.page.get_by_role("button", name="Record", exact=True).is_visible()


def test_a_token_is_requested_and_used_for_all(
    guarded: RunningServer, open_served: OpenServed, demo_wav: bytes
) -> None:
    served = open_served(guarded, WORDS, expected=("401",))
    served.page.get_by_role("textbox", name="Token").fill("not this one")
    served.page.get_by_role("textbox", name="Token").press("Enter")
    served.wait(lambda: "did not accept" in served.page.locator("dialog.app-dialog").inner_text())
    served.page.get_by_role("textbox", name="Token").fill(TOKEN)
    served.page.get_by_role("textbox", name="Token").press("Enter")
    served.analyse(as_file("street.wav", demo_wav))
    served.wait(lambda: served.page.evaluate("document.querySelector('audio').src").startswith("blob:"))
    served.wait(lambda: served.page.evaluate("document.querySelector('audio').readyState") >= 1)
    served.page.reload()
    served.wait(lambda: len(served.lanes()) == 3)
    assert served.page.locator("dialog.app-dialog").count() == 0


def test_the_sound_of_a_deleted_recording_is_not_held_in_memory(
    guarded: RunningServer, open_served: OpenServed, demo_wav: bytes
) -> None:
    served = open_served(guarded, WORDS, expected=("401",))
    served.page.get_by_role("textbox", name="Token").fill(TOKEN)
    served.page.get_by_role("textbox", name="Token").press("Enter")
    served.page.evaluate(
        "() => { const make = URL.createObjectURL; window.made = 0;"
        "URL.createObjectURL = (blob) => { window.made += 1; return make.call(URL, blob); }; }"
    )
    held: list[Any] = []
    served.page.route("**/audio", lambda route: held.append(route))  # playwright takes no builtin
    served.analyse(as_file("street.wav", demo_wav))
    served.wait(lambda: held)
    served.page.get_by_role("button", name="Delete street.wav").click()
    served.wait(lambda: served.rows.count() == 0)
    held[0].fulfill(status=200, body=b"sound", content_type="audio/flac")
    served.page.wait_for_timeout(200)
    assert served.page.evaluate("window.made") == 0


def test_an_upload_to_a_busy_server_is_repeated(
    server: RunningServer, open_served: OpenServed, demo_wav: bytes
) -> None:
    served = open_served(server, WORDS, expected=("429",))
    n_sent = 0

    def answer(route: Any) -> None:
        nonlocal n_sent
        n_sent += 1
        if n_sent > 1:
            return route.continue_()
        problem = '{"title": "Too much is waiting", "detail": "8 recordings wait", "status": 429}'
        return route.fulfill(status=429, body=problem, headers={"Retry-After": "1"})

    served.page.route("**/v1/recordings?name=*", answer)
    served.send(as_file("a.wav", demo_wav))
    served.wait_for("held")
    assert "8 recordings wait" in served.rows.locator(".app-problem").inner_text()
    served.wait_for("done")


def test_a_file_over_the_limit_is_not_sent(tmp_path: Path, open_served: OpenServed, demo_wav: bytes) -> None:
    with RunningServer(tmp_path, Limits(max_upload_mb=0.1)) as small:
        served = open_served(small, WORDS)
        served.wait(lambda: served.page.locator("#app-retention").inner_text())
        served.send(as_file("a.wav", demo_wav))
        assert "this server accepts up to 0.1 MB" in served.rows.locator(".app-problem").inner_text()
        served.close()


@pytest.mark.parametrize("options", [{}, PHONE, {"color_scheme": "dark"}], ids=["desk", "phone", "dark"])
def test_nothing_reaches_beyond_the_window(
    server: RunningServer, open_served: OpenServed, demo_wav: bytes, options: dict[str, Any]
) -> None:
    served = open_served(server, WORDS, **options)
    wide = "document.documentElement.scrollWidth - innerWidth"
    assert served.page.evaluate(wide) <= 0
    served.analyse(as_file(f"{'long name ' * 12}.wav", demo_wav), as_file("b.wav", demo_wav))
    assert served.page.evaluate(wide) <= 0
