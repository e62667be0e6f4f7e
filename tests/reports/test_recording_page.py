"""A report in one file: nothing of a user's becomes markup, and only its own script may run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from earwitness.reports.page import escape, to_json
from earwitness.reports.recording_page import Sound, make_report
from earwitness.reports.scripts import ASSETS, PARTS, report_script, report_style
from made_reports import make_answer_of, make_event, make_map, make_view_of

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"'&amp;<b>",
    "line\u2028separator\u2029",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "half \udc80 of a pair",
    "${alert(1)}`\\u003c",
]


class Markup(HTMLParser):
    """Notes elements, and what stands in each script and style."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.contents: list[tuple[str, dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in ("script", "style"):
            self.contents.append((*self.tags[-1], data))


def read(page: str) -> Markup:
    markup = Markup()
    markup.feed(page)
    return markup


def make_page(word: str = "dog bark", name: str = "street.wav", **given: Any) -> str:
    answer = make_answer_of(10.0, [make_event(2.0, word)], (word, "siren"), name)
    return make_report(make_view_of(10.0, name), answer, **given)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_user_becomes_markup_or_ends_a_script(text: str) -> None:
    harmless, markup = read(make_page()), read(make_page(text, text, audio=Sound(url="x", note=text)))
    assert [tag for tag, _ in markup.tags] == [tag for tag, _ in harmless.tags]
    details = next(json.loads(data) for _, stored, data in markup.contents if stored.get("id") == "ew-answer")
    assert details["recognition"]["events"][0]["word"] == text


def test_json_in_a_page_holds_no_sign_that_html_knows() -> None:
    written = to_json(HOSTILE)
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written) == HOSTILE
    with pytest.raises(ValueError, match="Out of range"):
        to_json(float("nan"))


def test_a_text_that_cannot_be_written_is_shown_by_its_number() -> None:
    assert escape("half \udc80 <") == "half \\udc80 &lt;"


def test_the_policy_lets_only_the_pages_own_script_and_style() -> None:
    markup = read(make_page())
    policy = next(
        stored["content"] for tag, stored in markup.tags if stored.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        own = [data for name, stored, data in markup.contents if name == tag and "type" not in stored]
        digests = [base64.b64encode(hashlib.sha256(data.encode()).digest()).decode() for data in own]
        assert rules[rule] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert not [
        stored for _, stored in markup.tags if "style" in stored or any(name.startswith("on") for name in stored)
    ]


def test_a_page_loads_nothing_from_elsewhere() -> None:
    markup = read(make_page())
    assert not [stored for _, stored in markup.tags if "src" in stored or "href" in stored]
    assert "url(" not in report_style()
    assert "http:" not in report_script().replace("http://www.w3.org/2000/svg", "")


def test_the_script_writes_no_markup() -> None:
    names = {path.stem for path in ASSETS.glob("*.js")}
    assert names == {*PARTS, "boot", "index", "heat"}
    for path in ASSETS.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < 400
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", text), path


def test_without_scripts_events_and_scenes_are_tables() -> None:
    page = make_page("<b>dog</b>")
    part = page[page.index("<noscript>") : page.index("</noscript>")]
    assert "&lt;b&gt;dog&lt;/b&gt;" in part
    assert "<td><bdi>2.00</bdi></td><td><bdi>3.00</bdi></td>" in part
    assert "park" in part


def test_sound_and_maps_are_in_the_page() -> None:
    page = make_page(audio=Sound(content=b"sound"), attention={"maps": [make_map(2.32)], "note": ""})
    stored = {stored.get("id"): data for _, stored, data in read(page).contents}
    assert base64.b64decode(stored["ew-sound"]) == b"sound"
    assert json.loads(stored["ew-attention"])["maps"][0]["peak_s"] == 2.32


def test_a_long_recordings_pictures_wait_in_tiles() -> None:
    page = make_report(make_view_of(600.0), make_answer_of(600.0, []))
    stored = {stored.get("id"): data for _, stored, data in read(page).contents}
    tiles = json.loads(stored["ew-view"])["spectrogram"]["tiles"]
    assert len(tiles) == 15
    assert stored[tiles[3]["png"].removeprefix("#")].startswith("data:image/png;base64,")
    assert len(stored["ew-view"]) < 400_000
