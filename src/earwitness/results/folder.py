"""A run's answers to a folder: tables, `run.json`, and the formats that were chosen.

In: `Recognition`s and clip scores, one recording after another. Out: a folder with `events.csv`, `scenes.csv`,
`clips.csv` or `tags.csv`, `errors.csv`, `run.json`, and files in the formats of `formats.registry`. Rows are written as
soon as a recording is done, so that a run that is cut off leaves what it had.
"""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from earwitness.errors import OutputError
from earwitness.files import locked_folder, write_bytes, write_error, write_text
from earwitness.recognition import ClipScore, Recognition
from earwitness.results.formats.base import (
    ESCAPE,
    SCHEMA,
    Format,
    RecordingResult,
    TokenScores,
    choose,
    show_score,
)
from earwitness.results.formats.csv_tables import COLUMNS, format_rows
from earwitness.results.formats.registry import CSV_TABLES, FORMATS


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
        folder: made if it does not exist; files of an earlier run in it are replaced. None for files beside the
            recordings alone.
        tables: which CSV files to write besides `errors.csv`.
        formats: further formats, from `FORMATS`; the tables are always written.
        run: what goes into `run.json` beside the schema and the state: settings, words, encoder, version.
        beside: whether files of single recordings lie beside the recordings, not in the folder.
        sample_rate_hz: of the encoder.

    Raises:
        OutputError: the folder or a file in it cannot be written, another run writes to it, or a format needs a folder;
            at once, not after hours.
    """

    def __init__(
        self,
        folder: str | Path | None,
        tables: Sequence[str],
        formats: Sequence[str],
        run: dict[str, Any],
        *,
        beside: bool = False,
        sample_rate_hz: int = 16000,
    ) -> None:
        chosen = [each for each in choose(formats, FORMATS) if each.run_file not in CSV_TABLES]
        self.folder, self.run, self.sample_rate_hz = Path(folder or "."), run, sample_rate_hz
        self.n_done = self.n_failed = 0
        self._is_here = folder is not None
        growing = [CSV_TABLES[name] for name in tables if name in CSV_TABLES]
        growing += [each for each in chosen if each.run_file and each.rows]
        self._growing = growing if self._is_here else []
        self._last = {each: list[RecordingResult]() for each in chosen if each.whole and each.run_file}
        self._own = RecordingFiles([each for each in chosen if not each.run_file], None if beside else self.folder)
        self._files: dict[str, IO[str]] = {}
        self._lock = contextlib.ExitStack()  # of the folder, against a second run
        in_folder = next((each.name for each in chosen if each.run_file or not beside), None)
        if not self._is_here and in_folder:
            raise OutputError(f"--format {in_folder} needs a folder: give --out")
        for each in self._last:
            each.encode([])  # what is not installed is reported before any work
        try:
            self._open_all((*tables, "errors.csv"))
            self._write_run("running")
        except OutputError:
            with contextlib.suppress(OutputError):  # the first failure is the one to report
                self._close_all()
            self._lock.close()
            raise

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        is_complete = False
        try:
            self._close_all()
            for form, results in self._last.items():
                write_bytes(self.folder / form.run_file, form.encode(results))
            is_complete = kind is None
        finally:
            with self._lock:
                self._write_run("complete" if is_complete else "interrupted")

    @_undisturbed()
    def add(self, recognition: Recognition, scores: TokenScores | None = None) -> None:
        """Write one recording's events, scenes and tags, and where a format needs them the scores of its tokens."""
        result = RecordingResult(recognition, self.sample_rate_hz, scores)
        for form in self._growing:
            assert form.rows
            self._write_text(form.run_file, (form.between if self.n_done else "") + form.rows(result))
        self._write_rows("errors.csv", ((recognition.source, note) for note in recognition.notes))
        self._own.add(result)
        for results in self._last.values():
            results.append(replace(result, scores=None))
        self.n_done += 1
        self.n_failed += bool(recognition.notes)

    @_undisturbed()
    def add_clip(self, source: str, scores: Sequence[ClipScore]) -> None:
        """Write one clip's score for each word."""
        self._write_rows("clips.csv", ((source, each.word, show_score(each.score)) for each in scores))
        self.n_done += 1

    @_undisturbed()
    def add_error(self, source: str, reason: str) -> None:
        """Write that a recording could not be used, and why."""
        self._write_rows("errors.csv", [(source, reason)])
        self.n_failed += 1

    def _open_all(self, tables: Sequence[str]) -> None:
        heads = {name: format_rows([COLUMNS[name]]) for name in tables}
        heads |= {each.run_file: each.head for each in self._growing}
        if not self._is_here:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.enter_context(locked_folder(self.folder))
            for name in heads:
                self._files[name] = (self.folder / name).open("w", encoding="utf-8", errors=ESCAPE, newline="")
        except OSError as error:
            raise write_error(error.filename or self.folder, error) from error
        for name, head in heads.items():
            self._write_text(name, head)

    def _write_rows(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        if name in self._files:
            self._write_text(name, format_rows(rows))

    def _write_text(self, name: str, text: str) -> None:
        try:
            self._files[name].write(text)
            self._files[name].flush()
        except OSError as error:
            raise write_error(self.folder / name, error) from error

    def _close_all(self) -> None:
        """Close every file, then raise the first failure: some file systems report a full disk only now."""
        failures = []
        feet = {form.run_file: form.foot for form in self._growing}
        for name, file in self._files.items():
            try:
                with file:
                    file.write(feet.get(name, ""))
            except OSError as error:
                failures.append(write_error(self.folder / name, error))
        if failures:
            raise failures[0]

    def _write_run(self, state: str) -> None:
        if not self._is_here:
            return
        content = {"schema": SCHEMA, "state": state, "n_done": self.n_done, "n_failed": self.n_failed, **self.run}
        write_text(self.folder / "run.json", json.dumps(content, indent=2) + "\n")


class RecordingFiles:
    """Files of single recordings, named after them: in a folder for each format, or beside the recordings.

    Beside `yard.wav` lies `yard.earwitness.labels.txt`, so that no file that anyone else made is replaced. Of two
    recordings of one name the second's files end in `_2`.
    """

    def __init__(self, formats: Sequence[Format], folder: Path | None) -> None:
        self._formats, self._folder = tuple(formats), folder
        self._taken: set[tuple[Path | None, str]] = set()

    def add(self, result: RecordingResult) -> None:
        """Write one recording's files.

        Raises:
            OutputError: a file cannot be written.
        """
        if not self._formats:
            return
        home = None if self._folder else result.path.parent
        stem, number = result.path.stem, 1
        while (home, stem.lower()) in self._taken:
            number += 1
            stem = f"{result.path.stem}_{number}"
        self._taken.add((home, stem.lower()))
        for form in self._formats:
            if self._folder:
                path = self._folder / form.name / f"{stem}{form.suffix}"
            else:
                path = result.path.parent / f"{stem}.earwitness{form.suffix}"
            write_bytes(path, form.encode([result]))
