"""One's own tables and folders become clips; a row that does not fit is told with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.datasets.own import read_own
from earwitness.datasets.registry import load_dataset
from earwitness.errors import DatasetError
from earwitness.metrics.annotations import LabelledEvent

EVENTS = """file,onset_s,offset_s,label,city
a.wav,0.5,1.25,dog bark,Oslo
a.wav,2,3,siren,Oslo
deep/b,,,,Rome
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    for name in ("a.wav", "deep/b.flac", "deep/c.wav", "other/c.wav"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(800, np.float32), 8000)
    return tmp_path / "mine"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_events_beside_the_recordings_is_read(mine: Path) -> None:
    write(mine / "events.csv", EVENTS)
    dataset = load_dataset(mine)
    assert dataset.name == "mine"
    assert [clip.path.name for clip in dataset.clips] == ["a.wav", "b.flac"]
    assert dataset.clips[0].events == (LabelledEvent("dog bark", 0.5, 1.25), LabelledEvent("siren", 2.0, 3.0))
    assert dataset.clips[1].events == ()
    assert [clip.conditions for clip in dataset.clips] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert dataset.event_labels == ("dog bark", "siren")
    assert dataset.notes == (
        "2 recordings are in no table and are left out: deep/c.wav, other/c.wav; give a row with only the file's name "
        "where nothing occurs",
    )
    assert load_dataset(mine / "events.csv").clips == dataset.clips


@pytest.mark.parametrize(
    "header", ["filename\tonset\toffset\tevent_label", "File;Start;End;Class", "\ufeffpath,begin,end,word"]
)
def test_columns_may_be_called_and_separated_as_elsewhere(mine: Path, header: str) -> None:
    separator = max("\t;,", key=header.count)
    write(mine / "mine.csv", header + "\n" + separator.join(["a.wav", "1", "2", "dog"]) + "\n")
    assert read_own(mine / "mine.csv").clips[0].events == (LabelledEvent("dog", 1.0, 2.0),)


def test_scenes_labels_and_events_side_by_side_are_joined(mine: Path) -> None:
    write(mine / "events.csv", EVENTS)
    write(mine / "scenes.csv", "file,scene,fold,split\na.wav,park,1,test\ndeep/b.flac,tram,2,train\n")
    write(mine / "labels.csv", 'file,label\nother/c.wav,"rain, wind"\nother/c.wav,thunder\n')
    dataset = load_dataset(mine)
    assert [(clip.scene, clip.fold, clip.labels) for clip in dataset.clips] == [
        ("park", 1, None),
        ("tram", 2, None),
        (None, None, {"rain", "wind", "thunder"}),
    ]
    assert dataset.scene_labels == ("park", "tram")
    assert dataset.event_labels == ("dog bark", "rain", "siren", "thunder", "wind")
    assert dataset.clips[2].events is None
    assert [clip.scene for clip in load_dataset(mine, split="test").clips] == ["park"]
    assert [clip.scene for clip in load_dataset(mine, fold=2).clips] == ["tram"]
    with pytest.raises(DatasetError, match="mine: no clip of split 'dev'; there are test, train"):
        load_dataset(mine, split="dev")


def test_folders_named_by_label_need_no_table(mine: Path) -> None:
    dataset = load_dataset(mine)
    assert [(clip.path.name, clip.labels) for clip in dataset.clips] == [
        ("b.flac", {"deep"}),
        ("c.wav", {"deep"}),
        ("c.wav", {"other"}),
    ]
    assert dataset.event_labels == ("deep", "other")
    assert dataset.notes == ("1 recordings are in no labelled folder and are left out: a.wav",)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("aa.wav,1,2,dog", r"events.csv:2: no recording 'aa.wav' below .*mine; is it a.wav\?"),
        ("zzzzzzzz.wav,1,2,dog", r"events.csv:2: no recording 'zzzzzzzz.wav' below .*; 4 recordings are there"),
        ("a.wav,1,2,dog\nc.wav,1,2,dog", r"events.csv:3: 'c.wav' may be deep/c.wav and other/c.wav; give the path"),
        (",1,2,dog", "events.csv:2: no file's name"),
        ("a.wav,2,1,dog", "events.csv:2: an event from 2 to 1 s; it must end after it begins"),
        ("a.wav,-1,1,dog", "events.csv:2: an event from -1 to 1 s"),
        ("a.wav,0,inf,dog", "events.csv:2: an event from 0 to inf s"),
        ("a.wav,soon,1,dog", "events.csv:2: onset 'soon' and offset '1' must be seconds"),
        ("a.wav,1,,dog", "events.csv:2: onset '1' and offset '' must be seconds"),
        ("a.wav,1,2,", "events.csv:2: an event from 1 to 2 s without a label"),
        ("a.wav,1,2,dog,x", "events.csv:2: 5 cells, but the header has 4"),
        ("", "events.csv: names no recording"),
    ],
)
def test_a_row_that_does_not_fit_is_told_with_its_line(mine: Path, rows: str, reason: str) -> None:
    write(mine / "events.csv", f"file,onset_s,offset_s,label\n{rows}\n")
    with pytest.raises(DatasetError, match=reason):
        load_dataset(mine)


def test_tables_without_the_columns_are_told(mine: Path) -> None:
    for text, reason in {
        "name,onset,offset,label\na.wav,1,2,dog\n": "no column file among name, onset, offset, label",
        "file,onset,label\na.wav,1,dog\n": "no column offset_s among",
        "file,colour\na.wav,red\n": "no column label among file, colour",
        "file,scene\na.wav,park\na.wav,tram\n": "3: scene 'tram', but it was 'park' before",
        "file,scene,fold\na.wav,park,one\n": "2: the fold is 'one'; it must be a whole number",
    }.items():
        with pytest.raises(DatasetError, match=reason):
            read_own(write(mine / "t.csv", text))
    (mine / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="t.csv: not readable as a table"):
        read_own(mine / "t.csv")


def test_the_recordings_may_lie_elsewhere(mine: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "truth.csv", "file,onset_s,offset_s,label\na.wav,1,2,dog\n")
    assert load_dataset(table, dir=mine).clips[0].path == mine / "a.wav"
    (tmp_path / "meta").mkdir()
    up = write(tmp_path / "meta" / "truth.csv", f"file,label\n../mine/a.wav,dog\n{mine / 'deep' / 'c.wav'},cat\n")
    assert [clip.path.resolve() for clip in load_dataset(up).clips] == [mine / "a.wav", mine / "deep" / "c.wav"]


def test_recordings_without_any_truth_are_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing labels these recordings; give a table events.csv"):
        load_dataset(tmp_path)
    with pytest.raises(DatasetError, match="no such folder or table"):
        read_own(tmp_path / "none")
