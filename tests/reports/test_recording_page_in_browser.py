"""The report in a real browser, opened from disk: what is shown, clicked, pressed, printed."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from earwitness.reports.recording_page import Sound, make_report
from earwitness.results.folder import ResultFolder
from earwitness.results.formats.json_lines import from_dict
from made_reports import WORDS, make_answer_of, make_event, make_map, make_view_of
from made_sounds import make_noise
from results_read import wait_until

OpenPage = Callable[..., Any]
DURATION_S = 20.0
SOUGHT = "document.querySelector('audio').currentTime"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}


def make_flac(duration_s: float = DURATION_S) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, make_noise(duration_s), 16000, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def make_events() -> list[dict[str, Any]]:
    return [make_event(3.2), make_event(8.0, "siren", 0.9, 2.0), make_event(14.5, "dog bark", 0.6)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 20 s with two barks and a siren."""
    events = make_events()
    attention = {"maps": [make_map(event["peak_s"]) for event in events[:2]], "note": ""}
    page = make_report(
        make_view_of(DURATION_S), make_answer_of(DURATION_S, events), Sound(content=make_flac()), attention
    )
    path = tmp_path_factory.mktemp("report") / "street at night.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture
def page(path: Path, open_page: OpenPage) -> Any:
    page = open_page(path)
    page.wait_for_selector("[data-shown]")
    page.evaluate(
        "document.querySelector('audio').addEventListener('seeking', (e) => (window.sought = e.target.currentTime))"
    )
    return page


def count_colours(page: Any, where: str) -> int:
    """Return how many bytes differ in a part of a canvas."""
    canvas = f"document.querySelector('{where} canvas').getContext('2d')"
    return len(set(page.evaluate(f"Array.from({canvas}.getImageData(100, 10, 100, 20).data)")))


def wait_for_seek(page: Any, s: float) -> None:
    wait_until(page, f"Math.abs((window.sought ?? -9) - {s}) < 0.05")


def test_events_words_scenes_and_tags_are_shown(page: Any) -> None:
    rows = page.locator("tbody tr[data-event-index]")
    assert rows.count() == 3
    assert "siren" in rows.nth(1).inner_text()
    assert page.locator(".ew-region").count() == 3
    assert page.locator(".ew-lane").count() == len(WORDS)
    assert "no events" in page.locator(".ew-lane[data-word='gunshot']").inner_text()
    assert page.locator(".ew-scenes li").first.get_attribute("data-scene") == "park"
    assert page.locator("h1").inner_text() == "street.wav"
    assert count_colours(page, ".ew-spectrogram") > 20


@pytest.mark.parametrize(
    "what", [".ew-region[data-event-index='1']", "tr[data-event-index='1']", "tr[data-event-index='1'] button"]
)
def test_a_click_on_an_event_plays_it_from_its_onset(page: Any, what: str) -> None:
    page.click(what)
    wait_for_seek(page, 8.0)
    assert not page.evaluate("document.querySelector('audio').paused")
    assert page.locator("tr[aria-current]").get_attribute("data-event-index") == "1"
    assert page.locator(".ew-region[aria-pressed='true']").get_attribute("data-event-index") == "1"
    assert "similarity 0.78" in page.locator(".ew-why").inner_text()
    assert page.locator(".ew-map canvas").count() == 1


def test_events_are_saved_as_the_table_that_listen_writes(open_page: OpenPage, tmp_path: Path) -> None:
    source = 'a, "b"/=1+1 \u97f3.v2.wav'
    events = [make_event(3.2), make_event(8.0, 'door, "slam"\nor +bang', 0.9, 2.0)]
    answer = make_answer_of(DURATION_S, events, name=source)
    path = tmp_path / "quoted.html"
    path.write_text(make_report(make_view_of(DURATION_S, source), answer), encoding="utf-8")
    page = open_page(path)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download CSV").click()
    assert coming.value.suggested_filename.endswith(" \u97f3.v2.events.csv")
    with ResultFolder(tmp_path / "own", ["events.csv"], [], {}) as results:
        results.add(from_dict(answer["recognition"]))
    assert Path(coming.value.path()).read_bytes() == (tmp_path / "own" / "events.csv").read_bytes()


def test_before_any_choice_the_highest_score_is_explained(page: Any) -> None:
    assert page.locator(".ew-why h2").inner_text() == "Why siren"
    assert page.locator("tr[aria-current]").count() == 0
    assert page.locator(".ew-map canvas").count() == 1


def test_the_player_stops_at_the_events_offset(page: Any) -> None:
    page.click("tr[data-event-index='0']")
    wait_until(page, "document.querySelector('audio').paused && document.querySelector('audio').currentTime > 4.1")
    assert page.evaluate(SOUGHT) < 4.6


def test_keys_move_play_zoom_and_step(page: Any) -> None:
    page.keyboard.press("n")
    assert page.locator("tr[aria-current]").get_attribute("data-event-index") == "0"
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    wait_for_seek(page, 8.0)
    page.keyboard.press(" ")
    assert page.evaluate("document.querySelector('audio').paused")
    page.keyboard.press("p")
    wait_for_seek(page, 3.2)
    page.keyboard.press("ArrowRight")
    wait_for_seek(page, 4.2)
    page.keyboard.press("Shift+ArrowRight")
    wait_for_seek(page, 14.2)
    page.keyboard.press("+")
    wait_until(page, "document.querySelector('.ew-shown').textContent.includes(' to ')")
    page.keyboard.press("0")
    wait_until(page, "document.querySelector('.ew-shown').textContent.includes('Whole')")
    page.keyboard.press("z")
    wait_until(page, "document.querySelector('.ew-shown').textContent === '0:00.0 to 0:10.0'")
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()


def test_a_click_seeks_a_drag_pans_and_the_wheel_zooms(page: Any) -> None:
    box = page.locator(".ew-spectrogram").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 50
    page.mouse.click(x, y)
    wait_for_seek(page, DURATION_S / 2)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    wait_until(page, "document.querySelector('.ew-shown').textContent.includes(' to ')")
    before = page.locator(".ew-shown").inner_text()
    page.mouse.down()
    page.mouse.move(x - 120, y, steps=4)
    page.mouse.up()
    wait_until(page, f"document.querySelector('.ew-shown').textContent !== {json.dumps(before)}")
    assert abs(page.evaluate(SOUGHT) - DURATION_S / 2) < 0.05
    assert "Hz" in page.locator(".ew-tip").inner_text()


def test_the_address_says_where_to_begin(path: Path, open_page: OpenPage) -> None:
    page = open_page(path.as_uri() + "#t=12.30")
    page.wait_for_selector("[data-shown]")
    assert page.locator(".ew-time b").inner_text() == "0:12.3"


def test_a_linked_recording_plays_and_a_missing_one_is_reported(
    path: Path, open_page: OpenPage, tmp_path: Path, browser: Any
) -> None:
    soundfile.write(tmp_path / "my sound.wav", make_noise(DURATION_S), 16000)
    view, answer = make_view_of(DURATION_S), make_answer_of(DURATION_S, make_events())
    for name in ("my%20sound.wav", "gone.wav"):
        (tmp_path / f"{name}.html").write_text(
            make_report(view, answer, Sound(url=name, note="linked")), encoding="utf-8"
        )
    page = open_page(tmp_path / "my%20sound.wav.html")
    page.click("tr[data-event-index='1']")
    wait_until(page, f"{SOUGHT} >= 8.0")
    other = browser.new_page()  # the missing file is an error in the console, as it should be
    other.goto((tmp_path / "gone.wav.html").as_uri())
    wait_until(other, "document.querySelector('.ew-status').textContent.includes('cannot be played')")
    other.keyboard.press("n")
    assert other.locator(".ew-time b").inner_text() == "0:03.2"
    other.close()


def test_answers_can_be_replaced_at_once_and_during_the_analysis(page: Any) -> None:
    events = [make_event(index * 0.9, WORDS[index % 3]) for index in range(20)]
    details = json.dumps({**make_answer_of(DURATION_S, events), "heard_until_s": 12.0})
    took_ms = page.evaluate(f"""() => {{
        const answer = {details};
        const begun = performance.now();
        window.earwitness.report.setAnswer(answer);
        document.body.offsetHeight;
        return performance.now() - begun;
    }}""")
    assert took_ms < 300
    assert page.locator("tbody tr[data-event-index]").count() == 20
    assert "no events yet" in page.locator(".ew-lane[data-word='gunshot']").inner_text()


def test_a_mounted_report_takes_data_later_reports_selections_and_goes(page: Any) -> None:
    view, answer = json.dumps(make_view_of(5.0)), json.dumps(make_answer_of(5.0, [make_event(1.0)]))
    result = page.evaluate(f"""() => {{
        window.earwitness.report.destroy();
        const root = document.getElementById("ew-root");
        const report = window.earwitness.mountReport(root, {{}});
        report.setAnswer({answer});
        report.setView({view});
        report.setAttention({{ maps: [], note: "no map here" }});
        let selected = null;
        root.addEventListener("earwitness:event-selected", (event) => (selected = event.detail));
        report.select(0);
        const shown = root.querySelector(".ew-why").textContent;
        report.destroy();
        return [selected.index, selected.event.word, shown.includes("no map here"), root.children.length];
    }}""")
    assert result == [0, "dog bark", True, 0]


def test_hostile_words_are_only_words(open_page: OpenPage, tmp_path: Path) -> None:
    word = "</script><img src=x onerror=document.title='hit'>"
    answer = make_answer_of(5.0, [make_event(1.0, word)], (word, "\u202eabc"), word)
    path = tmp_path / "hostile.html"
    path.write_text(make_report(make_view_of(5.0, word), answer), encoding="utf-8")
    page = open_page(path)
    page.wait_for_selector("[data-shown]")
    page.click("tr[data-event-index='0']")
    assert page.locator(".ew-cell-word").inner_text() == word
    assert page.locator("img").count() == 0
    assert page.title() == word


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE])
def test_pages_fit_and_follow_light_and_dark(
    path: Path, open_page: OpenPage, scheme: str, size: dict[str, Any]
) -> None:
    page = open_page(path, color_scheme=scheme, **size)
    page.wait_for_selector("[data-shown]")
    page.click("tr[data-event-index='1']")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) < 60) == (scheme == "dark")
    buttons = "[...document.querySelectorAll('.ew-bar button, .ew-tools button, .ew-play-event')]"
    sizes = page.evaluate(f"{buttons}.map((each) => Math.min(each.offsetHeight, each.offsetWidth))")
    assert min(size for size in sizes if size) >= 40  # those that are hidden have none


def test_the_best_scenes_come_first_the_rest_on_request_and_on_paper(open_page: OpenPage, tmp_path: Path) -> None:
    answer = make_answer_of(DURATION_S, make_events())
    like_park = answer["recognition"]["scenes"][0]
    scenes = [{**like_park, "scene": f"place {n}", "score": 3.0 - n, "is_winner": n == 0} for n in range(9)]
    answer["recognition"]["scenes"] = scenes
    path = tmp_path / "scenes.html"
    path.write_text(make_report(make_view_of(DURATION_S), answer, Sound(), None), encoding="utf-8")
    page = open_page(path)
    shown = page.locator(".ew-scenes li:visible")
    wait_until(page, "document.querySelectorAll('.ew-scenes li').length === 9")
    assert shown.count() == 5
    page.emulate_media(media="print")
    assert shown.count() == 9
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Show all 9").click()
    assert shown.count() == 9


def test_on_paper_all_events_stand_and_nothing_to_press(open_page: OpenPage, tmp_path: Path) -> None:
    events = [make_event(index * 0.5, WORDS[index % 3]) for index in range(400)]
    path = tmp_path / "many.html"
    path.write_text(make_report(make_view_of(220.0), make_answer_of(220.0, events)), encoding="utf-8")
    page = open_page(path, color_scheme="dark")
    page.wait_for_selector("[data-shown]")
    assert page.locator("tbody tr[data-event-index]").count() == 300
    page.keyboard.press("+")
    page.emulate_media(media="print")
    wait_until(page, "document.querySelectorAll('tbody tr[data-event-index]').length === 400")
    assert not page.locator(".ew-bar").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.querySelector('.ew-shown').textContent").startswith("Whole")
    page.emulate_media(media="screen")
    wait_until(page, "document.querySelector('.ew-shown').textContent.includes(' to ')")


def test_the_row_of_a_chosen_event_is_in_sight(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    events = [make_event(index * 0.5) for index in range(400)]
    path.write_text(make_report(make_view_of(220.0), make_answer_of(220.0, events)), encoding="utf-8")
    page = open_page(path)
    page.wait_for_selector("[data-shown]")
    page.evaluate("window.earwitness.report.select(350)")
    box, row = page.locator(".ew-events .ew-wide").bounding_box(), page.locator("tr[aria-current]").bounding_box()
    assert box["y"] <= row["y"] <= box["y"] + box["height"]


@pytest.mark.parametrize(("hours", "n_events"), [(1, 600), (24, 5000)])
def test_long_recordings_open_fast_and_stay_small(
    open_page: OpenPage, tmp_path: Path, hours: int, n_events: int
) -> None:
    duration_s = 3600.0 * hours
    events = [
        make_event(index * duration_s / n_events, WORDS[index % 3], 0.5 + index % 50 / 100) for index in range(n_events)
    ]
    path = tmp_path / "long.html"
    path.write_text(make_report(make_view_of(duration_s), make_answer_of(duration_s, events)), encoding="utf-8")
    assert path.stat().st_size < 40e6
    page = open_page("about:blank")
    begun = time.monotonic()
    page.goto(path.as_uri())
    page.wait_for_selector("[data-shown]")
    assert page.locator("tbody tr[data-event-index]").count() == 300
    took_s = time.monotonic() - begun
    assert took_s < 2, took_s
    lit = (
        "Array.from(document.querySelector('.ew-overview canvas').getContext('2d').getImageData(100, 10, 100, 20).data)"
    )
    wait_until(page, f"new Set({lit}).size > 20")
    for _ in range(8):
        page.keyboard.press("+")
    wait_until(page, "document.querySelector('.ew-shown').textContent.includes(' to ')")


def test_two_fingers_zoom_and_one_pans(path: Path, open_page: OpenPage) -> None:
    page = open_page(path, **PHONE)
    page.wait_for_selector("[data-shown]")
    box = page.locator(".ew-spectrogram").bounding_box()
    middle, y = box["x"] + box["width"] / 2, box["y"] + 60
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *xs: float) -> None:
        points = [{"x": x, "y": y, "id": index} for index, x in enumerate(xs)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", middle - 20, middle + 20)
    for wide in (30, 40, 60, 80):
        touch("touchMove", middle - wide, middle + wide)
    touch("touchEnd")
    wait_until(page, "document.querySelector('.ew-shown').textContent.includes(' to ')")
    before = page.locator(".ew-shown").inner_text()
    touch("touchStart", middle)
    for by in (10, 30, 60):
        touch("touchMove", middle - by)
    touch("touchEnd")
    wait_until(page, f"document.querySelector('.ew-shown').textContent !== {json.dumps(before)}")
    assert page.locator(".ew-time b").inner_text() == "0:00.0"
