"""AOEF."""

from __future__ import annotations

import json
from dataclasses import replace

from earwitness.results.formats.aoef import AOEF
from made_recognitions import RECOGNITION, SILENT, encode


def test_what_is_named_is_there() -> None:
    data = json.loads(encode(AOEF, RECOGNITION, SILENT, replace(RECOGNITION, source="b.wav")))["data"]
    ids = {kind: {each["uuid"] for each in data[kind]} for kind in ("recordings", "clips", "sound_events")}
    assert [len(each) for each in ids.values()] == [3, 3, 4]
    assert {each["recording"] for each in (*data["clips"], *data["sound_events"])} <= ids["recordings"]
    assert {each["sound_event"] for each in data["sound_event_predictions"]} == ids["sound_events"]
    assert {each["clip"] for each in data["clip_predictions"]} == ids["clips"]
    tags = {each["id"]: (each["key"], each["value"]) for each in data["tags"]}
    first = data["sound_event_predictions"][0]
    assert (first["score"], tags[first["tags"][0][0]]) == (0.8125, ("event", "dog bark"))
    assert data["sound_events"][0]["geometry"] == {"type": "TimeInterval", "coordinates": [0.16, 2.4]}


def test_the_same_run_gives_the_same_ids() -> None:
    one, other = (json.loads(encode(AOEF, RECOGNITION))["data"] for _ in range(2))
    assert one["sound_events"] == other["sound_events"]
    assert one["uuid"] == other["uuid"]
