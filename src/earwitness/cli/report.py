"""The command `earwitness report`, and what `listen --report` does: pages with sound, scores and reasons.

In: recordings, words. Out: a folder with index.html, a page for each recording, and the tables that `listen` writes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from earwitness.cli.exit_status import end
from earwitness.cli.options import (
    Events,
    Formats,
    Scenes,
    encoder_options,
    has_words,
    query_options,
    takes,
    takes_recordings,
)
from earwitness.cli.recordings import STDIN_NAME, GivenRecordings, show_name
from earwitness.errors import OutputError, SettingsError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.recognition import Recognition
    from earwitness.reports import AudioChoice

Audio = Annotated[
    Literal["embed", "link", "none"],
    typer.Option(help="The sound in a page: part of it up to about 20 MB, else linked; always linked; or none."),
]


@takes_recordings
@encoder_options
@query_options
@takes("method")
def report(
    recordings: GivenRecordings,
    settings: Settings,
    events: Events,
    scenes: Scenes,
    formats: Formats,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pages and tables.")] = Path("report"),
    audio: Audio = "embed",
    is_opened: Annotated[bool, typer.Option("--open", help="Open the page in the browser when it is done.")] = False,
) -> None:
    """Write a page for each recording that shows what was detected and why, with its sound; and an index.

    Each page is one file that needs no network: give it to anyone. Writes what 'listen' writes too.
    """
    has_words(events, scenes)
    write_reports(recordings, events, scenes, settings, out, formats, audio, is_opened=is_opened)


def write_reports(
    recordings: GivenRecordings,
    events: list[str],
    scenes: list[str],
    settings: Settings,
    out: Path | None,
    formats: list[str],
    audio: AudioChoice = "embed",
    *,
    is_opened: bool = False,
    is_shown: bool = False,
) -> list[Recognition]:
    """Write the pages and tables of recordings; return what was recognized in those that could be used.

    Args:
        is_opened: whether to open the page of all in a browser.
        is_shown: whether to print a table of each recording.

    Raises:
        OutputError: there is no folder, or it cannot be written.
        SettingsError: scenes are to be ranked against the run, which a page written on the way cannot be.
        WordError, PlaceError, WeightsError: see `recognize`.
    """
    from earwitness.encoders import choose_encoder
    from earwitness.recognition import check_words
    from earwitness.reports import ReportFolder
    from earwitness.results import Destination, Printer, RunRecord, name_tables, open_results

    out = _check_pages(out, settings, formats)
    check_words(events, scenes, settings)
    loaded = choose_encoder(settings)
    to = Destination(out, formats)
    record = RunRecord.of(loaded, settings, events=events, scenes=scenes)
    found: list[Recognition] = []
    tally, printer = recordings.tally(), Printer(is_shown=is_shown)
    names = [show_name(source) for source in recordings.paths]
    with ReportFolder(out, names, events, scenes, settings, loaded, audio) as pages:

        def process(source: Path, on_progress: Callable[[float], None]) -> Recognition:
            name = show_name(source)
            return pages.write(source, name, on_progress, is_stored=name != STDIN_NAME)

        with open_results(to, name_tables(events, scenes), record, tally, loaded.spec.sample_rate_hz) as results:
            tally.takers.append(pages)
            for _, recognition in tally.each(process):
                found.append(recognition)
                if results:
                    results.add(recognition)
                pages.add(recognition)
                printer.add(recognition)
                tally.count_notes(recognition.source, recognition.notes)
    index = out / "index.html"
    recordings.print_summary(printer.summarise(), index)
    if is_opened:
        import webbrowser

        webbrowser.open(index.resolve().as_uri())
    end(tally.failures, out / "errors.csv")
    return found


def _check_pages(out: Path | None, settings: Settings, formats: list[str]) -> Path:
    """Return the folder for pages, if they can be written."""
    from earwitness.results import needs_scores

    if out is None:
        raise OutputError("--report needs a folder: give --out")
    if needs_scores(formats):
        raise OutputError("format scores: pages are written without them; run 'earwitness listen --format scores'")
    if settings.blind_calibration:
        raise SettingsError(
            "blind calibration ranks scenes after the last recording, pages are written before; drop one"
        )
    return out
