"""The command `earwitness`: parse, call one public function, write or print. Nothing heavy is imported before it is
needed.

Exit status: 0 all is well, 1 some recordings could not be used (see errors.csv), 2 nothing could be done.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earwitness.cli.archive import app as store_app
from earwitness.cli.archive import ask, index, similar
from earwitness.cli.calibrate import calibrate
from earwitness.cli.data import app as data_app
from earwitness.cli.embed import embed
from earwitness.cli.evaluate import compare, evaluate
from earwitness.cli.live import live
from earwitness.cli.mix import mix
from earwitness.cli.options import (
    N_AT_ONCE,
    ClipWords,
    CommercialOnly,
    Device,
    Encoder,
    Events,
    Formats,
    Method,
    Out,
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
from earwitness.cli.report import report, write_reports
from earwitness.cli.serve import serve
from earwitness.cli.show import app as show_app
from earwitness.cli.weights import app as weights_app
from earwitness.errors import OutputError, SettingsError, WordError
from earwitness.version import __version__

if TYPE_CHECKING:
    from earwitness.recognition import Recognition
    from earwitness.results import Progress
    from earwitness.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(weights_app, name="weights")
app.add_typer(data_app, name="data")
app.add_typer(show_app, name="show")
app.add_typer(store_app, name="store")


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell more about what is done.")] = False,
) -> None:
    """Tell, in your own words, what is heard in a recording, when, and where it was made.

    A first try: earwitness listen street.wav --events siren,"dog bark" --scenes park,tram,office
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be UTF-8
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s: %(message)s")
    if version:
        print(__version__)
        raise typer.Exit


@app.command(short_help="Find events in time, and rank scenes.")
def listen(
    paths: Paths,
    events: Events = [],  # noqa: B006 (typer copies it)
    scenes: Scenes = [],  # noqa: B006
    out: Out = None,
    formats: Formats = [],  # noqa: B006
    settings: SettingsFile = None,
    method: Method = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    runtime: Runtime = None,
    device: Device = None,
    hop: Annotated[float | None, typer.Option(help="Seconds between windows for events.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Score, 0 to 1, from which an event counts.")] = None,
    places: Annotated[Path | None, typer.Option(help="TOML file with places of your own.")] = None,
    blind_calibration: Annotated[
        bool, typer.Option(help="Rank scenes against all recordings of this run (5 or more).")
    ] = False,
    noise_factor: Annotated[float | None, typer.Option(help="Standard deviation of noise to add.")] = None,
    is_reported: Annotated[
        bool, typer.Option("--report", help="Write pages to look at and listen to, too; see 'earwitness report'.")
    ] = False,
    progress: ShowProgress = "auto",
) -> None:
    """Find events with onset and offset, and rank scenes, in recordings of any length.

    Writes events.csv, scenes.csv, errors.csv and run.json to --out, as each recording is done.
    """
    with errors_reported(), open_recordings(paths) as sources:
        chosen = choose_settings(
            settings,
            method=method,
            **choose_compute(encoder, commercial_only, runtime, device),
            hop_s=hop,
            event_threshold=threshold,
            places=str(places) if places else None,
            blind_calibration=blind_calibration or None,
            noise_factor=noise_factor,
        )
        event_words, scene_words = read_words(events), read_words(scenes)
        if not event_words and not scene_words:
            raise WordError("nothing to listen for: give --events, --scenes or both; 'earwitness tags' needs no words")
        if is_reported:
            n_failed = write_reports(sources, event_words, scene_words, chosen, out, formats, progress)
            exit_with(n_failed, len(sources), out)
        else:
            _listen(sources, event_words, scene_words, chosen, out, formats, progress)


@app.command(short_help="Score words for whole clips.")
def classify(
    paths: Paths,
    words: ClipWords = [],  # noqa: B006
    out: Out = None,
    settings: SettingsFile = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    runtime: Runtime = None,
    device: Device = None,
    progress: ShowProgress = "auto",
) -> None:
    """Score each word for each whole clip: zero-shot classification, or clip-level event classification.

    A score of 0.5 or more counts as heard. Writes clips.csv, errors.csv and run.json to --out.
    """
    with errors_reported(), open_recordings(paths) as sources:
        from earwitness.audio import find_truncation
        from earwitness.encoders import choose_encoder
        from earwitness.recognition import check_words
        from earwitness.recognition import classify as classify_clip
        from earwitness.results import process_each

        chosen, queried = (
            choose_settings(settings, **choose_compute(encoder, commercial_only, runtime, device)),
            read_words(words),
        )
        if not queried:
            raise WordError("no words: give --words, for example --words 'dog bark,rain,siren'")
        check_words(queried, [], chosen)
        loaded = choose_encoder(chosen)
        outcomes = process_each(
            sources, lambda source, _: classify_clip(source, queried, chosen, loaded), progress, N_AT_ONCE
        )
        with _results(out, ("clips.csv",), [], chosen, loaded, words=queried) as results:
            n_failed = 0
            for outcome in outcomes:
                if outcome.result is None:
                    n_failed += 1
                    _report_failure(results, outcome.source, outcome.reason)
                    continue
                if results:
                    results.add_clip(show_name(outcome.source), outcome.result)
                best = outcome.result[0]
                print(f"{show_name(outcome.source)}\t{best.word}\t{best.score:.3f}")
                if truncation := find_truncation(outcome.source):
                    n_failed += 1
                    _report_failure(results, outcome.source, f"{outcome.source}: {truncation}")
        exit_with(n_failed, len(sources), out)


@app.command(short_help="List the AudioSet tags that are heard.")
def tags(
    paths: Paths,
    out: Out = None,
    n_tags: Annotated[int, typer.Option("--top", help="How many tags to list.")] = 10,
    settings: SettingsFile = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    runtime: Runtime = None,
    device: Device = None,
    progress: ShowProgress = "auto",
) -> None:
    """List what the encoder hears, as AudioSet tags, before any word of yours comes in."""
    with errors_reported(), open_recordings(paths) as sources:
        chosen = choose_settings(settings, **choose_compute(encoder, commercial_only, runtime, device), n_tags=n_tags)
        _listen(sources, [], [], chosen, out, [], progress)


app.command(short_help="Write pages that show what is heard, and why.")(report)
app.command(short_help="Listen to a microphone, pipe or stream.")(live)
app.command(short_help="Write the encoder's features, to train on or compare.")(embed)
app.command(short_help="Choose thresholds on background, without labels.")(calibrate)
app.command(short_help="Make test mixtures whose truth is known.")(mix)
app.command(short_help="Tell how good recognition is on a data set.")(evaluate)
app.command(short_help="Compare two evaluations of the same recordings.")(compare)
app.command(short_help="Serve the page and the API on this machine.")(serve)
app.command(short_help="Hear an archive once, into a store to ask.")(index)
app.command(short_help="Ask words of a whole store, without audio.")(ask)
app.command(short_help="List moments of a store that sound like a clip.")(similar)


@app.command(short_help="Show what is understood by a word.")
def words(
    words: Annotated[list[str], typer.Argument(help="Words or phrases.")],
    top: Annotated[int, typer.Option(help="How many tags to list.")] = 5,
) -> None:
    """Show what is understood by a word: its nearest tags, with similarities and weights."""
    with errors_reported():
        from earwitness.words import FAR_SIMILARITY, tag_names, understand_words

        meanings = understand_words(read_words(words))
        for index, word in enumerate(meanings.words):
            similarities, weights = meanings.similarities[index], meanings.weights[index]
            is_far = similarities.max() < FAR_SIMILARITY
            print(f"{word}{'  (far from every tag: expect little of it)' if is_far else ''}")
            for tag in (-weights).argsort(kind="stable")[:top]:
                print(f"  {similarities[tag]:5.2f}  {weights[tag]:6.1%}  {tag_names()[tag]}")


@app.command(short_help="Turn TUT recipes into meta.csv.")
def meta(
    paths: Annotated[list[Path], typer.Argument(help="Recipe files of TUT Rare Sound Events, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The CSV file to write.")] = Path("meta.csv"),
) -> None:
    """Turn the recipes of TUT Rare Sound Events (YAML) into one meta.csv."""
    with errors_reported():
        from earwitness.datasets import find_recipes, read_mixture_rows, write_meta

        mixtures = [mixture for recipe in find_recipes(paths) for mixture in read_mixture_rows(recipe)]
        write_meta(mixtures, out)
        print(f"{len(mixtures)} mixtures -> {out}")


def _listen(
    sources: list[Path],
    events: list[str],
    scenes: list[str],
    settings: Settings,
    out: Path | None,
    formats: list[str],
    progress: Progress,
) -> None:
    from earwitness.encoders import choose_encoder
    from earwitness.recognition import LEAST_CLIPS, calibrate_run, check_words, recognize
    from earwitness.results import process_each

    check_words(events, scenes, settings)
    if settings.blind_calibration and len(sources) < LEAST_CLIPS:
        raise SettingsError(f"blind calibration needs at least {LEAST_CLIPS} recordings at once, not {len(sources)}")
    loaded = choose_encoder(settings)
    tables = [name for name, is_queried in (("events.csv", events), ("scenes.csv", scenes)) if is_queried]
    queried = {"events": events, "scenes": scenes}

    def process(source: Path, report: Callable[[float], None]) -> Recognition:
        return replace(recognize(source, events, scenes, settings, loaded, report), source=show_name(source))

    waiting: list[Recognition] = []
    with _results(out, tables or ["tags.csv"], formats, settings, loaded, **queried) as results:
        n_failed = 0
        try:
            for outcome in process_each(sources, process, progress, N_AT_ONCE):
                if outcome.result is None:
                    n_failed += 1
                    _report_failure(results, outcome.source, outcome.reason)
                elif settings.blind_calibration:
                    waiting.append(outcome.result)
                else:
                    n_failed += _report(results, outcome.result)
            waiting = calibrate_run(waiting) if waiting else []
        except SettingsError as error:
            n_failed += 1
            print(f"earwitness: {error}; the scenes are ranked without it", file=sys.stderr)
        finally:  # whatever stops the run, what has been heard is kept
            n_failed += sum(_report(results, recognition) for recognition in waiting)
    exit_with(n_failed, len(sources), out)


def _report_failure(results: Any, source: Path, reason: str) -> None:
    reason = reason.replace(str(source), show_name(source))
    if results:
        results.add_error(show_name(source), reason)
    print(reason, file=sys.stderr)


def _report(results: Any, recognition: Recognition) -> int:
    """Write and print one recognition; return 1 if there is something wrong with the recording, else 0."""
    from earwitness.results import print_recognition

    if results:
        results.add(recognition)
    print_recognition(recognition)
    for note in recognition.notes:
        print(f"{recognition.source}: {note}", file=sys.stderr)
    return int(bool(recognition.notes))


@contextlib.contextmanager
def _results(
    out: Path | None, tables: Sequence[str], formats: list[str], settings: Settings, loaded: Any, **queried: Any
) -> Iterator[Any]:
    """Give the folder of results, or None where only printing is asked for."""
    if out is None:
        if formats:
            raise OutputError(f"--format {formats[0]} needs a folder: give --out")
        yield None
        return
    from earwitness.results import ResultFolder

    run = {
        "version": __version__,
        "encoder": loaded.spec.name,
        "weights_sha256": loaded.sha256,
        "computed_on": loaded.backend.computed_on,
        "settings": settings.to_dict(),
        **queried,
    }
    with ResultFolder(out, tables, formats, run) as results:
        yield results
