"""Lines as JSON: what `earwitness live` prints and sends, one object a line, in a versioned schema.

In: what the listener yields, with the stream's clock. Out: plain values. A change that could break a reader raises
`SCHEMA`; docs/schemas.md describes every kind.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeAlias

from earwitness.live.clock import Drift, StreamClock
from earwitness.live.event_lines import EventLine
from earwitness.live.listener import DroppedLine, Line
from earwitness.live.scenes import SceneLine
from earwitness.live.segments import ErrorLine, GapLine

SCHEMA = 1
Plain: TypeAlias = "dict[str, Any]"


def to_plain(line: Line, clock: StreamClock, source: str) -> Plain:
    """Return a line as plain values: schema, kind and source, then the fields of the kind."""
    fields = _DESCRIBE[type(line)](line, clock)
    return {"schema": SCHEMA, **fields, "source": source}


def status(state: str, source: str, clock: StreamClock, at_s: float, counts: Plain) -> Plain:
    """Return a line with the state of the run."""
    place = {"time": _time(clock, at_s), "at_s": _seconds(at_s)}
    return {"schema": SCHEMA, "kind": "status", "state": state, **place, **counts, "source": source}


def _describe_event(line: EventLine, clock: StreamClock) -> Plain:
    event, has_ended = line.event, line.state == "ended"
    return {
        "kind": "event",
        "state": line.state,
        "id": line.id,
        "word": event.word,
        "onset": _time(clock, event.onset_s),
        "offset": _time(clock, event.offset_s) if has_ended else None,
        "onset_s": _seconds(event.onset_s),
        "offset_s": _seconds(event.offset_s) if has_ended else None,
        "score": round(event.score, 4),
        "tier": event.tier,
        "tags": [{"tag": each.tag, "score": round(each.score, 4)} for each in event.tags],
    }


def _describe_gap(line: GapLine, clock: StreamClock) -> Plain:
    end_s = None if line.lost_s is None else line.start_s + line.lost_s
    return {
        "kind": "gap",
        "state": "began" if end_s is None else "ended",
        **_span(line.start_s, end_s, clock),
        "lost_s": None if line.lost_s is None else _seconds(line.lost_s),
        "reason": line.reason,
    }


def _describe_drift(line: Drift, clock: StreamClock) -> Plain:
    ppm = None if line.ppm is None else round(line.ppm, 1)
    place = {"time": _time(clock, line.at_s), "at_s": _seconds(line.at_s)}
    return {"kind": "drift", **place, "drift_s": _seconds(line.drift_s), "ppm": ppm, "reason": line.reason}


def _describe_scenes(line: SceneLine, clock: StreamClock) -> Plain:
    return {
        "kind": "scene",
        **_span(line.start_s, line.end_s, clock),
        "scenes": [{"scene": each.scene, "score": round(each.score, 4), "tags": each.tags} for each in line.scenes],
        "tags": [{**asdict(each), "peak_s": _seconds(each.peak_s)} for each in line.tags],
    }


def _describe_dropped(line: DroppedLine, clock: StreamClock) -> Plain:
    return {"kind": "dropped", **_span(line.start_s, line.end_s, clock), "reason": "speech"}


def _describe_error(line: ErrorLine, clock: StreamClock) -> Plain:
    return {"kind": "error", "time": _time(clock, line.at_s), "at_s": _seconds(line.at_s), "reason": line.reason}


_DESCRIBE: dict[type, Any] = {
    EventLine: _describe_event,
    GapLine: _describe_gap,
    Drift: _describe_drift,
    SceneLine: _describe_scenes,
    DroppedLine: _describe_dropped,
    ErrorLine: _describe_error,
}


def _span(start_s: float, end_s: float | None, clock: StreamClock) -> Plain:
    return {
        "start": _time(clock, start_s),
        "end": None if end_s is None else _time(clock, end_s),
        "start_s": _seconds(start_s),
        "end_s": None if end_s is None else _seconds(end_s),
    }


def _time(clock: StreamClock, stream_s: float) -> str:
    return clock.time_of_day(stream_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(seconds: float) -> float:
    return round(seconds, 3)
