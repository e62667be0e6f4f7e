"""The command `earwitness calibrate`: thresholds from background, without labels.

In: recordings of background, words, a promised rate. Out: a TOML file of settings for `listen --settings`, and a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli.exit_status import end
from earwitness.cli.options import Events, encoder_options, takes_recordings
from earwitness.cli.recordings import GivenRecordings
from earwitness.errors import AnnotationError, SettingsError, WordError
from earwitness.files import write_text
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.calibration import CalibratedWord, Calibration, WordTraces
    from earwitness.encoders import LoadedEncoder
    from earwitness.metrics import LabelledEvent
    from earwitness.words import WordMeanings

HEADER = ("word", "threshold", "events", "in files", "per hour", "95 % bound", "at 10 x the rate", "rests on")


@takes_recordings
@encoder_options
def calibrate(
    recordings: GivenRecordings,
    settings: Settings,
    events: Events,
    rate: Annotated[
        float, typer.Option("--false-alarms-per-hour", help="The rate to promise, for each word by itself.")
    ] = 1.0,
    may_lower: Annotated[
        bool, typer.Option("--may-lower", help="Let thresholds be below the usual one where this background allows it.")
    ] = False,
    labelled: Annotated[
        Path | None,
        typer.Option(help="Table of annotated events, its recordings beside it: shows what is still found."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The settings to write (TOML).")] = Path("calibrated.toml"),
) -> None:
    """Choose each word's threshold on background without it, so that false alarms stay within a promised rate.

    Give hours of audio in which the events are absent or rare; nothing has to be labelled. The settings written are for
    'earwitness listen --settings'. No threshold is lowered without --may-lower. They hold for this encoder and for
    background like this one.
    """
    from earwitness.calibration import check_promise, choose_thresholds, trace_words
    from earwitness.encoders import choose_encoder
    from earwitness.results import ErrorFile
    from earwitness.words import understand_words

    check_promise(rate, settings)
    if not events:
        raise WordError("no words: give --events, for example --events 'siren,dog bark'")
    meanings = understand_words(events)
    clips = find_labelled(labelled, meanings.words) if labelled else {}
    loaded = choose_encoder(settings)

    def process(source: Path, report: Callable[[float], None]) -> WordTraces:
        return trace_words(source, meanings, settings, loaded, report)

    tally, failed = recordings.tally(), ErrorFile(out)
    tally.takers.append(failed)
    traces = [each for _, each in tally.each(process)]
    if not traces:
        raise SettingsError(f"none of {len(recordings.paths)} recordings could be used as background; give others")
    calibration = choose_thresholds(traces, rate, settings, loaded, may_lower=may_lower)
    write_text(out, describe_toml(calibration))
    print(describe(calibration))
    if clips:
        print("\n" + "\n".join(_print_recall(clips, meanings, calibration, loaded)))
    print(f"\n-> {out}; use it: earwitness listen RECORDINGS --events ... --settings {out}")
    n_hopeless = sum(each.threshold is None for each in calibration.words)
    end(tally.failures, failed.path)
    if n_hopeless:
        raise typer.Exit(1)


def describe(calibration: Calibration) -> str:
    """Return the table for people, and what is to be known about it."""
    rows = [HEADER, *(_row(each) for each in calibration.words)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*_print_background(calibration), "", *lines, *_print_words(calibration)])


def describe_toml(calibration: Calibration) -> str:
    """Return the settings as TOML, with what they were found on as comments."""
    today = datetime.now(timezone.utc).date().isoformat()
    lines = [
        f"Made by earwitness calibrate on {today}.",
        *_print_background(calibration),
        f"Encoder: {calibration.encoder}, sha256 {calibration.weights_sha256}; the thresholds hold for no other.",
    ]
    for each in calibration.words:
        how = "extrapolated" if each.is_extrapolated else "measured"
        if each.threshold is None:
            lines.append(f"{each.word}: NO threshold meets the promised rate; use another word")
            continue
        lines.append(
            f"{each.word}: {how}; {each.n_events} events detected, {each.rate_per_hour:.2f} per hour, "
            f"95 % upper bound {each.upper_per_hour:.2f} per hour"
        )
    comments = [f"# {' '.join(line.split())}" for line in lines]
    return "\n".join([*comments, "", calibration.settings.to_toml()])


def _row(word: CalibratedWord) -> tuple[str, ...]:
    return (
        word.word,
        "none" if word.threshold is None else f"{word.threshold:.4g}",
        str(word.n_events),
        str(word.n_recordings),
        f"{word.rate_per_hour:.2f}",
        f"{word.upper_per_hour:.2f}",
        "none" if word.looser is None else f"{word.looser:.4g}",
        "extrapolated" if word.is_extrapolated else "counted",
    )


def _print_background(calibration: Calibration) -> list[str]:
    promised = calibration.false_alarms_per_hour
    lines = [
        f"Background: {calibration.hours:.2f} hours in {calibration.n_recordings} recordings; promised: "
        f"{promised:g} false alarms per hour and word."
    ]
    if calibration.provable_per_hour > promised:
        lines.append(
            f"TOO LITTLE to verify that: no event in {calibration.hours:.2f} hours excludes only "
            f"{calibration.provable_per_hour:.3g} per hour and more, at 95 %; {promised:g} per hour takes "
            f"{calibration.hours_needed:.1f} hours. The thresholds are extrapolated from the tail of the scores."
        )
    lines.append("The expected rate meets the promise; rates up to the 95 % bound cannot be excluded.")
    return lines


def _print_words(calibration: Calibration) -> list[str]:
    """Return the sentences on words that cannot be promised, or whose events are not spread as chance would have it."""
    lines = []
    for each in calibration.words:
        if each.threshold is None:
            lines.append(
                f"{each.word!r}: no threshold up to 0.99 meets the promised rate ({each.n_events} events at 0.99); use "
                "another word, allow more false alarms, or check whether the background holds the sound"
            )
        elif each.n_events >= 3 and each.n_recordings == 1 < calibration.n_recordings:
            lines.append(
                f"{each.word!r}: all {each.n_events} events are in one recording; if the sound is there, leave that "
                "recording out"
            )
    return ["", *lines] if lines else []


def find_labelled(table: Path, words: Sequence[str]) -> dict[Path, list[LabelledEvent]]:
    """Return the recordings beside a table of annotated events, with their events.

    Raises:
        AnnotationError: the table is broken, a recording is not there, or none of the words is annotated.
    """
    from earwitness.metrics import read_events
    from earwitness.words import normalise_word

    clips = {}
    for name, labelled in read_events(table).items():
        places = [table.parent / name, table.parent / "audio" / name]
        path = next((each for each in places if each.is_file()), None)
        if path is None:
            raise AnnotationError(
                f"{table}: {name} is neither in {table.parent} nor in {places[1].parent}; put the recording there"
            )
        clips[path] = labelled
    labels = sorted({each.label for labelled in clips.values() for each in labelled})
    if not {normalise_word(each) for each in labels} & {normalise_word(each) for each in words}:
        raise AnnotationError(f"{table}: its labels {', '.join(labels[:8])} are none of the words {', '.join(words)}")
    return clips


def _print_recall(
    clips: Mapping[Path, Sequence[LabelledEvent]],
    meanings: WordMeanings,
    calibration: Calibration,
    loaded: LoadedEncoder,
) -> list[str]:
    """Return a line a word on what is found of the labelled events; the thresholds stay as they are."""
    from earwitness.calibration import measure_recall, trace_words
    from earwitness.words import normalise_word

    traces = {path: trace_words(path, meanings, calibration.settings, loaded) for path in clips}
    lines = [f"On {len(clips)} labelled recordings, at these thresholds (which stay as they are):"]
    for index, each in enumerate(calibration.words):
        if each.threshold is None:
            continue
        key = normalise_word(each.word)
        truth = [
            (traces[path], [(one.onset_s, one.offset_s) for one in labelled if normalise_word(one.label) == key])
            for path, labelled in clips.items()
        ]
        found = measure_recall(truth, index, each.threshold, calibration.settings)
        if found is None:
            lines.append(f"  {each.word}: no event is labelled so")
            continue
        lines.append(
            f"  {each.word}: {found.n_found} of {found.n_labelled} events found (recall {found.recall:.2f}), "
            f"{found.n_besides} besides, F1 {found.f1:.2f}; {found.strictest:.4g} would find as many; best F1 "
            f"{found.best_f1:.2f} at {found.best:.4g}"
        )
    return lines
