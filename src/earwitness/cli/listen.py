"""The command `earwitness listen`: events in time and ranked scenes, to the terminal and to tables.

In: recordings, words. Out: a table a recording on standard output; events.csv, scenes.csv, errors.csv and run.json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli.exit_status import end
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
) -> None:
    """Find events with onset and offset, and rank scenes, in recordings of any length.

    Writes events.csv, scenes.csv, errors.csv and run.json to --out, as each recording is done.
    """
    has_words(events, scenes, "give --events, --scenes or both; 'earwitness tags' needs no words")
    if is_reported:
        write_reports(recordings, events, scenes, settings, out, formats)
    else:
        recognize_all(recordings, events, scenes, settings, out, formats)


def recognize_all(
    recordings: Recordings,
    events: list[str],
    scenes: list[str],
    settings: Settings,
    out: Path | None,
    formats: Sequence[str] = (),
) -> None:
    """Recognize words, or without any list tags, in each recording; print and write the results."""
    from earwitness.encoders import choose_encoder
    from earwitness.recognition import LEAST_CLIPS, calibrate_run, check_words, recognize
    from earwitness.results import RunRecord, name_tables, open_results, show_recognition

    n_recordings = len(recordings.paths)
    check_words(events, scenes, settings)
    if settings.blind_calibration and n_recordings < LEAST_CLIPS:
        raise SettingsError(f"blind calibration needs at least {LEAST_CLIPS} recordings at once, not {n_recordings}")
    loaded = choose_encoder(settings)
    record = RunRecord.of(loaded, settings, events=events, scenes=scenes)
    tally = recordings.tally()

    def process(source: Path, report: Callable[[float], None]) -> Recognition:
        return recognize(source, events, scenes, settings, loaded, report)

    waiting: list[Recognition] = []
    with open_results(out, name_tables(events, scenes), formats, record, tally) as results:
        try:
            for name, found in tally.each(process):
                recognition = replace(found, source=name)
                if settings.blind_calibration:
                    waiting.append(recognition)
                else:
                    show_recognition(recognition, tally, results)
            waiting = calibrate_run(waiting) if waiting else []
        except SettingsError as error:
            tally.report(f"earwitness: {error}; the scenes are ranked without it")
        finally:  # whatever stops the run, what has been recognized is written
            for recognition in waiting:
                show_recognition(recognition, tally, results)
    end(tally.n_failed, n_recordings, out)
