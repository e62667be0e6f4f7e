"""The command `earwitness`: parse, call one public function, write or print. Nothing heavy is imported before it is
needed.

Exit status: 0 all is well, 1 some recordings could not be used (see errors.csv), 2 nothing could be done.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earwitness.cli_weights import app as weights_app
from earwitness.cli_weights import errors_told
from earwitness.errors import OutputError, SettingsError, WordError
from earwitness.version import __version__

if TYPE_CHECKING:
    from earwitness.batch import Progress
    from earwitness.recognition import Recognition
    from earwitness.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(weights_app, name="weights")

SPOOLED, SPOOL_PREFIX = "stdin", "earwitness-"  # where standard input is kept meanwhile
HOW_WORDS = "repeat it, or give a comma list, or @FILE with one a line."

Paths = Annotated[list[str], typer.Argument(help="Recordings: files, folders, glob patterns, or - for standard input.")]
Events = Annotated[list[str], typer.Option("--events", "-e", help=f"A word for what may be heard; {HOW_WORDS}")]
Scenes = Annotated[list[str], typer.Option("--scenes", "-s", help=f"A word for where it may have been; {HOW_WORDS}")]
ClipWords = Annotated[list[str], typer.Option("--words", "-w", help=f"A word to score; {HOW_WORDS}")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for the results; without it they are only printed.")
]
Formats = Annotated[
    list[str],
    typer.Option("--format", "-f", help="A further form: jsonl, parquet, dcase, audacity or raven; repeat it."),
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="TOML file of settings; the options here win over it.")
]
Encoder = Annotated[
    str | None, typer.Option(help="Encoder: a known name or the path of weights; the embedded one if not given.")
]
Method = Annotated[str | None, typer.Option(help="'earwitness' (the default) or 'tmrl', the published method.")]
CommercialOnly = Annotated[
    bool, typer.Option("--commercial-only", help="Refuse encoders whose licence does not allow commercial use.")
]
ShowProgress = Annotated[
    Literal["auto", "bar", "json", "none"], typer.Option(help="How to show progress, on standard error.")
]


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
    hop: Annotated[float | None, typer.Option(help="Seconds between windows for events.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Score, 0 to 1, from which an event counts.")] = None,
    places: Annotated[Path | None, typer.Option(help="TOML file with places of your own.")] = None,
    blind_calibration: Annotated[
        bool, typer.Option(help="Rank scenes against all recordings of this run (5 or more).")
    ] = False,
    noise_factor: Annotated[float | None, typer.Option(help="Standard deviation of noise to add.")] = None,
    progress: ShowProgress = "auto",
) -> None:
    """Find events with onset and offset, and rank scenes, in recordings of any length.

    Writes events.csv, scenes.csv, errors.csv and run.json to --out, as each recording is done.
    """
    with errors_told(), _recordings(paths) as sources:
        chosen = _settings(
            settings,
            method=method,
            encoder=encoder,
            commercial_only=commercial_only or None,
            hop_s=hop,
            event_threshold=threshold,
            places=str(places) if places else None,
            blind_calibration=blind_calibration or None,
            noise_factor=noise_factor,
        )
        event_words, scene_words = read_words(events), read_words(scenes)
        if not event_words and not scene_words:
            raise WordError("nothing to listen for: give --events, --scenes or both; 'earwitness tags' needs no words")
        _listen(sources, event_words, scene_words, chosen, out, formats, progress)


@app.command(short_help="Score words for whole clips.")
def classify(
    paths: Paths,
    words: ClipWords = [],  # noqa: B006
    out: Out = None,
    settings: SettingsFile = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    progress: ShowProgress = "auto",
) -> None:
    """Score each word for each whole clip: zero-shot classification, or clip-level event classification.

    A score of 0.5 or more counts as heard. Writes clips.csv, errors.csv and run.json to --out.
    """
    with errors_told(), _recordings(paths) as sources:
        from earwitness.audio import find_truncation
        from earwitness.batch import process_each
        from earwitness.recognition import check_words
        from earwitness.recognition import classify as classify_clip
        from earwitness.weights import load_encoder

        chosen, asked = _settings(settings, encoder=encoder, commercial_only=commercial_only or None), read_words(words)
        if not asked:
            raise WordError("no words: give --words, for example --words 'dog bark,rain,siren'")
        check_words(asked, [], chosen)
        loaded = load_encoder(chosen.encoder, commercial_only=chosen.commercial_only)
        outcomes = process_each(sources, lambda source, _: classify_clip(source, asked, chosen, loaded), progress)
        with _results(out, ("clips.csv",), [], chosen, loaded, words=asked) as results:
            n_failed = 0
            for outcome in outcomes:
                if outcome.result is None:
                    n_failed += 1
                    _tell_failure(results, outcome.source, outcome.reason)
                    continue
                if results:
                    results.add_clip(_shown(outcome.source), outcome.result)
                best = outcome.result[0]
                print(f"{_shown(outcome.source)}\t{best.word}\t{best.score:.3f}")
                if truncation := find_truncation(outcome.source):
                    n_failed += 1
                    _tell_failure(results, outcome.source, f"{outcome.source}: {truncation}")
        _exit_with(n_failed, len(sources), out)


@app.command(short_help="List the AudioSet tags that are heard.")
def tags(
    paths: Paths,
    out: Out = None,
    n_tags: Annotated[int, typer.Option("--top", help="How many tags to list.")] = 10,
    settings: SettingsFile = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    progress: ShowProgress = "auto",
) -> None:
    """List what the encoder hears, as AudioSet tags, before any word of yours comes in."""
    with errors_told(), _recordings(paths) as sources:
        chosen = _settings(settings, encoder=encoder, commercial_only=commercial_only or None, n_tags=n_tags)
        _listen(sources, [], [], chosen, out, [], progress)


@app.command(short_help="Show what is understood by a word.")
def words(
    words: Annotated[list[str], typer.Argument(help="Words or phrases.")],
    top: Annotated[int, typer.Option(help="How many tags to list.")] = 5,
) -> None:
    """Show what is understood by a word: its nearest tags, with similarities and weights."""
    with errors_told():
        from earwitness.tags import tag_names
        from earwitness.words import FAR_SIMILARITY, understand_words

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
    with errors_told():
        from earwitness.meta import find_recipes, read_recipes, write_meta

        mixtures = [mixture for recipe in find_recipes(paths) for mixture in read_recipes(recipe)]
        write_meta(mixtures, out)
        print(f"{len(mixtures)} mixtures -> {out}")


def read_words(given: Sequence[str]) -> list[str]:
    """Return the words of repeated options, comma lists and @FILEs, in order.

    Raises:
        WordError: a file cannot be read, or a word is empty.
    """
    words: list[str] = []
    for each in given:
        if each.startswith("@"):
            try:
                lines = Path(each[1:]).read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise WordError(f"{each[1:]}: not readable as a list of words ({error})") from error
            words += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        else:
            words += [word.strip() for word in each.split(",")]
    if not all(words):
        raise WordError(f"an empty word in {', '.join(map(repr, given))}; remove it, or quote a phrase")
    return list(dict.fromkeys(words))


def _listen(
    sources: list[Path],
    events: list[str],
    scenes: list[str],
    settings: Settings,
    out: Path | None,
    formats: list[str],
    progress: Progress,
) -> None:
    from earwitness.batch import process_each
    from earwitness.recognition import calibrate_run, check_words, recognize
    from earwitness.scenes import LEAST_CLIPS
    from earwitness.weights import load_encoder

    check_words(events, scenes, settings)
    if settings.blind_calibration and len(sources) < LEAST_CLIPS:
        raise SettingsError(f"blind calibration needs at least {LEAST_CLIPS} recordings at once, not {len(sources)}")
    loaded = load_encoder(settings.encoder, commercial_only=settings.commercial_only)
    tables = [name for name, is_asked in (("events.csv", events), ("scenes.csv", scenes)) if is_asked]
    asked = {"events": events, "scenes": scenes}

    def process(source: Path, report: Callable[[float], None]) -> Recognition:
        return replace(recognize(source, events, scenes, settings, loaded, report), source=_shown(source))

    waiting: list[Recognition] = []
    with _results(out, tables or ["tags.csv"], formats, settings, loaded, **asked) as results:
        n_failed = 0
        try:
            for outcome in process_each(sources, process, progress):
                if outcome.result is None:
                    n_failed += 1
                    _tell_failure(results, outcome.source, outcome.reason)
                elif settings.blind_calibration:
                    waiting.append(outcome.result)
                else:
                    n_failed += _tell(results, outcome.result)
            waiting = calibrate_run(waiting) if waiting else []
        except SettingsError as error:
            n_failed += 1
            print(f"earwitness: {error}; the scenes are ranked without it", file=sys.stderr)
        finally:  # whatever stops the run, what has been heard is kept
            n_failed += sum(_tell(results, recognition) for recognition in waiting)
    _exit_with(n_failed, len(sources), out)


def _tell(results: Any, recognition: Recognition) -> int:
    """Write and print one recognition; return 1 if there is something wrong with the recording, else 0."""
    from earwitness.report import print_recognition

    if results:
        results.add(recognition)
    print_recognition(recognition)
    for note in recognition.notes:
        print(f"{recognition.source}: {note}", file=sys.stderr)
    return int(bool(recognition.notes))


def _tell_failure(results: Any, source: Path, reason: str) -> None:
    reason = reason.replace(str(source), _shown(source))
    if results:
        results.add_error(_shown(source), reason)
    print(reason, file=sys.stderr)


def _shown(source: Path) -> str:
    """Return a recording's name for people and tables; the temporary file of standard input is "stdin"."""
    return SPOOLED if source.name == SPOOLED and source.parent.name.startswith(SPOOL_PREFIX) else str(source)


@contextlib.contextmanager
def _results(
    out: Path | None, tables: Sequence[str], formats: list[str], settings: Settings, loaded: Any, **asked: Any
) -> Iterator[Any]:
    """Give the folder of results, or None where only printing is asked for."""
    if out is None:
        if formats:
            raise OutputError(f"--format {formats[0]} needs a folder: give --out")
        yield None
        return
    from earwitness.outputs import ResultFolder

    run = {
        "version": __version__,
        "encoder": loaded.spec.name,
        "weights_sha256": loaded.sha256,
        "settings": settings.to_dict(),
        **asked,
    }
    with ResultFolder(out, tables, formats, run) as results:
        yield results


def _settings(path: Path | None, **options: Any) -> Settings:
    from earwitness.settings import Settings, read_settings

    chosen = read_settings(path) if path else Settings()
    given = {name: value for name, value in options.items() if value is not None}
    if "event_threshold" in given:  # a lower threshold takes the hold along
        given["event_hold"] = min(chosen.event_hold, given["event_threshold"])
    return replace(chosen, **given)


@contextlib.contextmanager
def _recordings(paths: Sequence[str]) -> Iterator[list[Path]]:
    """Give the recordings; what comes on standard input is kept in a temporary file meanwhile."""
    from earwitness.audio import find_audio

    with tempfile.TemporaryDirectory(prefix=SPOOL_PREFIX) as folder:
        spooled = Path(folder) / SPOOLED
        if "-" in paths:
            with spooled.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        yield find_audio([spooled if path == "-" else Path(path) for path in paths])


def _exit_with(n_failed: int, n_total: int, out: Path | None) -> None:
    if n_failed:
        where = f"; the reasons are in {out / 'errors.csv'}" if out else ""
        print(f"earwitness: {n_failed} of {n_total} recordings had errors{where}", file=sys.stderr)
        raise typer.Exit(1)
