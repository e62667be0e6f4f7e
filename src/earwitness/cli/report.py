"""The command `earwitness report`, and what `listen --report` does: pages to look at and listen to.

In: recordings, words. Out: a folder with index.html, a page for each recording, and the tables that `listen` writes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from earwitness.cli.options import (
    N_AT_ONCE,
    STDIN_NAME,
    CommercialOnly,
    Device,
    Encoder,
    Events,
    Formats,
    Method,
    Paths,
    Runtime,
    Scenes,
    SettingsFile,
    ShowProgress,
    choose_compute,
    choose_settings,
    errors_reported,
    exit_with,
    open_recordings,
    read_words,
    show_name,
)
from earwitness.errors import OutputError, SettingsError, WordError
from earwitness.version import __version__

if TYPE_CHECKING:
    from earwitness.encoders import LoadedEncoder
    from earwitness.recognition import Recognition
    from earwitness.reports import AudioChoice
    from earwitness.results import Progress
    from earwitness.settings import Settings

Audio = Annotated[
    Literal["embed", "link", "none"],
    typer.Option(help="The sound in a page: kept in it up to about 20 MB, else linked; always linked; or none."),
]


def report(
    paths: Paths,
    events: Events = [],  # noqa: B006 (typer copies it)
    scenes: Scenes = [],  # noqa: B006
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pages and tables.")] = Path("report"),
    audio: Audio = "embed",
    is_opened: Annotated[bool, typer.Option("--open", help="Open the page in the browser when it is done.")] = False,
    formats: Formats = [],  # noqa: B006
    settings: SettingsFile = None,
    method: Method = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    runtime: Runtime = None,
    device: Device = None,
    threshold: Annotated[float | None, typer.Option(help="Score, 0 to 1, from which an event counts.")] = None,
    places: Annotated[Path | None, typer.Option(help="TOML file with places of your own.")] = None,
    progress: ShowProgress = "auto",
) -> None:
    """Write a page for each recording that shows what is heard and why, to look at and listen to; and one over all.

    Each page is one file that needs no network: give it to anyone. Writes what 'listen' writes too.
    """
    with errors_reported(), open_recordings(paths) as sources:
        chosen = choose_settings(
            settings,
            method=method,
            **choose_compute(encoder, commercial_only, runtime, device),
            event_threshold=threshold,
            places=str(places) if places else None,
        )
        event_words, scene_words = read_words(events), read_words(scenes)
        if not event_words and not scene_words:
            raise WordError("nothing to listen for: give --events, --scenes or both")
        n_failed = write_reports(sources, event_words, scene_words, chosen, out, formats, progress, audio)
        if is_opened:
            import webbrowser

            webbrowser.open((out / "index.html").resolve().as_uri())
        exit_with(n_failed, len(sources), out)


def write_reports(
    sources: Sequence[Path],
    events: list[str],
    scenes: list[str],
    settings: Settings,
    out: Path | None,
    formats: list[str],
    progress: Progress,
    audio: AudioChoice = "embed",
) -> int:
    """Write the pages and tables of recordings; return how many recordings had errors.

    Raises:
        OutputError: there is no folder, or it cannot be written.
        SettingsError: scenes are to be ranked against the run, which a page written on the way cannot be.
        WordError, PlaceError, WeightsError: see `recognize`.
    """
    from earwitness.encoders import choose_encoder
    from earwitness.recognition import check_words
    from earwitness.reports import ReportFolder
    from earwitness.results import ResultFolder, process_each

    if out is None:
        raise OutputError("--report needs a folder: give --out")
    if settings.blind_calibration:
        raise SettingsError("blind calibration ranks scenes when all is heard, pages are written before; leave one out")
    check_words(events, scenes, settings)
    loaded = choose_encoder(settings)
    tables = [name for name, is_queried in (("events.csv", events), ("scenes.csv", scenes)) if is_queried]
    run = _describe_run(settings, loaded, events, scenes)
    n_failed = 0
    names = [show_name(source) for source in sources]
    with ReportFolder(out, names, events, scenes, settings, loaded, audio) as pages:

        def process(source: Path, on_progress: Callable[[float], None]) -> Recognition:
            name = show_name(source)
            return pages.write(source, name, on_progress, is_stored=name != STDIN_NAME)

        with ResultFolder(out, tables, formats, run) as results:
            for outcome in process_each(sources, process, progress, N_AT_ONCE):
                name = show_name(outcome.source)
                if outcome.result is None:
                    reason = outcome.reason.replace(str(outcome.source), name)
                    n_failed += 1
                    results.add_error(name, reason)
                    pages.add_error(name, reason)
                    print(reason, file=sys.stderr)
                    continue
                results.add(outcome.result)
                pages.add(outcome.result)
                n_failed += _report(outcome.result)
    print(f"{len(pages.entries)} recordings -> {out / 'index.html'}", file=sys.stderr)
    return n_failed


def _describe_run(settings: Settings, loaded: LoadedEncoder, events: list[str], scenes: list[str]) -> dict[str, object]:
    return {
        "version": __version__,
        "encoder": loaded.spec.name,
        "weights_sha256": loaded.sha256,
        "computed_on": loaded.backend.computed_on,
        "settings": settings.to_dict(),
        "events": events,
        "scenes": scenes,
    }


def _report(recognition: Recognition) -> int:
    """Print one recognition; return 1 if there is something wrong with the recording, else 0."""
    from earwitness.results import print_recognition

    print_recognition(recognition)
    for note in recognition.notes:
        print(f"{recognition.source}: {note}", file=sys.stderr)
    return int(bool(recognition.notes))
