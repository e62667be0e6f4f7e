"""JAMS: events as open tags in time, the scene as one over the whole recording; each with its confidence.

Source: Humphrey et al., "JAMS: a JSON annotated music specification for reproducible MIR research", ISMIR 2014;
schema and namespace `tag_open` of jams 0.3.
"""

from __future__ import annotations

from typing import Any

from earwitness.results.formats.base import Format, RecordingResult, as_json, round_score, round_time
from earwitness.version import __version__

JAMS_VERSION = "0.3.5"


def _describe(result: RecordingResult) -> str:
    duration_s = round_time(result.recognition.duration_s)
    events = [
        _observe(e.onset_s, e.offset_s - e.onset_s, e.word, round_score(e.score)) for e in result.recognition.events
    ]
    scenes = [_observe(0.0, duration_s, e.scene, None) for e in result.recognition.scenes if e.is_winner]
    annotations = [_annotate("events", events, duration_s)]
    if scenes:
        annotations.append(_annotate("scenes", scenes, duration_s))
    return as_json(
        {
            "annotations": annotations,
            "file_metadata": {
                **{"title": result.path.stem, "artist": "", "release": "", "duration": duration_s},
                **{"identifiers": {"file": result.recognition.source}, "jams_version": JAMS_VERSION},
            },
            "sandbox": {"event_words": result.recognition.event_words},
        },
        indent=2,
    )


def _annotate(kind: str, observations: list[dict[str, Any]], duration_s: float) -> dict[str, Any]:
    about = {
        **{"curator": {"name": "", "email": ""}, "annotator": {}, "version": "", "corpus": ""},
        **{"annotation_tools": f"earwitness {__version__}", "annotation_rules": "", "validation": ""},
        "data_source": "program",
    }
    return {
        **{"annotation_metadata": about, "namespace": "tag_open", "data": observations, "sandbox": {"kind": kind}},
        **{"time": 0, "duration": duration_s},
    }


def _observe(time_s: float, duration_s: float, value: str, confidence: float | None) -> dict[str, Any]:
    return {"time": round_time(time_s), "duration": round_time(duration_s), "value": value, "confidence": confidence}


JAMS = Format(name="jams", title="JAMS", suffix=".jams", media_type="application/json", rows=_describe)
