"""Results on disk: every form holds what was heard, and what cannot be written is told at once."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earwitness.errors import MissingExtraError, OutputError
from earwitness.recognition.pipeline import ClipScore
from earwitness.results.folder import ResultFolder
from earwitness.results.formats.base import SCHEMA
from earwitness.results.formats.csv_tables import COLUMNS
from earwitness.results.formats.json_lines import from_dict
from earwitness.results.formats.raven import RAVEN
from earwitness.results.formats.registry import FORMATS
from earwitness.settings import Settings
from made_recognitions import BARK, RECOGNITION, SCORES, SILENT, encode
from results_read import read_run

TABLES = ("events.csv", "scenes.csv")
RUN = {"version": "0.1.0", "settings": Settings().to_dict()}


def read_rows(path: Path) -> list[list[str]]:
    """Return the rows of a CSV file below its header."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == COLUMNS[path.name]
    return rows[1:]


def test_tables_hold_events_scenes_and_notes(tmp_path: Path) -> None:
    with ResultFolder(tmp_path / "deep" / "out", TABLES, [], RUN) as results:
        results.add(RECOGNITION)
        results.add(SILENT)
    folder = tmp_path / "deep" / "out"
    reason = "Bark|0.910|0.500; Dog|0.800|0.250"
    assert read_rows(folder / "events.csv") == [
        ["sounds/yard.wav", "0.160", "2.400", "dog bark", "0.8125", reason, "sure"],
        ["sounds/yard.wav", "3.000", "3.500", 'a "quoted", word', "0.5000", "Dog|0.800|0.250", "possible"],
    ]
    assert read_rows(folder / "scenes.csv")[:3] == [
        ["sounds/yard.wav", "1", "park", "1.2500", "Bird; Wind; not Engine", ""],
        ["sounds/yard.wav", "2", "tram", "-0.5000", "", ""],
        ["sounds/quiet.wav", "1", "park", "1.2500", "Bird; Wind; not Engine", ""],
    ]
    assert read_rows(folder / "errors.csv") == [["sounds/yard.wav", "truncated: half of it is missing"]]
    assert not (folder / "tags.csv").exists()


def test_tags_and_clips_have_their_tables(tmp_path: Path) -> None:
    with ResultFolder(tmp_path, ("tags.csv", "clips.csv"), [], RUN) as results:
        results.add(SILENT)
        results.add_clip("a.wav", [ClipScore("dog bark", 0.75, (BARK,)), ClipScore("rain", 1 / 3, ())])
    assert read_rows(tmp_path / "tags.csv") == [["sounds/quiet.wav", "1", "Bark", "0.4000", "0.9000", "1.000"]]
    assert read_rows(tmp_path / "clips.csv") == [["a.wav", "dog bark", "0.7500"], ["a.wav", "rain", "0.3333"]]


def test_rows_are_on_disk_as_soon_as_a_recording_is_done(tmp_path: Path) -> None:
    with ResultFolder(tmp_path, TABLES, ["jsonl", "dcase"], RUN) as results:
        results.add(RECOGNITION)
        results.add_error("bad.wav", "bad.wav: empty")
        assert len(read_rows(tmp_path / "events.csv")) == 2
        assert len(read_rows(tmp_path / "errors.csv")) == 2
        assert (tmp_path / "recognitions.jsonl").read_text().count("\n") == 1
        assert (tmp_path / "events_dcase.txt").read_text().count("\n") == 2
        assert read_run(tmp_path)["state"] == "running"


def test_run_json_says_what_was_run_and_how_it_ended(tmp_path: Path) -> None:
    with ResultFolder(tmp_path, TABLES, [], RUN) as results:
        results.add(RECOGNITION)
        results.add(SILENT)
        results.add_error("bad.wav", "bad.wav: empty")
    expected = {"schema": SCHEMA, "state": "complete", "n_done": 2, "n_failed": 2, **RUN}
    assert read_run(tmp_path) == expected


def test_a_run_that_is_cut_off_is_interrupted_and_keeps_its_rows(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ResultFolder(tmp_path, TABLES, tuple(FORMATS), RUN) as results:  # noqa: PT012
        results.add(RECOGNITION, SCORES)
        raise KeyboardInterrupt
    assert read_run(tmp_path)["state"] == "interrupted"
    assert len(read_rows(tmp_path / "events.csv")) == 2
    assert (tmp_path / "events.parquet").stat().st_size > 0


@pytest.mark.parametrize(("handler", "is_stopped"), [(signal.default_int_handler, True), (signal.SIG_IGN, False)])
def test_a_key_press_while_a_recording_is_written_waits_until_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: Any, is_stopped: bool
) -> None:
    write_rows = ResultFolder._write_rows

    def press_and_write(folder: ResultFolder, *rest: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        write_rows(folder, *rest)

    usual = signal.signal(signal.SIGINT, handler)
    try:
        with contextlib.suppress(KeyboardInterrupt), ResultFolder(tmp_path, TABLES, [], RUN) as results:
            monkeypatch.setattr(ResultFolder, "_write_rows", press_and_write)
            results.add(RECOGNITION)
    finally:
        signal.signal(signal.SIGINT, usual)
    run = read_run(tmp_path)
    assert (run["state"], run["n_done"]) == ("interrupted" if is_stopped else "complete", 1)
    assert len(read_rows(tmp_path / "events.csv")) == 2


def test_files_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    for recognition in (RECOGNITION, SILENT):
        with ResultFolder(tmp_path, TABLES, ["jsonl"], RUN) as results:
            results.add(recognition)
    assert read_rows(tmp_path / "events.csv") == []
    assert len((tmp_path / "recognitions.jsonl").read_text().splitlines()) == 1


def test_what_a_spreadsheet_takes_for_a_formula_stands_in_csv_as_it_is(tmp_path: Path) -> None:
    (event, *_) = RECOGNITION.events
    odd = replace(RECOGNITION, source="=1+1.wav", events=[replace(event, word=word) for word in ("+dog", "-dog", "@")])
    with ResultFolder(tmp_path, TABLES, [], RUN) as results:
        results.add(odd)
    with (tmp_path / "events.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["word"]) for row in rows] == [("=1+1.wav", word) for word in ("+dog", "-dog", "@")]


def test_every_recording_has_its_own_audacity_and_raven_file(tmp_path: Path) -> None:
    elsewhere = replace(RECOGNITION, source="other/yard.wav")
    with ResultFolder(tmp_path, TABLES, ["audacity", "raven"], RUN) as results:
        for recognition in (RECOGNITION, elsewhere):
            results.add(recognition)
    assert sorted(path.name for path in (tmp_path / "audacity").iterdir()) == ["yard.labels.txt", "yard_2.labels.txt"]
    raven = tmp_path / "raven" / "yard_2.Table.1.selections.txt"
    assert raven.read_text(encoding="utf-8") == encode(RAVEN, elsewhere)


def test_without_pyarrow_parquet_says_what_to_install_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'earwitness\[archive\]'"):
        ResultFolder(tmp_path, TABLES, ["parquet"], RUN)


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="format 'xml': choose from csv, jsonl, json, parquet"):
        ResultFolder(tmp_path, TABLES, ["xml"], RUN)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/out: cannot be written \(Not a directory\)"):
        ResultFolder(tmp_path / "file" / "out", TABLES, [], RUN)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("name", ["events.csv", "errors.csv", "run.json"])
def test_a_full_disk_is_reported_before_any_work(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OutputError, match=rf"{name}: cannot be written \(No space left.*free some space"):
        ResultFolder(tmp_path, TABLES, [], RUN)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    ("form", "name"),
    [("jsonl", "recognitions.jsonl"), ("dcase", "events_dcase.txt"), ("audacity", "audacity/yard.labels.txt")],
)
def test_a_disk_that_fills_up_is_reported_and_the_run_is_interrupted(tmp_path: Path, form: str, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to("/dev/full")
    with (
        pytest.raises(OutputError, match=rf"{name}: cannot be written \(No space left"),
        ResultFolder(tmp_path, TABLES, [form], RUN) as results,
    ):
        results.add(RECOGNITION)
    assert read_run(tmp_path)["state"] == "interrupted"
    assert len(read_rows(tmp_path / "events.csv")) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_parquet_that_cannot_be_written_is_reported_and_the_run_is_not_complete(tmp_path: Path) -> None:
    (tmp_path / "events.parquet").symlink_to("/dev/full")
    with (
        pytest.raises(OutputError, match=r"events\.parquet: cannot be written"),
        ResultFolder(tmp_path, TABLES, ["parquet"], RUN) as results,
    ):
        results.add(RECOGNITION)
    assert read_run(tmp_path)["state"] == "interrupted"


def test_a_file_name_that_is_not_utf8_is_written_escaped(tmp_path: Path) -> None:
    odd = replace(RECOGNITION, source="caf\udce9.wav")
    with ResultFolder(tmp_path, TABLES, ["jsonl", "dcase", "raven"], RUN) as results:
        results.add(odd)
    assert read_rows(tmp_path / "events.csv")[0][0] == r"caf\udce9.wav"
    assert from_dict(json.loads((tmp_path / "recognitions.jsonl").read_text())) == odd


def test_files_beside_the_recordings_are_named_after_them(tmp_path: Path) -> None:
    yard, other = replace(RECOGNITION, source=str(tmp_path / "yard.wav")), str(tmp_path / "yard.flac")
    (tmp_path / "yard.labels.txt").write_text("someone's own")
    with ResultFolder(None, TABLES, ["audacity", "raven"], RUN, beside=True, sample_rate_hz=32000) as results:
        results.add(yard)
        results.add(replace(SILENT, source=other))
    names = sorted(path.name for path in tmp_path.iterdir())
    ends = "labels.txt", "Table.1.selections.txt"
    own = [f"yard{number}.earwitness.{end}" for number in ("", "_2") for end in ends]
    assert names == sorted([*own, "yard.labels.txt"])
    assert "16000.0" in (tmp_path / "yard.earwitness.Table.1.selections.txt").read_text()
    assert (tmp_path / "yard.labels.txt").read_text() == "someone's own"


@pytest.mark.parametrize(("form", "beside"), [("jsonl", True), ("raven", False)])
def test_without_a_folder_only_files_beside_the_recordings_are_written(form: str, beside: bool) -> None:
    with pytest.raises(OutputError, match=f"--format {form} needs a folder: give --out"):
        ResultFolder(None, TABLES, [form], RUN, beside=beside)


def test_a_file_of_all_recordings_is_whole_at_the_end(tmp_path: Path) -> None:
    with ResultFolder(tmp_path, TABLES, ["labelstudio", "aoef"], RUN) as results:
        for recognition in (RECOGNITION, SILENT, RECOGNITION):
            results.add(recognition)
    assert len(json.loads((tmp_path / "labelstudio.json").read_text())) == 3
    assert len(json.loads((tmp_path / "predictions_aoef.json").read_text())["data"]["clips"]) == 3


def test_a_second_run_in_the_folder_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    with ResultFolder(tmp_path, TABLES, [], RUN) as results:
        results.add(RECOGNITION)
        before = (tmp_path / "events.csv").read_bytes()
        with pytest.raises(OutputError, match=r"another run writes to it \(process \d+, started"):
            ResultFolder(tmp_path, TABLES, [], RUN)
        assert (tmp_path / "events.csv").read_bytes() == before
    ResultFolder(tmp_path, TABLES, [], RUN).__exit__(None, None, None)
