"""What all formats share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earwitness.errors import OutputError
from earwitness.results.formats.audacity import AUDACITY
from earwitness.results.formats.base import Format, choose
from earwitness.results.formats.dcase import DCASE
from earwitness.results.formats.raven import RAVEN
from earwitness.results.formats.registry import DOWNLOADS, FORMATS
from made_recognitions import RECOGNITION, read_cells


@pytest.mark.parametrize("form", [DCASE, AUDACITY, RAVEN], ids=lambda form: form.name)
def test_tabs_and_line_ends_in_names_and_words_break_no_table(form: Format) -> None:
    (event, *_) = RECOGNITION.events
    odd = replace(RECOGNITION, source="a\tb\r\nc.wav", events=[replace(event, word="dog\tbark\nloud")])
    whole = replace(odd, source="abc.wav", events=[replace(event, word="dog")])
    assert [len(row) for row in read_cells(form, odd)] == [len(row) for row in read_cells(form, whole)]


def test_every_format_is_named_once_and_says_what_it_is() -> None:
    assert next(iter(FORMATS)) == "csv"
    for name, form in DOWNLOADS.items():
        assert (form.name, bool(form.title), form.suffix[0]) == (name, True, ".")
        assert (form.rows is None) != (form.whole is None)


def test_unknown_formats_are_refused_and_the_known_listed() -> None:
    assert [each.name for each in choose(["raven", "raven", "csv"], FORMATS)] == ["raven", "csv"]
    with pytest.raises(OutputError, match="format 'xml': choose from csv, jsonl"):
        choose(["xml"], FORMATS)
