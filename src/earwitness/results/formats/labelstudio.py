"""Label Studio: a task a recording with its events as predictions, to import into a project for audio.

The labelling set-up needs `<Labels name="label" toName="audio">` and `<Audio name="audio" value="$audio"/>`. Audio is
named as files on Label Studio's own machine; it serves them where LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED is set.

Source: Label Studio's documentation, "Import pre-annotated data", of version 1.20.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from earwitness.recognition import Event
from earwitness.results.formats.base import Format, RecordingResult, as_json, round_score, round_time


def _make_task(result: RecordingResult) -> str:
    recognition, path = result.recognition, result.path.as_posix().lstrip("/")
    regions = [_make_region(number, e, recognition.duration_s) for number, e in enumerate(recognition.events, start=1)]
    best = max((e.score for e in recognition.events), default=0.0)
    prediction = {"model_version": recognition.encoder, "score": round_score(best), "result": regions}
    audio = "/data/local-files/?d=" + quote(path, errors="backslashreplace")
    return as_json({"data": {"audio": audio, "file": recognition.source}, "predictions": [prediction]})


def _make_region(number: int, event: Event, duration_s: float) -> dict[str, Any]:
    value = {"start": round_time(event.onset_s), "end": round_time(event.offset_s), "channel": 0}
    return {
        **{"id": f"event{number}", "from_name": "label", "to_name": "audio", "type": "labels"},
        **{"original_length": round_time(duration_s), "score": round_score(event.score)},
        "value": {**value, "labels": [event.word]},
    }


LABEL_STUDIO = Format(
    name="labelstudio",
    title="Label Studio tasks",
    suffix=".labelstudio.json",
    media_type="application/json",
    rows=_make_task,
    head="[\n",
    between=",\n",
    foot="\n]\n",
    run_file="labelstudio.json",
)
