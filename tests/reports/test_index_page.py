"""The page over many recordings: the events of each, all linked."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from earwitness.recognition.events import Event
from earwitness.recognition.match import TagEvidence
from earwitness.recognition.pipeline import Recognition
from earwitness.recognition.scenes import SceneScore
from earwitness.reports.index_page import N_EVENTS, IndexEntry, make_index
from earwitness.reports.page import show_duration, show_time
from earwitness.settings import Settings

WORDS = ["dog bark", "siren"]


def make_entry(name: str, onsets_s: list[float], word: str = "dog bark", scene: str = "park") -> IndexEntry:
    tags = (TagEvidence("Bark", 0.8, 0.5, 1.0),)
    events = [Event(onset_s, onset_s + 1, word, 0.5 + onset_s / 1e6, onset_s, tags) for onset_s in onsets_s]
    settings = Settings()
    recognition = Recognition(name, 90.0, events, [SceneScore(scene, 1.0)], [], WORDS, settings, "m2d", "0")
    return IndexEntry(name, f"reports/{Path(name).stem}.html", recognition)


def make_entries() -> list[IndexEntry]:
    return [
        make_entry("in/b 2.wav", [3.0, 70.5]),
        make_entry("in/a.wav", [], scene="office"),
        IndexEntry("in/bad.wav", error="not readable <as audio>"),
        make_entry("in/c.wav", [12.25], "siren"),
    ]


def test_all_recordings_are_listed_and_their_events_linked() -> None:
    page = make_index(make_entries(), WORDS)
    assert "4 recordings" in page
    assert "1 recording could not be read" in page
    assert 'href="reports/b%202.html#t=70.50"' in page
    assert "not readable &lt;as audio&gt;" in page
    assert "2 in 1 of 3 recordings" in page
    assert "1 of 3 recordings" in page
    assert ">in/</bdi>" in page  # the folder, once
    assert "in/b 2.wav" not in page


def test_names_and_words_are_escaped() -> None:
    word = "</script><img src=x>\"'"
    entry = make_entry(word + ".wav", [1.0], word)
    page = make_index([entry], [word])
    assert "<img" not in page
    assert html.escape(word) in page


def test_recordings_without_a_folder_in_common_keep_their_names() -> None:
    page = make_index([make_entry("/a/x.wav", []), make_entry("y.wav", [])], WORDS)
    assert "/a/x.wav" in page
    assert make_index([], WORDS).count("<tr") >= 1


def test_of_very_many_events_the_highest_scores_are_listed() -> None:
    page = make_index([make_entry("x.wav", [float(index) for index in range(N_EVENTS + 10)])], WORDS)
    assert "#t=9.00" not in page
    assert "#t=10.00" in page
    assert "with the highest scores" in page


@pytest.mark.parametrize(
    ("duration_s", "shown", "time"),
    [(42.31, "42.3 s", "0:42.31"), (192, "3 min 12 s", "3:12.00"), (86399.999, "24 h 0 min", "24:00:00.00")],
)
def test_durations_and_times_read_naturally(duration_s: float, shown: str, time: str) -> None:
    assert (show_duration(duration_s), show_time(duration_s)) == (shown, time)


def test_tables_sort_and_filter(open_page: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(make_index(make_entries(), WORDS), encoding="utf-8")
    page = open_page(path, viewport={"width": 390, "height": 800})
    names = "[...document.querySelectorAll('#ix-recordings tbody tr')].map((row) => row.dataset.file)"
    page.click("#ix-recordings th:nth-child(1) button")
    assert page.evaluate(names) == ["a.wav", "b 2.wav", "bad.wav", "c.wav"]
    page.click("#ix-recordings th:nth-child(3) button")
    page.click("#ix-recordings th:nth-child(3) button")
    assert page.evaluate(names)[0] == "b 2.wav"
    assert page.locator("#ix-recordings th:nth-child(3)").get_attribute("aria-sort") == "descending"
    page.fill("#ix-find", "siren")
    assert page.locator("#ix-events tbody tr:visible").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
