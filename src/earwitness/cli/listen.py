"""The command `earwitness listen`: events in time and ranked scenes, to the terminal and to tables.

In: recordings, words. Out: a table a recording on standard output; events.csv, scenes.csv, errors.csv and run.json.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from earwitness.cli.exit_status import end, print_error
from earwitness.cli.options import (
    Events,
    Formats,
    Out,
    Scenes,
    encoder_options,
    has_words,
    query_options,
    takes,
    takes_recordings,
)
from earwitness.cli.recordings import GivenRecordings
from earwitness.cli.report import write_reports
from earwitness.errors import SettingsError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.recognition import Recognition
    from earwitness.results import Destination, Printer, TokenScores


@takes_recordings
@encoder_options
@query_options
@takes("method", "hop_s", "is_fast", "blind_calibration", "noise_factor")
def listen(
    recordings: GivenRecordings,
    settings: Settings,
    events: Events,
    scenes: Scenes,
    formats: Formats,
    out: Out = None,
    is_reported: Annotated[
        bool, typer.Option("--report", help="Also write pages with sound and reasons; see 'earwitness report'.")
    ] = False,
    order: Annotated[
        Literal["time", "score"], typer.Option("--sort", help="'score': one table of all events, best first.")
    ] = "time",
    beside: Annotated[
        bool, typer.Option("--beside", help="Write the files of single recordings beside them, named after them.")
    ] = False,
    top: Annotated[int, typer.Option(min=0, help="Print at most so many rows a table; 0 for all.")] = 0,
) -> None:
    """Find events with onset and offset, and rank scenes, in recordings of any length.

    Writes events.csv, scenes.csv, errors.csv and run.json to --out, as each recording is done.
    """
    has_words(events, scenes, "give --events, --scenes or both; 'earwitness tags' needs no words")
    if is_reported:
        write_reports(recordings, events, scenes, settings, out, formats)
    else:
        from earwitness.results import Destination, Printer

        printer = Printer(order, top, is_shown=out is None)
        recognize_all(recordings, events, scenes, settings, Destination(out, formats, beside), printer)


def recognize_all(
    recordings: GivenRecordings,
    events: list[str],
    scenes: list[str],
    settings: Settings,
    to: Destination,
    printer: Printer,
) -> None:
    """Recognize words, or without any list tags, in each recording; print and write the results."""
    from earwitness.encoders import choose_encoder
    from earwitness.recognition import LEAST_CLIPS, analyse, ask, calibrate_run, check_words
    from earwitness.results import RunRecord, check_scores, name_tables, needs_scores, open_results, score_words

    n_recordings = len(recordings.paths)
    unusable = check_words(events, scenes, settings)
    if settings.blind_calibration and n_recordings < LEAST_CLIPS:
        raise SettingsError(f"blind calibration needs at least {LEAST_CLIPS} recordings at once, not {n_recordings}")
    if has_scores := needs_scores(to.formats):
        check_scores(events, settings)
    loaded = choose_encoder(settings)
    record = RunRecord.of(loaded, settings, events=events, scenes=scenes)
    tally = recordings.tally()

    def process(source: Path, report: Callable[[float], None]) -> tuple[Recognition, TokenScores | None]:
        analysis = analyse(source, settings, loaded, report, kinds=["rows"] if events else [])
        return ask(analysis, events, scenes), score_words(analysis, events) if has_scores else None

    def finish(recognition: Recognition, scores: TokenScores | None) -> None:
        if results:
            results.add(recognition, scores)
        printer.add(recognition)
        tally.count_notes(recognition.source, recognition.notes)

    waiting: list[tuple[Recognition, TokenScores | None]] = []
    with open_results(to, name_tables(events, scenes), record, tally, loaded.spec.sample_rate_hz) as results:
        try:
            for name, (found, scores) in tally.each(process):
                recognition = replace(found, source=name)
                if settings.blind_calibration:
                    waiting.append((recognition, scores))
                else:
                    finish(recognition, scores)
            if waiting:
                ranked = calibrate_run([recognition for recognition, _ in waiting])
                waiting = [(each, scores) for each, (_, scores) in zip(ranked, waiting, strict=True)]
        except SettingsError as error:
            print_error(f"{error}; the scenes are ranked without it")
            tally.failures.n_partial += len(waiting)
        finally:  # whatever stops the run, what has been recognized is written
            for recognition, scores in waiting:
                finish(recognition, scores)
    printer.print_table()
    recordings.print_summary(printer.summarise(), to.folder)
    end(tally.failures, to.folder / "errors.csv" if to.folder else "", unusable)
