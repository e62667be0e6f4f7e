"""Lines of JSON: every kind with all its fields, in stream time and time of day."""

from __future__ import annotations

import json

from earwitness.live.clock import Drift, StreamClock
from earwitness.live.event_lines import EventLine
from earwitness.live.listener import DroppedLine, SceneLine
from earwitness.live.messages import SCHEMA, status, to_plain
from earwitness.live.segments import ErrorLine, GapLine
from earwitness.recognition.events import Event
from earwitness.recognition.match import TagEvidence
from earwitness.recognition.scenes import SceneScore
from earwitness.recognition.tags import TagSummary

CLOCK = StreamClock(lambda: 0.0, lambda: 0.0, began=1_000_000_000.0)
EVENT = Event(1.5, 2.25, "siren", 0.87654, 1.6, (TagEvidence("Siren", 0.9, 0.7, 0.5),), "sure")


def test_an_event_has_its_offset_only_once_it_has_ended() -> None:
    began = to_plain(EventLine("began", 7, EVENT), CLOCK, "mic")
    ended = to_plain(EventLine("ended", 7, EVENT), CLOCK, "mic")
    assert ended == {
        "schema": SCHEMA,
        "kind": "event",
        "state": "ended",
        "id": 7,
        "word": "siren",
        "onset": "2001-09-09T01:46:41.500Z",
        "offset": "2001-09-09T01:46:42.250Z",
        "onset_s": 1.5,
        "offset_s": 2.25,
        "score": 0.8765,
        "tier": "sure",
        "tags": [{"tag": "Siren", "score": 0.7}],
        "source": "mic",
    }
    assert began == {**ended, "state": "began", "offset": None, "offset_s": None}


def test_a_gap_has_its_end_only_once_sound_comes_again() -> None:
    began = to_plain(GapLine(10.0, None, "unplugged"), CLOCK, "mic")
    ended = to_plain(GapLine(10.0, 5.0, "unplugged"), CLOCK, "mic")
    assert (began["state"], began["end"], began["lost_s"]) == ("began", None, None)
    assert (ended["state"], ended["end"], ended["end_s"]) == ("ended", "2001-09-09T01:46:55.000Z", 15.0)


def test_every_kind_is_json_with_schema_kind_and_source() -> None:
    scene = SceneLine(0.0, 60.0, [SceneScore("park", 1.2, ("Bird",))], [TagSummary("Bird", 0.5, 0.9, 3.0)])
    lines = [
        (EventLine("withdrawn", 1, EVENT), "event"),
        (GapLine(1.0, 2.0, "x"), "gap"),
        (Drift(1.0, 0.3, 12.34, "x"), "drift"),
        (scene, "scene"),
        (DroppedLine(1.0, 3.0), "dropped"),
        (ErrorLine(1.0, "x"), "error"),
    ]
    for line, kind in lines:
        plain = to_plain(line, CLOCK, "mic")  # type: ignore[arg-type]
        again = json.loads(json.dumps(plain))
        assert (again["schema"], again["kind"], again["source"]) == (1, kind, "mic")
    details = status("listening", "mic", CLOCK, 5.0, {"events": 3})
    assert (details["kind"], details["state"], details["at_s"], details["events"]) == ("status", "listening", 5.0, 3)
