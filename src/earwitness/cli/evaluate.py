"""The commands `earwitness evaluate` and `earwitness compare`: how good recognition is on a data set, in numbers.

In: a data set with its truth, or two tables. Out: a folder of results with a page, and a short table on the terminal.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earwitness.cli.exit_status import end
from earwitness.cli.options import ShowProgress, encoder_options, takes, words_option
from earwitness.cli.recordings import N_AT_ONCE
from earwitness.errors import DatasetError, OutputError, SettingsError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.datasets import Dataset
    from earwitness.evaluation import AnalysedClip, Plan, Results
    from earwitness.results import Progress, ResultFolder, Tally

HOW_OTHER = "LABEL=WORD, to listen for another word than the label's own"


@encoder_options
@takes("method", "event_threshold")
def evaluate(
    settings: Settings,
    events: Annotated[list[str], words_option("--events", "-e", help=HOW_OTHER)],
    scenes: Annotated[list[str], words_option("--scenes", "-s", help=HOW_OTHER)],
    dataset: Annotated[str | None, typer.Argument(help="A known data set, or a folder or table of your own.")] = None,
    folder: Annotated[Path | None, typer.Option("--dir", help="Where the data set, or a table's audio, lies.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this split, such as 'evaltest'.")] = None,
    fold: Annotated[int | None, typer.Option(help="Only the test part of this fold.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many recordings, evenly spread.", min=1)] = None,
    ref: Annotated[Path | None, typer.Option(help="Instead of a data set: a table of true events.")] = None,
    est: Annotated[Path | None, typer.Option(help="A table of anyone's events, to score against --ref.")] = None,
    protocol: Annotated[
        Literal["rare", "collar", "segment", "desed"] | None,
        typer.Option(help="How events are scored; by the data set if not given, else 'collar'."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for results and their page.")] = None,
    psds: Annotated[bool, typer.Option("--psds", help="Also PSDS 1 and 2.")] = False,
    progress: ShowProgress = "auto",
) -> None:
    """Measure how good recognition is on a data set whose truth is known, or score a table of events against the truth.

    Writes results.json, per_class.csv, per_condition.csv, per_file.csv, curves.csv, errors_list.csv, scores.csv,
    submission.tsv, the run's own tables and index.html to --out. Numbers come with 95 % intervals.
    """
    if ref or est:
        if dataset or not (ref and est):
            raise SettingsError("give --ref and --est together and no data set, or a data set and neither")
        _score_tables(ref, est, protocol or "collar", out)
        return
    if not dataset:
        raise DatasetError("nothing to evaluate: give a data set (see 'earwitness data list'), or --ref and --est")
    from earwitness.datasets import load_dataset
    from earwitness.evaluation import plan_words

    found = _limit(load_dataset(dataset, folder, split, fold), limit)
    plan = plan_words(found, events, scenes, protocol)
    plan = replace(plan, is_traced=psds)
    if out:
        _refuse_overwriting(out, found, Path(dataset))
    about = {"split": split, "fold": fold, "limit": limit}
    _evaluate(found, plan, settings, out, about, progress)


def compare(
    first: Annotated[Path, typer.Argument(help="A folder that 'earwitness evaluate' wrote.")],
    second: Annotated[Path, typer.Argument(help="Another one, of the same recordings.")],
) -> None:
    """Print by how much two evaluations of the same recordings differ, and whether chance could do that.

    The difference is the first less the second; its 95 % interval and p value are the paired bootstrap's over files.
    """
    from earwitness.evaluation import compare_results, find_differences, read_results

    one, two = read_results(first), read_results(second)
    changes = compare_results(one, two)
    for line in find_differences(one, two):
        print(line)
    print(f"{'measure':14s} {'metric':28s} {'first':>8s} {'second':>8s} {'change':>8s}  {'95 %':19s} {'p':>6s}")
    for each in changes:
        gap = each.difference
        limits = f"[{gap.low:+.3f}, {gap.high:+.3f}]"
        numbers = f"{each.first:8.3f} {each.second:8.3f} {gap.value:+8.3f}  {limits:19s} {gap.p_value:6.3f}"
        print(f"{each.measure:14s} {each.title:28s} {numbers}  {each.better and f'{each.better} is better'}".rstrip())


def _refuse_overwriting(out: Path, dataset: Dataset, given: Path) -> None:
    """Refuse to write results, which hold an events.csv, where the data set's own tables or recordings lie."""
    folders = {clip.path.resolve().parent for clip in dataset.clips}
    folders |= {path.resolve() for path in (given, given.parent) if given.exists()}
    if out.resolve() in folders:
        raise OutputError(f"{out}: the data set lies here, and its tables would be replaced; choose another --out")


def _limit(dataset: Dataset, limit: int | None) -> Dataset:
    """Return some of the clips, spread evenly, so that all classes of an ordered data set are among them."""
    n_clips = len(dataset.clips)
    if limit is None or limit >= n_clips:
        return dataset
    clips = tuple(dataset.clips[index * n_clips // limit] for index in range(limit))
    return replace(dataset, clips=clips, notes=(*dataset.notes, f"only {limit} of {n_clips} recordings (--limit)"))


def _evaluate(
    dataset: Dataset, plan: Plan, settings: Settings, out: Path | None, about: dict[str, Any], progress: Progress
) -> None:
    """Recognize, score, write and print; end with the exit status."""
    from earwitness.encoders import choose_encoder
    from earwitness.evaluation import format_submission, recognize_clips, score_dataset
    from earwitness.files import write_text
    from earwitness.results import Destination, RunRecord, Tally, open_results

    loaded = choose_encoder(settings)
    words = {"events": list(plan.events.values()), "scenes": list(plan.scenes.values())}
    record = RunRecord.of(loaded, settings, dataset=dataset.name, **about, **words)
    kinds = (("events.csv", plan.events), ("scenes.csv", plan.scenes), ("clips.csv", plan.clips))
    tables = [name for name, has_words in kinds if has_words]
    clips, tally = [], Tally([clip.path for clip in dataset.clips])
    with open_results(Destination(out), tables, record, tally) as folder:
        for each in recognize_clips(dataset, plan, settings, loaded, progress, N_AT_ONCE):
            clips.append(each)
            _store(each, folder, tally)
        results = score_dataset(dataset, plan, clips, settings, {**about, **record.name_encoder()})
    _publish(results, out)
    if out:
        write_text(out / "submission.tsv", format_submission(plan, clips))
    end(tally.failures, out / "errors.csv" if out else "")


def _store(each: AnalysedClip, folder: ResultFolder | None, tally: Tally) -> None:
    """Write what was detected in a clip as soon as it is known, and report what is wrong with it."""
    path = str(each.clip.path)
    if folder and each.recognition:
        folder.add(each.recognition)
    if folder and each.scores:
        folder.add_clip(path, each.scores)
    if each.reason:
        tally.fail(path, each.reason)
    elif each.note and each.recognition:  # the recognition has its note in the folder
        tally.count_notes(path, [each.note])
    elif each.note:
        tally.note(path, each.note)


def _score_tables(ref: Path, est: Path, protocol: str, out: Path | None) -> None:
    from earwitness.evaluation import score_event_tables

    _publish(score_event_tables(ref, est, protocol), out)


def _publish(results: Results, out: Path | None) -> None:
    """Print notes, a short table and what it is; write everything where a folder is given."""
    for note in results.about["notes"]:
        print(note, file=sys.stderr)
    if out:
        from earwitness.evaluation import write_results
        from earwitness.files import write_text
        from earwitness.reports import make_page

        write_results(out, results)
        write_text(out / "index.html", make_page(results))
    row = results.to_dict()
    for kind, meaning in row["measures"].items():
        print(meaning)
        for each in (each for each in row["metrics"] if each["measure"] == kind):
            value, low, high = (_show(each[name]) for name in ("value", "low", "high"))
            limits = f"95 % from {low} to {high}" if each["low"] is not None else "no interval"
            print(f"  {each['title']:28s} {value:>7s}   {limits}")
    failed = f", {row['n_failed']} could not be used" if row["n_failed"] else ""
    print(f"{row['dataset']}: {row['n_files']} recordings{failed}; intervals say what other recordings could give.")
    if out:
        print(f"{out / 'index.html'}")


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
