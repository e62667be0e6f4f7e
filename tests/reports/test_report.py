"""Reports from recordings: heard once, written whole, with attention, and a page over all."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from demo_recording import make_recording
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import OutputError, WeightsError
from earwitness.recognition.events import Event
from earwitness.recognition.explain import AttentionMap
from earwitness.recognition.pipeline import recognize
from earwitness.reports.report import N_MAPS, ReportFolder, explain_events, write_report
from earwitness.settings import Settings

EVENTS = ["telephone ringing", "dog bark", "gunshot"]
SCENES = ["storm", "library"]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo: rain, a telephone at 2.1 s, a dog at 6.2 s, and more."""
    path = tmp_path_factory.mktemp("report") / "street.wav"
    soundfile.write(path, make_recording()[0], 16000)
    return path


def read_data(page: Path, name: str) -> Any:
    found = re.search(rf'id="ew-{name}">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])


def make_events(n: int) -> list[Event]:
    return [Event(float(index), index + 0.5, "dog bark", 0.5 + index / 1e4, index + 0.25, ()) for index in range(n)]


@pytest.mark.slow
def test_a_report_holds_what_recognize_tells_the_sound_and_attention(
    street: Path, encoder: LoadedEncoder, tmp_path: Path
) -> None:
    shares: list[float] = []
    out = tmp_path / "new" / "report.html"
    detected = write_report(street, EVENTS, SCENES, out, encoder=encoder, on_progress=shares.append)
    assert detected == recognize(street, EVENTS, SCENES, encoder=encoder)
    assert shares == sorted(shares)
    assert shares[-1] <= 1
    details = read_data(out, "answer")["recognition"]
    assert [event["word"] for event in details["events"]] == EVENTS[:2]
    maps = read_data(out, "attention")["maps"]
    assert [each["peak_s"] for each in maps] == sorted(event.peak_s for event in detected.events)
    for each in maps:
        weights = np.frombuffer(base64.b64decode(each["weights"]), np.uint8)
        assert len(weights) == each["n_bands"] * each["n_tokens"]
        assert weights.max() == 255
        assert each["start_s"] <= each["peak_s"] <= each["start_s"] + each["n_tokens"] * each["token_s"]
    assert 'id="ew-sound"' in out.read_text(encoding="utf-8")


def test_the_sound_can_be_linked_or_left_out(street: Path, encoder: LoadedEncoder, tmp_path: Path) -> None:
    for choice, url in (("link", "../street.wav"), ("none", None)):
        out = street.parent / f"out_{choice}" / "x.html"
        write_report(street, EVENTS[:1], [], out, encoder=encoder, audio=choice, explain=None)  # type: ignore[arg-type]
        assert read_data(out, "audio")["url"] == url
        assert 'id="ew-sound"' not in out.read_text(encoding="utf-8")
        assert read_data(out, "attention") is None


def test_the_published_method_has_a_report_without_curves(street: Path, encoder: LoadedEncoder, tmp_path: Path) -> None:
    out = tmp_path / "tmrl.html"
    write_report(street, EVENTS, SCENES, out, Settings(method="tmrl"), encoder)
    assert read_data(out, "answer")["curves"] is None
    assert "no attention map" in read_data(out, "attention")["note"]


def test_maps_are_made_for_the_highest_scores_only(encoder: LoadedEncoder) -> None:
    query: list[float] = []

    def explain(_: Any, peaks_s: Any, *__: Any) -> list[AttentionMap]:
        query.extend(peaks_s)
        return [AttentionMap(np.ones((5, 12), np.float32), 0.0, 0.16, np.arange(6.0))] * len(peaks_s)

    details = explain_events("x.wav", make_events(N_MAPS + 3), Settings(), encoder, explain)
    assert details is not None
    assert len(details["maps"]) == N_MAPS
    assert min(query) == 3.25
    assert "highest scores" in details["note"]


def test_an_encoder_that_cannot_tell_its_attention_says_why(encoder: LoadedEncoder) -> None:
    def explain(*_: Any) -> list[AttentionMap]:
        raise WeightsError("it has no graph for attention")

    details = explain_events("x.wav", make_events(1), Settings(), encoder, explain)
    assert details == {"maps": [], "note": "No attention map: it has no graph for attention"}


def test_a_page_that_cannot_be_written_is_told(street: Path, encoder: LoadedEncoder, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(street, [], SCENES, tmp_path / "taken" / "x.html", encoder=encoder)
    with pytest.raises(OutputError, match="cannot be written"):
        ReportFolder(tmp_path / "taken", [], [], [], Settings(), encoder)


def test_the_index_is_written_whatever_stops_the_run(street: Path, encoder: LoadedEncoder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = [str(street), "gone.wav"]
    folder = ReportFolder(out, names, EVENTS, [], Settings(), encoder)

    def work() -> None:
        with folder:
            folder.add(folder.write(street, str(street)))
            folder.add_error("gone.wav", "it is gone")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    index = (out / "index.html").read_text(encoding="utf-8")
    assert 'href="reports/street.html"' in index
    assert "it is gone" in index
