"""Label Studio's tasks."""

from __future__ import annotations

import json
from dataclasses import replace

from earwitness.results.formats.labelstudio import LABEL_STUDIO
from made_recognitions import RECOGNITION, SILENT, encode


def test_a_task_a_recording_with_its_events_as_a_prediction() -> None:
    first, second = json.loads(encode(LABEL_STUDIO, replace(RECOGNITION, source="/my sounds/yard.wav"), SILENT))
    assert first["data"] == {"audio": "/data/local-files/?d=my%20sounds/yard.wav", "file": "/my sounds/yard.wav"}
    (prediction,) = first["predictions"]
    region = prediction["result"][0]
    assert (prediction["model_version"], prediction["score"]) == ("some_encoder", 0.8125)
    assert region["value"] == {"start": 0.16, "end": 2.4, "channel": 0, "labels": ["dog bark"]}
    assert (region["from_name"], region["to_name"], region["type"]) == ("label", "audio", "labels")
    assert second["predictions"][0]["result"] == []


def test_no_recording_is_an_empty_list() -> None:
    assert json.loads(encode(LABEL_STUDIO)) == []
