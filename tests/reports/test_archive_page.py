"""The page of an answer: the numbers of the answer, nothing that a name could do, and what a browser makes of it."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earwitness.archive.query import Choice
from earwitness.errors import OutputError
from earwitness.reports.archive_page import N_EVENTS, N_PROBLEMS, N_RECORDINGS, make_answer_page, write_answer_page
from earwitness.reports.heatmap_page import N_WORDS
from made_answers import BUSY, QUESTION, make_answer
from made_sounds import make_tone
from results_read import wait_until

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"


def read_table(page: str, name: str) -> list[list[str]]:
    """Return the cells of a table's rows as text."""
    table = re.search(f'<table class="ew-table" id="{name}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert table, name
    rows = re.findall(r"<tr.*?>(.*?)</tr>", table[1], re.DOTALL)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub(r"<.*?>", "", cell)) for cell in row] for row in cells]


def test_the_numbers_are_those_of_the_answer() -> None:
    answer = make_answer(100, n_events=503, problems=("/archive/bad.wav: failed when it was analysed (not <audio>)",))
    page = make_answer_page(answer, QUESTION)
    for fact in ("100 recordings", "100 h 0 min of audio", "2026-03-01 00:00 to 2026-03-05 04:00", "503 events"):
        assert f"<span>{fact}</span>" in page
    counts = Counter(each.event.word for each in answer.events)
    rows = {row[0]: row[2:] for row in read_table(page, "aw-words")}
    assert list(rows) == list(answer.words)
    for word, (n_events, rate, hours, files, _) in rows.items():
        assert int(n_events) == counts[word]
        assert float(rate) == pytest.approx(counts[word] / 100, abs=0.05)
        assert int(hours) == sum(each.word == word for each in answer.hours)
        assert int(files) == sum(each.word == word for each in answer.files)
        assert f"{counts[word]} events, at most" in page
    recordings = read_table(page, "ix-recordings")
    assert sum(int(row[3]) for row in recordings) == 503
    assert [int(row[3]) for row in recordings] == sorted((int(row[3]) for row in recordings), reverse=True)
    events = read_table(page, "ix-events")
    assert len(events) == 503
    assert events[0][-1] == "Bark · Dog"
    assert float(events[0][-3]) == round(max(each.event.score for each in answer.events), 2)
    assert "not &lt;audio&gt;" in page
    assert "1 problem<" in page


def test_the_query_and_the_stores_provenance_are_shown() -> None:
    query = replace(QUESTION, choice=Choice(since="2026-03-01", path="*north*"))
    page = make_answer_page(make_answer(), query)
    for details in ("/stores/tags", "*north*", "dog bark, siren", f"sha256 {'0' * 64}", "window_s 2.0", "every 1 s"):
        assert details in page


def test_names_words_and_reasons_are_text_and_nothing_else() -> None:
    words = (HOSTILE, "\udc80 word")
    answer = make_answer(3, n_events=20, words=words, folder=f"/x{HOSTILE}", problems=(HOSTILE,))
    for each in (answer, make_answer(3, n_events=20, words=words, folder=HOSTILE, is_timed=False)):
        page = make_answer_page(each, replace(QUESTION, store=HOSTILE, choice=Choice(path=HOSTILE)))
        assert "<img" not in page
        assert page.count("</script>") == 3
        assert "\\udc80 word" in page
        page.encode("utf-8")


def test_answers_without_events_scenes_or_recordings_have_a_page() -> None:
    silent = make_answer(30, n_events=0)
    page = make_answer_page(silent, QUESTION)
    assert f"Not detected: {', '.join(BUSY)}." in page
    assert 'id="ix-events"' not in page
    page = make_answer_page(make_answer(30, n_events=0, words=()), QUESTION)
    assert 'id="aw-words"' not in page
    assert "of 30 hours" in page
    page = make_answer_page(replace(silent, recordings=(), scenes=[], n_files=0, duration_s=0.0), QUESTION)
    assert "0 recordings" in page
    many = tuple(f"word {n}" for n in range(N_WORDS + 6))
    assert f"The {N_WORDS} words with the most events" in make_answer_page(make_answer(words=many), QUESTION)


def test_recordings_that_are_there_are_linked_at_the_moment_of_the_event(
    write_wav: Callable[..., Path], tmp_path: Path
) -> None:
    answer = make_answer(2, n_events=8, folder=str(tmp_path / "so #1?"))
    write_wav("so #1?/00000.wav", make_tone(1.0))
    page = write_answer_page(answer, QUESTION, tmp_path / "out").read_text(encoding="utf-8")
    found = [each.event.onset_s for each in answer.events if each.path.endswith("00000.wav")]
    for onset_s in found:
        assert f'href="../so%20%231%3F/00000.wav#t={onset_s:.2f}"' in page
    assert len(found) + 1 == page.count("<a href=")
    assert "00001.wav#" not in page
    assert "<a href=" not in make_answer_page(answer, QUESTION)


def test_recordings_of_one_name_show_their_folders() -> None:
    answer = make_answer(2, n_events=0)
    north, south = (replace(answer.recordings[0], path=f"/archive/site_{site}/1.wav") for site in ("a", "b"))
    page = make_answer_page(replace(answer, recordings=(north, south)), QUESTION)
    assert [row[0] for row in read_table(page, "ix-recordings")] == ["site_a/1.wav", "site_b/1.wav"]
    assert "<dt>Recordings from</dt><dd><bdi>/archive/</bdi></dd>" in page


@pytest.mark.slow
def test_a_page_of_100000_events_stays_small() -> None:
    problems = tuple(f"/archive/{n}.wav: " + "x" * 5000 for n in range(5000))
    answer = make_answer(8760, n_events=100_000, words=tuple(f"word {n}" for n in range(20)), problems=problems)
    page = make_answer_page(answer, QUESTION)
    assert len(page) < 3_000_000
    assert len(read_table(page, "ix-events")) == N_EVENTS
    assert len(read_table(page, "ix-recordings")) == N_RECORDINGS
    assert page.count("<li>") == N_PROBLEMS
    assert "of 100,000; the table of events lists all" in page
    assert "100,000 events" in page


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_answer_page(make_answer(), QUESTION, tmp_path / "file")


def test_a_browser_shows_sorts_filters_and_explains_cells(open_page: Callable[..., Any], tmp_path: Path) -> None:
    answer = make_answer(31 * 24, n_events=300, problems=("/archive/" + "very_long_name" * 20 + ".wav: failed",))
    page = open_page(write_answer_page(answer, QUESTION, tmp_path), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator(".hm-map").count() == len(BUSY) + 1
    first = next(each for each in answer.hours if each.word == "siren")
    day, hour = int(first.hour.start[8:10]) - 1, int(first.hour.start[11:13])
    siren = page.locator(".hm-map").nth(1)
    siren.scroll_into_view_if_needed()
    box = siren.bounding_box()
    page.mouse.move(box["x"] + (hour + 0.5) * box["width"] / 24, box["y"] + (day + 0.5) * box["height"] / 31)
    details = f"{first.hour.start[:10]} {hour:02d}:00: {first.n_events} event"
    wait_until(page, f"document.querySelector('.hm-tip').textContent.startsWith('{details}')")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.fill("#ix-find", "siren")
    assert page.locator("#ix-events tbody tr:visible").count() == 60
    page.click("#ix-events th:nth-child(1) button")
    times = page.locator("#ix-events tbody tr:visible td:first-child").all_text_contents()
    assert times == sorted(times)
    page.click("summary")
    assert page.get_by_text("Store made by").is_visible()


@pytest.mark.parametrize(("n_files", "is_timed"), [(1, True), (365, True), (60, False)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_any_time_fit_any_width(
    open_page: Callable[..., Any], tmp_path: Path, n_files: int, is_timed: bool, scheme: str
) -> None:
    words = (*BUSY, "a_word_that_is_much_longer_than_any_column_could_ever_be_" * 3)
    answer = make_answer(n_files, n_events=90, words=words, every_s=86400, is_timed=is_timed, folder="/" + "long" * 50)
    path = write_answer_page(answer, QUESTION, tmp_path)
    for width in (320, 390, 1280):
        page = open_page(path, viewport={"width": width, "height": 800}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        sizes = page.evaluate(
            "[...document.querySelectorAll('.hm-map')].map((map) => map.getBoundingClientRect().width)"
        )
        assert min(sizes) > 100
