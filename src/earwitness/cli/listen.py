"""The command `earwitness listen`: events in time and ranked scenes, to the terminal and to tables.

In: recordings, words. Out: a table a recording on standard output; events.csv, scenes.csv, errors.csv and run.json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from earwitness.cli.recordings import Recordings
from earwitness.cli.report import write_reports
from earwitness.errors import SettingsError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.recognition import Recognition
    from earwitness.results import Printer


@takes_recordings
@encoder_options
@query_options
@takes("method", "hop_s", "blind_calibration", "noise_factor")
def listen(
    recordings: Recordings,
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
    top: Annotated[int, typer.Option(min=0, help="Print at most so many rows a table; 0 for all.")] = 0,
) -> None:
    """Find events with onset and offset, and rank scenes, in recordings of any length.

    Writes events.csv, scenes.csv, errors.csv and run.json to --out, as each recording is done.
    """
    has_words(events, scenes, "give --events, --scenes or both; 'earwitness tags' needs no words")
    if is_reported:
        write_reports(recordings, events, scenes, settings, out, formats)
    else:
        from earwitness.results import Printer

        recognize_all(recordings, events, scenes, settings, out, formats, Printer(order, top, is_shown=out is None))


def recognize_all(
    recordings: Recordings,
    events: list[str],
    scenes: list[str],
    settings: Settings,
    out: Path | None,
    formats: Sequence[str],
    printer: Printer,
) -> None:
    """Recognize words, or without any list tags, in each recording; print and write the results."""
    from earwitness.encoders import choose_encoder
    from earwitness.recognition import LEAST_CLIPS, calibrate_run, check_words, recognize
    from earwitness.results import RunRecord, name_tables, open_results

    n_recordings = len(recordings.paths)
    check_words(events, scenes, settings)
    if settings.blind_calibration and n_recordings < LEAST_CLIPS:
        raise SettingsError(f"blind calibration needs at least {LEAST_CLIPS} recordings at once, not {n_recordings}")
    loaded = choose_encoder(settings)
    record = RunRecord.of(loaded, settings, events=events, scenes=scenes)
    tally = recordings.tally()

    def process(source: Path, report: Callable[[float], None]) -> Recognition:
        return recognize(source, events, scenes, settings, loaded, report)

    def finish(recognition: Recognition) -> None:
        if results:
            results.add(recognition)
        printer.add(recognition)
        tally.count_notes(recognition.source, recognition.notes)

    waiting: list[Recognition] = []
    with open_results(out, name_tables(events, scenes), formats, record, tally) as results:
        try:
            for name, found in tally.each(process):
                recognition = replace(found, source=name)
                if settings.blind_calibration:
                    waiting.append(recognition)
                else:
                    finish(recognition)
            waiting = calibrate_run(waiting) if waiting else []
        except SettingsError as error:
            print_error(f"{error}; the scenes are ranked without it")
            tally.failures.n_partial += len(waiting)
        finally:  # whatever stops the run, what has been recognized is written
            for recognition in waiting:
                finish(recognition)
    printer.print_table()
    recordings.print_summary(printer.summarise(), out)
    end(tally.failures, out / "errors.csv" if out else "")
