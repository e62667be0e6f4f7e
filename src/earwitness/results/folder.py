"""Results to files, in the forms that people and other tools read.

In: `Recognition`s and clip scores, one recording after another. Out: a folder with `events.csv`, `scenes.csv`,
`clips.csv`, `errors.csv` and `run.json`, and on request JSON lines, Parquet, DCASE's TSV, Audacity labels and Raven
selection tables. Rows are written as soon as a recording is done, so that a run that is cut off keeps what it had.

The columns are a versioned schema (`SCHEMA`): a change that could break a reader raises it.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from earwitness.errors import MissingExtraError, OutputError
from earwitness.files import write_error, write_errors_reported, write_text, written_whole
from earwitness.recognition import ClipScore, Event, Recognition, SceneScore, TagEvidence, TagSummary
from earwitness.settings import Settings

SCHEMA = 1
COLUMNS = {
    "events.csv": ("file", "onset_s", "offset_s", "word", "score", "tags"),
    "scenes.csv": ("file", "rank", "scene", "score", "tags"),
    "clips.csv": ("file", "word", "score"),
    "tags.csv": ("file", "rank", "tag", "mean_score", "peak_score", "peak_s"),
    "errors.csv": ("file", "reason"),
}
FORMATS = ("csv", "jsonl", "parquet", "dcase", "audacity", "raven")
_ESCAPE = "backslashreplace"  # for the names of files that are not UTF-8


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a recording be written whole before a key press stops the run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if pressed and callable(usual):  # not where key presses are ignored, as in the background
        usual(signal.SIGINT, None)


class ResultFolder:
    """A folder that takes results as they come; use it in a `with` block.

    Args:
        folder: made if it does not exist; files of an earlier run in it are replaced.
        tables: which CSV files to write besides `errors.csv`.
        formats: further forms, from `FORMATS`; "csv" is always written.
        run: what goes into `run.json` beside the schema and the state: settings, words, encoder, version.

    Raises:
        OutputError: the folder or a file in it cannot be written; at once, not after hours.
    """

    def __init__(self, folder: str | Path, tables: Sequence[str], formats: Sequence[str], run: dict[str, Any]) -> None:
        unknown = [each for each in formats if each not in FORMATS]
        if unknown:
            raise OutputError(f"format {unknown[0]!r}: choose from {', '.join(FORMATS)}")
        self.folder, self.run, self.formats = Path(folder), run, tuple(formats)
        self.recognitions: list[Recognition] = []  # kept only where a form needs all at once
        self.n_done = self.n_failed = 0
        self._files: dict[str, IO[str]] = {}
        if "parquet" in formats:
            _import_pyarrow()
        try:
            self._open_all((*tables, "errors.csv"))
            self._write_run("running")
        except OutputError:
            with contextlib.suppress(OutputError):  # the first failure is the one to tell
                self._close_all()
            raise

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        is_complete = False
        try:
            self._close_all()
            if "parquet" in self.formats:
                write_parquet(self.folder / "events.parquet", self.recognitions)
            is_complete = kind is None
        finally:
            self._write_run("complete" if is_complete else "interrupted")

    @_undisturbed()
    def add(self, recognition: Recognition) -> None:
        """Write one recording's events, scenes and tags."""
        source = recognition.source
        tables: dict[str, Iterable[Sequence[object]]] = {
            "events.csv": (_event_row(source, event) for event in recognition.events),
            "scenes.csv": (_scene_row(source, rank, each) for rank, each in enumerate(recognition.scenes, start=1)),
            "tags.csv": (_tag_row(source, rank, each) for rank, each in enumerate(recognition.tags, start=1)),
            "errors.csv": ((source, note) for note in recognition.notes),
        }
        for name, rows in tables.items():
            self._write_rows(name, rows)
        if "jsonl" in self.formats:
            self._write_text("recognitions.jsonl", json.dumps(to_dict(recognition)) + "\n")
        if "dcase" in self.formats:
            self._write_text("events_dcase.tsv", format_dcase(recognition))
        for form, suffix, write in _PER_RECORDING:
            if form in self.formats:
                name = f"{self.n_done:06d}_{Path(source).stem}{suffix}"
                write_text(self.folder / form / name, write(recognition))
        if "parquet" in self.formats:
            self.recognitions.append(recognition)
        self.n_done += 1
        self.n_failed += bool(recognition.notes)

    @_undisturbed()
    def add_clip(self, source: str, scores: Sequence[ClipScore]) -> None:
        """Write one clip's score for each word."""
        self._write_rows("clips.csv", ((source, each.word, f"{each.score:.6g}") for each in scores))
        self.n_done += 1

    @_undisturbed()
    def add_error(self, source: str, reason: str) -> None:
        """Write that a recording could not be used, and why."""
        self._write_rows("errors.csv", [(source, reason)])
        self.n_failed += 1

    def _open_all(self, tables: Sequence[str]) -> None:
        forms = {"jsonl": "recognitions.jsonl", "dcase": "events_dcase.tsv"}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in (*tables, *(forms[each] for each in forms if each in self.formats)):
                self._files[name] = (self.folder / name).open("w", encoding="utf-8", errors=_ESCAPE, newline="")
        except OSError as error:
            raise write_error(error.filename or self.folder, error) from error
        for name in tables:
            self._write_rows(name, [COLUMNS[name]])

    def _write_rows(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        if name in self._files:
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            self._write_text(name, text.getvalue())

    def _write_text(self, name: str, text: str) -> None:
        with write_errors_reported(self.folder / name):
            self._files[name].write(text)
            self._files[name].flush()

    def _close_all(self) -> None:
        """Close every file, then raise the first failure: some file systems tell only now that the disk is full."""
        failures = []
        for name, file in self._files.items():
            try:
                file.close()
            except OSError as error:
                failures.append(write_error(self.folder / name, error))
        if failures:
            raise failures[0]

    def _write_run(self, state: str) -> None:
        content = {"schema": SCHEMA, "state": state, "n_done": self.n_done, "n_failed": self.n_failed, **self.run}
        write_text(self.folder / "run.json", json.dumps(content, indent=2) + "\n")


def to_dict(recognition: Recognition) -> dict[str, Any]:
    """Return a recognition as plain values, for JSON."""
    return {"schema": SCHEMA, **asdict(recognition), "settings": recognition.settings.to_dict()}


def from_dict(values: dict[str, Any]) -> Recognition:
    """Return the recognition that `to_dict` wrote.

    Raises:
        OutputError: the schema is not the one that this version reads.
    """
    if values.get("schema") != SCHEMA:
        raise OutputError(f"schema {values.get('schema')!r}: this version reads schema {SCHEMA}")
    fields = {key: value for key, value in values.items() if key != "schema"}
    events = [
        Event(**{**event, "tags": tuple(TagEvidence(**each) for each in event["tags"])}) for event in fields["events"]
    ]
    scenes = [
        SceneScore(**{**each, "tags": tuple(each["tags"]), "tags_against": tuple(each["tags_against"])})
        for each in fields["scenes"]
    ]
    tags = [TagSummary(**each) for each in fields["tags"]]
    settings = Settings.from_mapping(fields["settings"])
    return Recognition(**{**fields, "events": events, "scenes": scenes, "tags": tags, "settings": settings})


def format_dcase(recognition: Recognition) -> str:
    """Return DCASE's lines: file, onset, offset and label between tabs; a file without events is its name alone."""
    name = _in_cell(Path(recognition.source).name)
    rows = [f"{name}\t{e.onset_s:.3f}\t{e.offset_s:.3f}\t{_in_cell(e.word)}" for e in recognition.events]
    return "\n".join(rows or [name]) + "\n"


def format_audacity(recognition: Recognition) -> str:
    """Return an Audacity label track: start, end and label between tabs."""
    rows = [f"{e.onset_s:.6f}\t{e.offset_s:.6f}\t{_in_cell(e.word)} ({e.score:.2f})\n" for e in recognition.events]
    return "".join(rows)


def format_raven(recognition: Recognition) -> str:
    """Return a Raven selection table."""
    columns = ("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)")
    lines = ["\t".join((*columns, "Species", "Confidence", "Begin Path", "File Offset (s)"))]
    for number, event in enumerate(recognition.events, start=1):
        times = f"{event.onset_s:.3f}\t{event.offset_s:.3f}"
        place = f"{_in_cell(recognition.source)}\t{event.onset_s:.3f}"
        word = _in_cell(event.word)
        lines.append(f"{number}\tSpectrogram 1\t1\t{times}\t0\t8000\t{word}\t{event.score:.4f}\t{place}")
    return "\n".join(lines) + "\n"


def write_parquet(path: Path, recognitions: Sequence[Recognition]) -> None:
    """Write the events of recognitions as one Parquet table with the columns of `events.csv`, numbers as numbers.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: the file cannot be written.
    """
    pyarrow, parquet = _import_pyarrow()
    rows = [
        (each.source, event.onset_s, event.offset_s, event.word, event.score, format_evidence(event.tags))
        for each in recognitions
        for event in each.events
    ]
    types = (
        pyarrow.string(),
        pyarrow.float64(),
        pyarrow.float64(),
        pyarrow.string(),
        pyarrow.float64(),
        pyarrow.string(),
    )
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    table = pyarrow.table(arrays, names=list(COLUMNS["events.csv"]))
    with write_errors_reported(path), written_whole(path) as scratch:
        parquet.write_table(table.replace_schema_metadata({"earwitness_schema": str(SCHEMA)}), scratch)


def format_evidence(tags: Sequence[TagEvidence]) -> str:
    """Return `tag|similarity|score` for each tag, with `; ` between them."""
    return "; ".join(f"{each.tag}|{each.similarity:.3f}|{each.score:.3f}" for each in tags)


_PER_RECORDING: tuple[tuple[str, str, Callable[[Recognition], str]], ...] = (
    ("audacity", ".txt", format_audacity),
    ("raven", ".Table.1.selections.txt", format_raven),
)


def _event_row(source: str, event: Event) -> tuple[object, ...]:
    times = (f"{event.onset_s:.3f}", f"{event.offset_s:.3f}")
    return source, *times, event.word, f"{event.score:.4f}", format_evidence(event.tags)


def _scene_row(source: str, rank: int, scene: SceneScore) -> tuple[object, ...]:
    against = [f"not {tag}" for tag in scene.tags_against]
    return source, rank, scene.scene, f"{scene.score:.4f}", "; ".join([*scene.tags, *against])


def _tag_row(source: str, rank: int, tag: TagSummary) -> tuple[object, ...]:
    return source, rank, tag.tag, f"{tag.mean_score:.4f}", f"{tag.peak_score:.4f}", f"{tag.peak_s:.3f}"


def _in_cell(text: str) -> str:
    """Return a word or name for a table between tabs, which knows no quotes: tabs and line ends become spaces."""
    return " ".join(re.split(r"[\t\r\n]+", text))


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'earwitness[archive]'") from error
    return pyarrow, pyarrow.parquet
