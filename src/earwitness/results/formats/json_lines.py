"""JSON: all that is known of each recording, as one line of a run's file or as a file of its own.

In: `RecordingResult`s. Out: JSON as `to_dict` gives it; `from_dict` reads it back.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from earwitness.errors import OutputError
from earwitness.recognition import Event, Recognition, SceneScore, TagEvidence, TagSummary
from earwitness.results.formats.base import SCHEMA, Format, RecordingResult, as_json, round_score, round_time
from earwitness.settings import Settings


def to_dict(recognition: Recognition) -> dict[str, Any]:
    """Return a recognition as plain values, for JSON; times and scores rounded to what they mean."""
    values = {"schema": SCHEMA, **asdict(recognition), "settings": recognition.settings.to_dict()}
    values["duration_s"] = round_time(recognition.duration_s)
    for name in ("events", "scenes", "tags"):
        values[name] = [_round(each) for each in values[name]]
    return values


def _round(value: Any) -> Any:
    """Return a part with its times and scores rounded."""
    if isinstance(value, dict):
        return {key: round_time(each) if key.endswith("_s") else _round(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_round(each) for each in value]
    return round_score(value) if isinstance(value, float) else value


def from_dict(values: dict[str, Any]) -> Recognition:
    """Return the recognition that `to_dict` wrote.

    Raises:
        OutputError: the schema is not the one that this version reads.
    """
    if values.get("schema") != SCHEMA:
        raise OutputError(f"schema {values.get('schema')!r}: this version reads schema {SCHEMA}")
    fields = {key: value for key, value in values.items() if key != "schema"}
    read = {
        "events": [
            Event(**{**each, "tags": tuple(TagEvidence(**tag) for tag in each["tags"])}) for each in fields["events"]
        ],
        "scenes": [
            SceneScore(**{**each, "tags": tuple(each["tags"]), "tags_against": tuple(each["tags_against"])})
            for each in fields["scenes"]
        ],
        "tags": [TagSummary(**each) for each in fields["tags"]],
        "settings": Settings.from_mapping(fields["settings"]),
    }
    return Recognition(**{**fields, **read})


def _add_line(result: RecordingResult) -> str:
    return as_json(to_dict(result.recognition)) + "\n"


def _indent(result: RecordingResult) -> str:
    return as_json(to_dict(result.recognition), indent=2)


JSONL = Format(
    name="jsonl",
    title="JSON, a line a recording",
    suffix=".jsonl",
    media_type="application/x-ndjson",
    rows=_add_line,
    run_file="recognitions.jsonl",
)
JSON = Format(
    name="json", title="JSON, a file a recording", suffix=".json", media_type="application/json", rows=_indent
)
