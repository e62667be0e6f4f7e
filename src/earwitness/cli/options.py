"""The options that commands share, each declared once, and the decorators that turn them into what a command takes.

In: what the user typed. Out: `Settings`, `GivenRecordings`, words. A command that takes `settings: Settings` or
`recordings: GivenRecordings` gets the options of its decorators in the place of that parameter.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from earwitness.cli.exit_status import print_error
from earwitness.cli.recordings import open_recordings
from earwitness.errors import OutputError, SettingsError, WeightsError, WordError
from earwitness.settings import Settings, fold_word, read_settings

Command = Callable[..., Any]

HOW_WORDS = "repeat it, or give a comma list, or @FILE with one a line."
FORMAT_NAMES = (  # those of `results.FORMATS`, which is not loaded for a help text
    "jsonl, json, parquet, dcase, dcase_txt, audacity, raven, scores, scores_npz, vtt, srt, jams, labelstudio, aoef, "
    "kaleidoscope, textgrid"
)
HOW_ENCODER = "Encoder: a known name or the path of weights; the embedded one if not given."
HOW_RUNTIME = "What to compute on: 'torch' or 'onnx' (needs no torch). Not given: torch where it is installed."
HOW_COMMERCIAL = "Refuse encoders whose licence does not allow commercial use."


FAST_HOP_S = 8.5
_COMMA = re.compile(r",(?!\s*(?:but |and )?(?:not|no|without|except)\b)")  # "siren, not music" is one word


def read_words(given: Sequence[str]) -> list[str]:
    """Return the words of repeated options, comma lists and @FILEs, in order, each once; `# note` is a comment.

    Raises:
        WordError: a file cannot be read, or a word is empty.
    """
    words: list[str] = []
    for each in given:
        if each.startswith("@"):
            try:
                lines = Path(each[1:]).read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise WordError(
                    f"{each[1:]}: not readable as a list of words ({reason}); give @FILE with one word a line"
                ) from error
            plain = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in lines)  # without comments
            words += filter(None, plain)
        else:
            words += [word.strip() for word in _COMMA.split(each)]
    if not all(words):
        raise WordError(f"an empty word in {', '.join(map(repr, given))}; remove it, or quote a phrase")
    once: dict[str, str] = {}
    for word in words:
        once.setdefault(fold_word(word), word)
    if len(once) < len(words):
        print_error(f"{len(words) - len(once)} of {len(words)} words are given twice; each counts once")
    return list(once.values())


def list_option(*names: str, help: str, **more: Any) -> Any:
    """Return an option that can be repeated."""
    return typer.Option(*names, help=help, default_factory=list, show_default=False, **more)


def words_option(*names: str, help: str) -> Any:
    """Return an option that takes words: repeated, as comma lists, or from files."""
    return list_option(*names, help=f"{help}; {HOW_WORDS}", callback=read_words)


def number_option(name: str, advice: str, is_right: Callable[[float], bool], help: str) -> Any:
    """Return an option for a number; `advice` follows the name and a wrong value in the error."""

    def check(value: float | None) -> float | None:
        if value is not None and not (math.isfinite(value) and is_right(value)):
            raise SettingsError(f"{name} {value:g}: {advice}")
        return value

    return typer.Option(name, help=help, callback=check)


def check_encoder(name: str | None) -> str | None:
    """Return the name or path of an encoder.

    Raises:
        WeightsError: it is a name that is not known; the message has those that are spelled alike.
    """
    from earwitness.encoders import WEIGHTS

    is_path = name and (Path(name).suffix or Path(name).exists())
    if name and not is_path and name not in WEIGHTS:
        near = suggest(name, WEIGHTS)
        raise WeightsError(f"{name}: neither a file nor a known encoder{near}; known are: {', '.join(WEIGHTS)}")
    return name


def complete_encoder(incomplete: str) -> list[str]:
    """Return the known encoders that begin so, for the shell."""
    from earwitness.encoders import WEIGHTS

    return [name for name in WEIGHTS if name.startswith(incomplete)]


def check_formats(names: list[str]) -> list[str]:
    """Return names of formats.

    Raises:
        OutputError: one is unknown.
    """
    from earwitness.results import FORMATS

    for name in names:
        if name not in FORMATS:
            raise OutputError(f"format {name!r}{suggest(name, FORMATS)}: choose from {', '.join(FORMATS)}")
    return names


def complete_format(incomplete: str) -> list[str]:
    """Return the formats that begin so, for the shell."""
    return [name for name in FORMAT_NAMES.split(", ") if name.startswith(incomplete)]


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the known names that are spelled alike, as a part of a message; empty if there are none."""
    names = list(known)
    within = [each for each in names if name.lower() in each.lower()]
    near = within[:3] or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f", did you mean {' or '.join(near)}?" if near else ""


Paths = Annotated[list[str], typer.Argument(help="Recordings: files, folders, glob patterns, or - for standard input.")]
Events = Annotated[list[str], words_option("--events", "-e", help="A word for a sound that may occur")]
Scenes = Annotated[list[str], words_option("--scenes", "-s", help="A word for a place where it may have been")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for the results; without it they are only printed.")
]
Formats = Annotated[
    list[str],
    list_option(
        *("--format", "-f"),
        help=f"A further format: {FORMAT_NAMES}; repeat it.",
        callback=check_formats,
        autocompletion=complete_format,
    ),
]
ShowProgress = Annotated[
    Literal["auto", "bar", "json", "none"], typer.Option(help="How to show progress, on standard error.")
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="TOML file of settings; an option on the command line wins over it.")
]
SETTINGS: dict[str, Any] = {  # field of `Settings` -> its option
    "method": Annotated[str | None, typer.Option(help="'earwitness' (the default) or 'tmrl', the published method.")],
    "encoder": Annotated[
        str | None, typer.Option(help=HOW_ENCODER, callback=check_encoder, autocompletion=complete_encoder)
    ],
    "commercial_only": Annotated[bool | None, typer.Option("--commercial-only", help=HOW_COMMERCIAL)],
    "runtime": Annotated[str | None, typer.Option(help=HOW_RUNTIME)],
    "device": Annotated[str | None, typer.Option(help="For torch: cpu, cuda or cuda:N; a GPU where there is one.")],
    "window_s": Annotated[
        float | None,
        number_option("--window", "give seconds, at least 0.2", lambda s: s >= 0.2, "Seconds of a window."),
    ],
    "hop_s": Annotated[
        float | None, number_option("--hop", "give seconds above 0", lambda s: s > 0, "Seconds between windows.")
    ],
    "is_fast": Annotated[
        bool | None, typer.Option("--fast", help="Windows every 8.5 s: faster, and some short sounds are missed.")
    ],
    "event_threshold": Annotated[
        float | None,
        number_option(
            "--threshold",
            "give a score from 0 to 1, such as 0.5",
            lambda score: 0 <= score <= 1,
            "Score, 0 to 1, from which an event counts.",
        ),
    ],
    "only_sure": Annotated[bool | None, typer.Option("--sure", help="Only events of the tier 'sure'.")],
    "places": Annotated[str | None, typer.Option(metavar="FILE", help="TOML file with places of your own.")],
    "blind_calibration": Annotated[
        bool | None, typer.Option("--blind-calibration", help="A second score of scenes, against all of this run.")
    ],
    "noise_factor": Annotated[float | None, typer.Option(help="Standard deviation of noise to add.")],
}


def change_settings(settings: Settings, **options: Any) -> Settings:
    """Return settings with the options that were given (not None) in their place.

    Raises:
        SettingsError: a setting is out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if "event_threshold" in given:  # a lower threshold takes the hold along
        given["event_hold"] = min(settings.event_hold, given["event_threshold"])
        given["thresholds"] = ()  # it is for all words
    if given.pop("is_fast", False):
        given.setdefault("hop_s", min(FAST_HOP_S, given.get("window_s", settings.window_s)))
    if "window_s" in given:  # a shorter window takes the hop along
        given.setdefault("hop_s", min(settings.hop_s, given["window_s"]))
    return replace(settings, **given)


def takes(*names: str) -> Callable[[Command], Command]:
    """Return a decorator: options for these fields of the `settings` that the command takes."""

    @contextlib.contextmanager
    def build(settings: Settings, **given: Any) -> Iterator[Settings]:
        yield change_settings(settings, **given)

    options = {name: (SETTINGS[name], None) for name in names}
    return lambda command: _put_options(command, "settings", {"settings": (Settings, None), **options}, build)


def settings_file(command: Command) -> Command:
    """Decorate a command: its `settings` come from the file of --settings, or are the defaults."""

    @contextlib.contextmanager
    def build(settings: Path | None) -> Iterator[Settings]:
        yield read_settings(settings) if settings else Settings()

    return _put_options(command, "settings", {"settings": (SettingsFile, None)}, build)


def takes_recordings(command: Command) -> Command:
    """Decorate a command: its `recordings` are those of the paths, with --progress and --quiet."""
    options = {
        "paths": (Paths, inspect.Parameter.empty),
        "progress": (ShowProgress, "auto"),
        "quiet": (Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")], False),
    }
    return _put_options(command, "recordings", options, open_recordings)


def encoder_options(command: Command) -> Command:
    """Decorate a command: the options that choose the encoder and what it computes on, and the file of settings."""
    return settings_file(takes("encoder", "commercial_only", "runtime", "device")(command))


query_options = takes("event_threshold", "only_sure", "places")


def _put_options(
    command: Command,
    name: str,
    options: dict[str, tuple[Any, Any]],
    build: Callable[..., AbstractContextManager[Any]],
) -> Command:
    """Return a command with options (annotation, default) in place of a parameter, which `build` makes of them."""

    def run(**given: Any) -> None:
        with build(**{each: given.pop(each) for each in options}) as value:
            command(**{name: value}, **given)

    kind = inspect.Parameter.KEYWORD_ONLY
    others = [each for each in inspect.signature(command, eval_str=True).parameters.values() if each.name != name]
    new = [inspect.Parameter(each, kind, annotation=a, default=d) for each, (a, d) in options.items()]
    parameters = [each.replace(kind=kind) for each in (*others, *new)]  # what is shared comes last in the help
    parameters.sort(key=lambda each: each.name != "paths")
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def has_words(events: Sequence[str], scenes: Sequence[str], otherwise: str = "give --events, --scenes or both") -> None:
    """Check that there is a word to listen for.

    Raises:
        WordError: there is none.
    """
    if not events and not scenes:
        raise WordError(f"nothing to listen for: {otherwise}")
