"""JAMS."""

from __future__ import annotations

import json
from dataclasses import replace

from earwitness.results.formats.jams import JAMS
from made_recognitions import RECOGNITION, encode


def test_events_and_the_scene_are_open_tags() -> None:
    park, tram = RECOGNITION.scenes
    jam = json.loads(encode(JAMS, replace(RECOGNITION, scenes=[replace(park, is_winner=True), tram])))
    events, scenes = jam["annotations"]
    assert {each["namespace"] for each in jam["annotations"]} == {"tag_open"}
    assert events["data"][0] == {"time": 0.16, "duration": 2.24, "value": "dog bark", "confidence": 0.8125}
    assert [(each["time"], each["duration"], each["value"]) for each in scenes["data"]] == [(0.0, 12.5, "park")]
    assert jam["file_metadata"]["duration"] == 12.5
