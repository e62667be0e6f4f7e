"""Many recordings: a bad one does not stop the rest, and progress says how far the run is."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from earwitness.encoders import LoadedEncoder
from earwitness.errors import AudioError, OutputError
from earwitness.results.run import Destination, ErrorFile, Outcome, Report, RunRecord, Tally, open_results, process_each
from earwitness.settings import Settings
from earwitness.version import __version__

SOURCES = [Path("a.wav"), Path("b.wav"), Path("c.wav")]


def measure(source: Path, report: Report) -> str:
    """Give the name back, and report half-way."""
    report(0.5)
    return source.name


def test_outcomes_come_in_the_order_of_the_recordings() -> None:
    outcomes = list(process_each(SOURCES, measure, "none"))
    assert outcomes == [Outcome(source, source.name) for source in SOURCES]


def test_a_recording_that_fails_leaves_its_reason_and_the_rest_go_on() -> None:
    def fail_at_b(source: Path, _: Report) -> str:
        if source.name == "b.wav":
            raise AudioError("b.wav: no sound in it")
        return source.name

    outcomes = list(process_each(SOURCES, fail_at_b, "none"))
    assert [outcome.result for outcome in outcomes] == ["a.wav", None, "c.wav"]
    assert [outcome.reason for outcome in outcomes] == ["", "b.wav: no sound in it", ""]


@pytest.mark.parametrize("error", [ValueError("odd"), OSError("odd"), RuntimeError("odd"), MemoryError("odd")])
def test_a_failure_that_nobody_foresaw_is_logged_with_its_trace(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(source: Path, _: Report) -> str:
        raise error

    [outcome] = process_each(SOURCES[:1], fail, "none")
    assert outcome.result is None
    assert outcome.reason == f"a.wav: {type(error).__name__}: odd; please report this"
    assert caplog.records[0].exc_info is not None


def test_a_key_press_stops_the_run() -> None:
    def stop(source: Path, _: Report) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(process_each(SOURCES, stop, "none"))


def test_recordings_are_processed_one_at_a_time_as_results_are_taken() -> None:
    begun: list[Path] = []

    def note(source: Path, _: Report) -> None:
        begun.append(source)

    outcomes = process_each(SOURCES, note, "none")
    next(outcomes)
    assert begun == SOURCES[:1]


def test_progress_as_json_is_a_line_for_each_recording(capsys: pytest.CaptureFixture[str]) -> None:
    list(process_each(SOURCES, measure, "json"))
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.err.splitlines()]
    assert captured.out == ""
    assert [(line["done"], line["total"], line["file"]) for line in lines] == [
        (1, 3, "a.wav"),
        (2, 3, "b.wav"),
        (3, 3, "c.wav"),
    ]
    assert lines[-1]["left_s"] == 0
    assert all(line["elapsed_s"] >= 0 for line in lines)


def test_progress_as_json_also_tells_of_a_long_recording_on_its_way(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    list(process_each(SOURCES[:1], measure, "json"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["done"] for line in lines] == [0.5, 1]
    assert lines[0]["left_s"] == lines[0]["elapsed_s"] == 2


def test_a_recording_is_not_done_before_its_result_was_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    outcomes = process_each(SOURCES[:1], lambda _, report: report(1.7), "json")
    next(outcomes)
    assert [json.loads(line)["done"] for line in capsys.readouterr().err.splitlines()] == [0.99]
    assert list(outcomes) == []
    assert [json.loads(line)["done"] for line in capsys.readouterr().err.splitlines()] == [1]


@pytest.mark.parametrize("progress", ["none", "auto"])
def test_nothing_is_shown_where_nobody_watches(progress: str, capsys: pytest.CaptureFixture[str]) -> None:
    list(process_each(SOURCES, measure, progress))  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "")


def test_the_bar_goes_to_standard_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich take standard error for a terminal
    assert len(list(process_each(SOURCES, measure, "bar"))) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Analysing... 100 %" in captured.err


def test_recordings_processed_at_once_come_in_their_order_with_their_failures() -> None:
    gates = [threading.Event() for _ in SOURCES]

    def wait_for_the_next(source: Path, report: Report) -> str:
        index = SOURCES.index(source)
        if index + 1 < len(SOURCES):
            assert gates[index + 1].wait(10)  # the later ones end first
        gates[index].set()
        report(0.5)
        if source.name == "b.wav":
            raise AudioError("b.wav: no sound in it")
        return source.name

    outcomes = list(process_each(SOURCES, wait_for_the_next, "none", n_at_once=3))
    assert [outcome.result for outcome in outcomes] == ["a.wav", None, "c.wav"]
    assert outcomes[1].reason == "b.wav: no sound in it"


def test_only_a_few_recordings_are_begun_before_results_are_taken() -> None:
    begun: list[Path] = []
    outcomes = process_each([Path(f"{n}.wav") for n in range(50)], lambda source, _: begun.append(source), "none", 2)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert 1 <= len(begun) <= 4


def test_leaving_a_run_stops_what_is_at_work() -> None:
    is_begun, n_reports = threading.Event(), 0

    def go_on_for_long(source: Path, report: Report) -> None:
        nonlocal n_reports
        if source.name == "a.wav":
            assert is_begun.wait(10)
            return
        for n_reports in range(1000):
            is_begun.set()
            report(n_reports / 1000)
            time.sleep(0.01)

    outcomes = process_each(SOURCES[:2], go_on_for_long, "none", 2)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert n_reports < 999


def test_progress_of_recordings_at_once_counts_only_results_that_were_taken(capsys: pytest.CaptureFixture[str]) -> None:
    list(process_each(SOURCES, measure, "json", n_at_once=2))
    done = [json.loads(line)["done"] for line in capsys.readouterr().err.splitlines()]
    assert [each for each in done if each == int(each)] == [1, 2, 3]
    assert done == sorted(done)


def test_a_tally_names_stores_and_counts_what_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fail_at_b(source: Path, _: Report) -> str:
        if source.name == "b.wav":
            raise AudioError(f"{source}: no sound in it")
        return source.name

    errors, tally = ErrorFile(tmp_path / "x.npz"), Tally(SOURCES, lambda path: path.stem.upper())
    tally.takers.append(errors)
    assert list(tally.each(fail_at_b)) == [("A", "a.wav"), ("C", "c.wav")]
    tally.note("C", "truncated")
    tally.count_notes("A", ["odd", "short"])
    assert (tally.failures.n_left_out, tally.failures.n_partial, tally.failures.status()) == (1, 2, 1)
    assert errors.path.read_text().splitlines() == ["file,reason", "B,B: no sound in it", "C,C: truncated"]
    assert capsys.readouterr().err.splitlines() == ["B: no sound in it", "C: truncated", "A: odd", "A: short"]


def test_a_run_record_names_encoder_settings_and_more(encoder: LoadedEncoder) -> None:
    record = RunRecord.of(encoder, Settings(hop_s=0.5), events=["rain"]).to_dict()
    assert (record["version"], record["weights_sha256"], record["events"]) == (__version__, encoder.sha256, ["rain"])
    assert record["computed_on"] == encoder.backend.computed_on
    assert record["settings"]["hop_s"] == 0.5
    assert "computed_on" not in RunRecord("a", "b", "", Settings()).to_dict()


def test_a_format_needs_a_folder_and_without_one_nothing_is_written(encoder: LoadedEncoder) -> None:
    record, tally = RunRecord.of(encoder, Settings()), Tally([])
    with open_results(Destination(None), ["events.csv"], record, tally) as folder:
        assert folder is None
    with (
        pytest.raises(OutputError, match="--format jsonl needs a folder"),
        open_results(Destination(None, ["jsonl"]), [], record, tally),
    ):
        pass
