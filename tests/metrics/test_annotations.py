from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earwitness.errors import AnnotationError
from earwitness.metrics.annotations import (
    EVENTS,
    match_files,
    read_events,
    read_labels,
    read_rankings,
    read_scenes,
)
from earwitness.metrics.tables import open_table
from earwitness.results.formats.csv_tables import COLUMNS
from made_events import event

SIREN = event("siren", 0.5, 2.25)
GOOD = {
    "DCASE without a header": "a.wav\t0.5\t2.25\tsiren\nb.wav\n",
    "DESED": "filename\tonset\toffset\tevent_label\na.wav\t0.5\t2.25\tsiren\nb.wav\t\t\t\n",
    "earwitness": f"{','.join(COLUMNS['events.csv'])}\na.wav,0.500,2.250,siren,0.9,Siren|1|0.9; Bell|0.7|0.1\nb.wav\n",
    "commas without a header": "a.wav,0.5,2.25,siren\nb.wav\n",
    "semicolons and decimal commas": "a.wav;0,5;2,25;siren\nb.wav\n",
    "tabs and decimal commas": "a.wav\t0,5\t2,25\tsiren\nb.wav\n",
    "a byte-order mark": "\ufefffilename\tonset\toffset\tevent_label\na.wav\t0.5\t2.25\tsiren\nb.wav\n",
    "a byte-order mark without a header": "\ufeffa.wav\t0.5\t2.25\tsiren\nb.wav\n",
    "Windows line ends": "a.wav\t0.5\t2.25\tsiren\r\nb.wav\r\n",
    "old line ends": "a.wav\t0.5\t2.25\tsiren\rb.wav\r",
    "blank lines and blanks": "\n a.wav ,  0.5 , 2.25 , siren \n\n  \nb.wav\n\n",
    "tabs at the end": "a.wav\t0.5\t2.25\tsiren\nb.wav\t\t\t\n",
    "quoted cells": '"a.wav","0.5","2.25","siren"\n"b.wav"\n',
    "quoted cells between tabs": '"a.wav"\t0.5\t2.25\t"siren"\nb.wav\n',
    "the name alone first": "b.wav\na.wav\t0.5\t2.25\tsiren\n",
    "other columns and order": "event_label,extra,offset,onset,filename\nsiren,7,2.25,0.5,a.wav\n,,,,b.wav\n",
    "a score after the label": "a.wav\t0.5\t2.25\tsiren\t0.91\nb.wav\n",
    "a scene after the file": "a.wav\tstreet\t0.5\t2.25\tsiren\nb.wav\n",
    "a scene and a score": "b.wav\na.wav\tstreet\t0.5\t2.25\tsiren\t0.91\n",
    "a name twice": "b.wav\na.wav\t0.5\t2.25\tsiren\nb.wav\n",
}
BROKEN = {
    "a.wav\t3.0\t1.0\tdog\n": r"line 1: offset 1.0 lies before onset 3.0; swap them",
    "b.wav\na.wav\t-1\t1.0\tdog\n": r"line 2: onset -1: give seconds from the start of the file, 0 or more",
    "a.wav\t0\tinf\tdog\n": r"line 1: offset inf: give seconds",
    "a.wav\tnan\t1\tdog\n": r"line 1: onset nan: give seconds",
    "a.wav\t0\t1\tdog\na.wav\t0:05\t1\tdog\n": r"line 2: onset '0:05' is not a number of seconds; a row is file",
    "a.wav\t0\t1\tdog\na.wav\t2\tend\tdog\n": r"line 2: offset 'end' is not a number of seconds",
    "a.wav\t0\t1\tdog\nb.wav,0,1,dog\n": r"line 2: 'b.wav,0,1,dog' is separated by commas, the table by tabs; use one",
    "a.wav\t0\t1\tdog\na.wav\t2\t3\n": r"line 2: \['a.wav', '2', '3'\] lacks label; .*, or the file's name alone",
    "a.wav\t0\t1\tdog\na.wav\t\t\tdog\n": r"line 2: .* lacks onset and offset",
    "a.wav\t0\t1\tdog\n\t2\t3\tdog\n": r"line 2: .* lacks a file; a row is file, onset, offset, label between tabs",
    "a.wav\t0\t1\tdog\tloud\n": r"line 1: 5 cells .*; a row is file, onset, offset, label",
    "a.wav,0,5,1,5,dog\n": r"line 1: 6 cells .* between commas; write times with a point, not a comma",
    "a.wav\t0\t1\tdog\n\na.wav\t2\t3\tdog\na.wav\t0.0\t1\tdog\n": r"line 4: .* is in line 1 already; delete one",
    "filename\tonset\tevent_label\na.wav\t0\tdog\n": r"line 1: no column for offset among 'filename', 'onset'",
    "": r"the file is empty; list each file",
    " \n\n": r"the file is empty",
    'b.wav\na.wav,0,1,"dog\nb.wav,0,1,cat\n': r"line 2: .*; close the quotation mark",
    'a.wav,0,1,"dog\nb.wav,0,1,cat\n': r"line 1: .*; close the quotation mark",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_every_form_of_a_table_of_events_is_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "events.txt"
    path.write_bytes(text.encode())
    assert read_events(path) == {"a.wav": [SIREN], "b.wav": []}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_row_is_told_with_file_line_value_and_what_to_do(text: str, tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=BROKEN[text]) as caught:
        read_events(path)
    assert str(path) in str(caught.value)


def test_a_header_alone_lists_no_file(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(",".join(COLUMNS["events.csv"]) + "\n")
    assert read_events(tmp_path / "events.csv") == {}
    (tmp_path / "names.csv").write_text("filename\na.wav\n")
    assert read_events(tmp_path / "names.csv") == {"a.wav": []}


def test_text_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_bytes(b"a.wav\t0\t1\tdog\nb.wav\t0\t1\tb\xe9b\xe9\n")
    with pytest.raises(AnnotationError, match=r"line 2: .* is not UTF-8; save the table as UTF-8"):
        read_events(path)
    path.write_text("a.wav\t0\t1\tdog\n", encoding="utf-16")
    with pytest.raises(AnnotationError, match=r"UTF-16; save the table as UTF-8"):
        read_events(path)


def test_a_table_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"none\.tsv: cannot be read"):
        read_events(tmp_path / "none.tsv")
    with pytest.raises(AnnotationError, match="no table here; give a folder"):
        read_events(tmp_path)


def test_an_event_may_have_no_length(tmp_path: Path) -> None:
    (tmp_path / "events.tsv").write_text("a.wav\t1\t1\tclick\n")
    assert read_events(tmp_path / "events.tsv") == {"a.wav": [event("click", 1.0, 1.0)]}


NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="\"',;"), min_size=1, max_size=12
).filter(lambda name: not name.replace(".", "").isnumeric())
TIMES = st.floats(0, 1e6, allow_nan=False)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    rows=st.lists(st.tuples(NAMES, TIMES, TIMES, NAMES), min_size=1, max_size=20, unique=True),
    separator=st.sampled_from(["\t", ",", ";"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float, float, str]], separator: str, end: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.txt"
    expected: dict[str, list[object]] = {}
    lines = []
    for file, one_s, other_s, label in rows:
        onset_s, offset_s = sorted((one_s, other_s))
        made = event(label, onset_s, offset_s)
        if made not in expected.setdefault(file, []):
            expected[file].append(made)
            lines.append(separator.join((file, repr(onset_s), repr(offset_s), label)) + end)
    path.write_bytes("".join(lines).encode())
    assert read_events(path) == expected


PIECES = ["a.wav", "0.5", "1,5", "-1", "nan", "dog", "filename", "onset", "offset", "event_label", "scene", "duration"]
MARKS = ["\t", ",", ";", "\n", "\r\n", "\r", '"', " ", "\ufeff", "\0", "\x85", "é"]


@pytest.mark.slow
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(chunks=st.lists(st.sampled_from(PIECES + MARKS), max_size=30))
def test_whatever_stands_in_a_file_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, chunks: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.txt"
    path.write_bytes("".join(chunks).encode())
    for read in (read_events, read_scenes):
        with suppress(AnnotationError):
            for file, found in read(path).items():
                assert file
                assert found or found == []


@pytest.mark.slow
def test_a_million_rows_are_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    n_rows = 200_000  # a fifth, so that the tests stay fast
    with path.open("w") as file:
        file.writelines(f"file_{row // 10:06d}.wav\t{row % 10}.25\t{row % 10}.5\tgunshot\n" for row in range(n_rows))
    start_s = time.perf_counter()
    events = read_events(path)
    assert time.perf_counter() - start_s < 10  # 0.9 s on two cores that others use, too
    assert sum(map(len, events.values())) == n_rows


@pytest.mark.slow
def test_rows_are_a_stream_whose_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_text("a.wav\t0.5\t2.25\tsiren\n" * 100_000)
    tracemalloc.start()
    assert sum(1 for _ in open_table(path, EVENTS).rows()) == 100_000
    assert tracemalloc.get_traced_memory()[1] < 2e6  # the file has 2.3 MB
    tracemalloc.stop()


def test_scenes_are_read_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "scenes.txt"
    for text in (
        "a.wav\tpark\nb.wav\ttram\n",
        "filename\tscene_label\tidentifier\tsource_label\na.wav\tpark\tx\ta\nb.wav\ttram\ty\ta\n",
        "file,rank,scene,score,tags\na.wav,1,park,0.9,\na.wav,2,tram,0.1,\nb.wav,1,tram,0.5,Rail\n",
        ",mixture_audio_filename,bg_classname,bg_path,ebr\n0,a.wav,park,x.wav,-6\n1,b.wav,tram,y.wav,-inf\n",
        "a.wav\tpark\tx\na.wav\tpark\tx\nb.wav\ttram\ty\n",
    ):
        path.write_text(text)
        assert read_scenes(path) == {"a.wav": "park", "b.wav": "tram"}


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("a.wav\tpark\nb.wav\n", r"line 2: \['b.wav'\] lacks a scene"),
        ("a.wav\tpark\n\ttram\n", r"line 2: .* lacks a file"),
        ("a.wav\tpark\nb.wav\ttram\na.wav\tbus\n", r"line 3: a.wav is 'bus' here and 'park' in line 1; keep one"),
        (
            "filename\tevent_label2\na.wav\tx\n",
            r"no column for scene among 'filename', 'event_label2'",
        ),
    ],
)
def test_broken_scenes_are_reported(text: str, details: str, tmp_path: Path) -> None:
    (tmp_path / "scenes.tsv").write_text(text)
    with pytest.raises(AnnotationError, match=details):
        read_scenes(tmp_path / "scenes.tsv")


OWN = {
    "three columns": "0.5\t2.25\tsiren\n",
    "three columns and a score": "0.5\t2.25\tsiren\t0.91\n",
    "commas": "0.5,2.25,siren\n",
    "a header": "onset\toffset\tevent_label\n0.5\t2.25\tsiren\n",
}


@pytest.mark.parametrize("text", OWN.values(), ids=OWN.keys())
def test_a_table_without_files_is_of_the_recording_it_is_named_after(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.ann").write_text(text)
    assert read_events(tmp_path / "a.ann") == {"a": [SIREN]}
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "notes.md").write_text("# not a table")
    assert read_events(tmp_path) == {"a": [SIREN], "b": []}
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(AnnotationError, match=r"a\.txt: a is in another table of .*, too; keep one"):
        read_events(tmp_path)


def test_a_broken_row_of_such_a_table_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0\t1\tdog\n0\tend\tdog\n")
    with pytest.raises(AnnotationError, match="line 2: offset 'end' is not a number"):
        read_events(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("0\t1\tdog\n\n0\t1\tdog\n")
    with pytest.raises(AnnotationError, match="line 3: .* is in line 1 already"):
        read_events(tmp_path / "a.txt")


def test_rankings_are_in_the_order_of_their_ranks(tmp_path: Path) -> None:
    rows = [f"a.wav,{rank},scene{rank},0.5," for rank in (2, 10, 1, *range(3, 10))]
    (tmp_path / "scenes.csv").write_text("\n".join([",".join(COLUMNS["scenes.csv"]), *rows]))
    assert read_rankings(tmp_path / "scenes.csv") == {"a.wav": [f"scene{rank}" for rank in range(1, 11)]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("filename\tevent_labels\na.wav\tdog,cat\nb.wav\t\n", {"a.wav": {"dog": None, "cat": None}, "b.wav": {}}),
        ("a.wav\tdog\na.wav\tcat\nb.wav\n", {"a.wav": {"dog": None, "cat": None}, "b.wav": {}}),
        ("file,word,score\na.wav,dog,0.75\na.wav,cat,0.2500\n", {"a.wav": {"dog": 0.75, "cat": 0.25}}),
    ],
)
def test_labels_of_clips_are_read_with_their_scores(
    text: str, expected: dict[str, dict[str, float | None]], tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_text(text)
    assert read_labels(tmp_path / "labels.txt") == expected


def test_files_are_matched_by_their_names_without_suffix_where_nothing_else_fits() -> None:
    matched = match_files({"x/a.wav": [SIREN], "b.wav": []}, {"a": [SIREN], "b.txt": []}, [])
    assert matched.est == {"x/a.wav": [SIREN], "b.wav": []}
    with pytest.raises(AnnotationError, match=r"a may be a\.wav or a\.flac"):
        match_files({"a.wav": [], "a.flac": []}, {"a": []}, [])


def test_files_are_matched_by_name_and_what_is_missing_is_empty() -> None:
    ref = {"audio/a.wav": [SIREN], "audio/b.wav": [], "c.wav": []}
    matched = match_files(ref, {"D:\\out\\a.wav": [SIREN], "c.wav": [SIREN]}, empty=[])
    assert matched.est == {"audio/a.wav": [SIREN], "audio/b.wav": [], "c.wav": [SIREN]}
    assert matched.ref == ref
    assert matched.notes == ("1 of 3 reference files have no estimate and count as empty: audio/b.wav",)
    assert match_files(ref, ref, empty=[]).notes == ()


def test_files_that_cannot_be_matched_are_reported() -> None:
    ref = {"x/a.wav": "park", "y/a.wav": "tram", "b.wav": "bus", "c.wav": "bus"}
    with pytest.raises(AnnotationError, match=r"d\.wav is not among the 4 files of the reference \(x/a\.wav, .*leave"):
        match_files(ref, {"d.wav": "park"}, empty="")
    with pytest.raises(AnnotationError, match=r"a\.wav may be x/a\.wav or y/a\.wav of the reference"):
        match_files(ref, {"a.wav": "park"}, empty="")
    with pytest.raises(AnnotationError, match=r"q/b\.wav and p/b\.wav are both estimates of b\.wav"):
        match_files(ref, {"p/b.wav": "park", "q/b.wav": "tram"}, empty="")
    assert match_files(ref, {"y/a.wav": "tram"}, empty="").est["y/a.wav"] == "tram"
