"""JSON: what is written is read back as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from earwitness.errors import OutputError
from earwitness.results.formats.json_lines import JSON, JSONL, from_dict, to_dict
from made_recognitions import RECOGNITION, SILENT, encode


def test_json_lines_come_back_as_they_were() -> None:
    lines = encode(JSONL, RECOGNITION, SILENT).splitlines()
    assert [from_dict(json.loads(line)) for line in lines] == [RECOGNITION, SILENT]


def test_a_json_file_holds_one_recording() -> None:
    assert json.loads(encode(JSON, SILENT)) == json.loads(encode(JSONL, SILENT))


def test_a_result_of_another_schema_is_refused() -> None:
    with pytest.raises(OutputError, match="schema 99: this version reads schema 1"):
        from_dict({**to_dict(RECOGNITION), "schema": 99})
    with pytest.raises(OutputError, match="schema None"):
        from_dict({})


def test_numbers_are_rounded_to_what_they_mean() -> None:
    (event, *_) = RECOGNITION.events
    noisy = replace(RECOGNITION, duration_s=1 / 3, events=[replace(event, onset_s=2 / 3, score=1 / 3)])
    values = to_dict(noisy)
    assert (values["duration_s"], values["events"][0]["onset_s"], values["events"][0]["score"]) == (
        0.333,
        0.667,
        0.3333,
    )
    assert values["settings"] == noisy.settings.to_dict()
