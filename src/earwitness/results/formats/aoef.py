"""AOEF, the Acoustic Objects Exchange Format of soundevent and Whombat: a set of predictions.

Each recording is one clip over all of it; each event is an interval in time with its word as a tag and its score; the
scene that is the answer is a tag of the clip. Ids follow from names and times, so that the same run gives the same.

Source: soundevent 2.10, `soundevent.io.aoef`, version 1.1.0 of the format.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from earwitness.results.formats.base import ESCAPE, Format, RecordingResult, as_json, round_score, round_time

AOEF_VERSION = "1.1.0"


def encode_aoef(results: Sequence[RecordingResult]) -> bytes:
    """Return all recordings as one set of predictions."""
    tags: dict[tuple[str, str], int] = {}
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("recordings", "clips", "sound_events", "sound_event_predictions", "clip_predictions")
    }
    for result in results:
        _add_recording(result, tags, rows)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    listed = [{"id": number, "key": key, "value": value} for (key, value), number in tags.items()]
    data = {
        **{"uuid": _name("set", *(each.recognition.source for each in results)), "name": "earwitness"},
        **{"collection_type": "prediction_set", "created_on": now, "tags": listed, **rows},
    }
    return as_json({"version": AOEF_VERSION, "created_on": now, "data": data}, indent=1).encode("utf-8", ESCAPE)


def _add_recording(
    result: RecordingResult, tags: dict[tuple[str, str], int], rows: dict[str, list[dict[str, Any]]]
) -> None:
    recognition, source = result.recognition, result.recognition.source
    recording, clip, duration_s = _name("recording", source), _name("clip", source), round_time(recognition.duration_s)
    shape = {"duration": duration_s, "channels": 1, "samplerate": result.sample_rate_hz}  # as the encoder takes it in
    rows["recordings"].append({"uuid": recording, "path": result.path.as_posix(), **shape})
    rows["clips"].append({"uuid": clip, "recording": recording, "start_time": 0.0, "end_time": duration_s})
    predictions = []
    for number, event in enumerate(recognition.events):
        about = (source, str(number), event.word, str(event.onset_s))
        sound, prediction = _name("event", *about), _name("prediction", *about)
        times = [round_time(event.onset_s), round_time(event.offset_s)]
        interval = {"type": "TimeInterval", "coordinates": times}
        rows["sound_events"].append({"uuid": sound, "recording": recording, "geometry": interval})
        score = min(1.0, max(0.0, round_score(event.score)))
        tag = tags.setdefault(("event", event.word), len(tags))
        about_it = {"uuid": prediction, "sound_event": sound, "score": score, "tags": [[tag, score]]}
        rows["sound_event_predictions"].append(about_it)
        predictions.append(prediction)
    scenes = [tags.setdefault(("scene", e.scene), len(tags)) for e in recognition.scenes if e.is_winner]
    whole = {"uuid": _name("clip prediction", source), "clip": clip, "sound_events": predictions}
    rows["clip_predictions"].append({**whole, "tags": [[tag, 1.0] for tag in scenes]})


def _name(*parts: str) -> str:
    text = "\n".join(parts).encode("utf-8", ESCAPE).decode("utf-8")
    return str(uuid5(NAMESPACE_URL, f"urn:earwitness:{text}"))


AOEF = Format(
    name="aoef",
    title="AOEF of soundevent and Whombat",
    suffix=".aoef.json",
    media_type="application/json",
    whole=encode_aoef,
    run_file="predictions_aoef.json",
)
