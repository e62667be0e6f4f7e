"""The commands for archives: `earwitness index`, `ask`, `similar`, and `earwitness store ...`.

In: recordings, a store's folder, words. Out: a store; tables of what it answers.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from earwitness.cli.exit_status import end, handling, print_problems
from earwitness.cli.options import (
    Events,
    Out,
    Paths,
    Scenes,
    ShowProgress,
    encoder_options,
    query_options,
    settings_file,
)
from earwitness.cli.recordings import describe_skipped
from earwitness.errors import ArchiveError, SettingsError, WordError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.archive import Answer, Cluster, IndexOptions, IndexReport, MoveReport

app = typer.Typer(no_args_is_help=True, help="Inspect, check and join stores of tag scores.")

M_ARENA_MAX = -8  # of glibc's malloc.h
HOW_TIME = "Time by the recordings' own clock, such as 2026-03-01 or 2026-03-01T12:00"
StoreFolder = Annotated[str, typer.Argument(metavar="STORE", help="Folder of a store that 'index' has made.")]
Since = Annotated[str, typer.Option(help=f"{HOW_TIME}; nothing before it.")]
Until = Annotated[str, typer.Option(help=f"{HOW_TIME}; nothing from it on.")]
PathPattern = Annotated[str, typer.Option("--path", help="Pattern for whole paths, such as '*street*'.")]
Where = Annotated[
    str, typer.Option(help="SQL condition over the files, such as \"path like '%street%' and duration_s > 60\".")
]
Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Analyse on this machine, or with Ray's workers, on as many as there are."),
]
RayAddress = Annotated[
    str, typer.Option(help="For --engine ray: a cluster's address, or auto for this machine's; else one starts here.")
]
Workers = Annotated[int, typer.Option(help="For --engine ray: at most so many workers; 0 for all there is room for.")]
CpusPerWorker = Annotated[int, typer.Option(help="For --engine ray: processors of a worker; 0 for 1, or 4 with a GPU.")]
GpusPerWorker = Annotated[float, typer.Option(help="For --engine ray: GPUs of a worker, such as 1 or 0.5.")]
Again = Annotated[
    bool,
    typer.Option("--again", help="Move a store to another encoder; its old rows answer until it is done."),
]
TableFormat = Annotated[Literal["csv", "parquet"], typer.Option("--format", "-f", help="Form of the tables in --out.")]


@encoder_options
def index(
    paths: Paths,
    settings: Settings,
    store: Annotated[
        str, typer.Option("--store", help="Folder of the store, or with --engine ray a URL; made if it is not there.")
    ],
    by_token: Annotated[
        bool, typer.Option("--tokens", help="Store the encoder's tokens (160 ms) instead of a row a second.")
    ] = False,
    shard: Annotated[
        str, typer.Option(help="Take only a share of the recordings, such as 3/16: the third of 16.")
    ] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Analyse again what failed before.")] = False,
    again: Again = False,
    prune: Annotated[bool, typer.Option("--prune", help="Record which files in the given folders are gone.")] = False,
    start_from: Annotated[
        Literal["name", "mtime", "none"],
        typer.Option(help="Where a recording's start is taken from: its name (else its time), its time, or nothing."),
    ] = "name",
    progress: ShowProgress = "auto",
    engine: Engine = "local",
    ray_address: RayAddress = "",
    workers: Workers = 0,
    cpus_per_worker: CpusPerWorker = 0,
    gpus_per_worker: GpusPerWorker = 0.0,
) -> None:
    """Analyse an archive once, into a store that answers any words later.

    Takes new and changed recordings only. It can be stopped or killed at any moment and run again: nothing is lost,
    nothing is there twice. Several processes may fill one store.
    """
    from earwitness.archive import Cluster, IndexOptions

    _keep_memory_flat()
    options = IndexOptions(
        is_by_token=by_token,
        shard=_read_shard(shard),
        retry_failed=retry_failed,
        is_pruning=prune,
        start_from=start_from,
        progress=progress,
    )
    cluster = Cluster(ray_address, workers, cpus_per_worker, gpus_per_worker) if engine == "ray" else None
    fill = partial(_fill, settings=settings, options=options, cluster=cluster)
    if again:
        from earwitness.archive import move_store

        move = move_store(store, paths, settings, options, fill)
        report = move.index
        _print_move(store, move)
    else:
        report = fill(paths, store)
    _print_report(report)
    _end_by(report, store)


@settings_file
@query_options
def ask(
    store: StoreFolder,
    settings: Settings,
    events: Events,
    scenes: Scenes,
    since: Since = "",
    until: Until = "",
    path: PathPattern = "",
    where: Where = "",
    out: Out = None,
    table_format: TableFormat = "csv",
    report: Annotated[
        bool, typer.Option("--report", help="Write index.html to --out, too: one page to read and pass on.")
    ] = False,
) -> None:
    """Query a whole store with new words: events, sums by recording and hour, the scene of each hour; without audio.

    Writes events, files, hours, scenes and errors as tables, and run.json, to --out; with --report a page of them, too.
    """
    if report and not out:
        raise SettingsError("--report needs --out: a folder for the page, such as --out answers")
    from earwitness.archive import Choice, open_store, print_answer, write_answer

    if not events and not scenes:
        raise WordError("nothing to query: give --events, --scenes or both")
    opened = open_store(store)
    answer = opened.ask(events, scenes, settings, since, until, path, where)
    if out:
        write_answer(answer, out, table_format, opened.parts.provenance, settings)
        if report:
            from earwitness.reports import ArchiveQuery, write_answer_page

            choice = Choice(since, until, path, where)
            print(write_answer_page(answer, ArchiveQuery(str(store), opened.parts.provenance, settings, choice), out))
    else:
        print_answer(answer)
    _print_problems(answer, out)


def similar(
    store: StoreFolder,
    clip: Annotated[Path, typer.Argument(help="A recording of the sound to find, best a few seconds of it.")],
    top: Annotated[int, typer.Option(min=1, help="How many moments to list.")] = 10,
    path: PathPattern = "",
) -> None:
    """List the moments of a store that sound most like a clip."""
    from earwitness.archive import Choice, find_similar, format_time, open_store, show_line

    matches, problems = find_similar(open_store(store).parts, clip, top, choice=Choice(path=path))
    for match in matches:
        time = "" if match.start_time is None else f"\t{format_time(match.start_time)}"
        print(f"{match.similarity:.3f}\t{match.start_s:.2f}\t{match.end_s:.2f}\t{show_line(match.path)}{time}")
    print_problems(problems)


@app.command(short_help="Show what a store holds.")
def info(
    store: StoreFolder,
    failures: Annotated[
        bool, typer.Option("--failures", help="List the recordings that failed, with the reason.")
    ] = False,
) -> None:
    """Show what a store holds, what it was made with, and which recordings failed."""
    from earwitness.archive import open_store, show_line

    opened = open_store(store)
    if failures:
        for entry in opened.files:
            if entry.state == "failed":
                print(f"{show_line(entry.path)}\t{show_line(entry.reason)}")
        return
    parts = opened.inform()
    made = parts.provenance
    print(f"recordings  {', '.join(f'{count} {state}' for state, count in sorted(parts.n_files.items())) or 'none'}")
    per_day = parts.n_bytes / parts.hours * 24 / 1e6 if parts.hours else 0.0
    print(f"hours       {parts.hours:.2f}")
    print(f"size        {parts.n_bytes / 1e6:.1f} MB in {parts.n_parts} parts, {per_day:.1f} MB a day of audio")
    print(f"rows        every {made.row_s:g} s")
    print(f"encoder     {made.encoder} ({made.runtime}, weights {made.weights_sha256[:16]}...)")
    print(f"made with   {', '.join(f'{name}={value}' for name, value in made.heard_with.items())}")
    print(f"made by     earwitness {made.version}")
    print_problems(list(parts.damaged.values()))


@app.command(short_help="Read a whole store and list what is damaged.")
def verify(
    store: StoreFolder,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set damaged parts aside, so that 'index' analyses what they held again.")
    ] = False,
) -> None:
    """Read every part of a store and compare it with its sha256."""
    from earwitness.archive import open_store

    opened = open_store(store)
    damaged = opened.verify()
    for reason in damaged.values():
        print(reason, file=sys.stderr)
    if repair and damaged:
        opened.set_aside()
        print(f"{len(damaged)} parts set aside in {Path(store) / 'damaged'}; run 'earwitness index' again")
    elif not damaged:
        print(f"{store}: whole")
    if damaged:
        raise typer.Exit(1)


@app.command(short_help="Join stores, such as those of shards.")
def merge(
    target: Annotated[str, typer.Argument(help="The store to add to; made if it is not there.")],
    stores: Annotated[list[str], typer.Argument(help="Stores to add, made with the same encoder and settings.")],
) -> None:
    """Add all recordings of some stores to one; of two versions of a recording the newer one counts.

    Merging one store into a new one leaves out what has been replaced in it.
    """
    from earwitness.archive import merge_stores

    report = merge_stores(target, stores)
    for problem in report.problems:
        print(problem, file=sys.stderr)
    print(f"{report.n_added} recordings added, {report.n_known} were there -> {target}")
    if report.problems:
        raise typer.Exit(1)


@app.command(short_help="Copy a store from a URL into a folder.")
def fetch(
    url: Annotated[str, typer.Argument(help="A store's URL, such as s3://bucket/store.")],
    folder: Annotated[Path, typer.Argument(help="Where to; what is there already is not copied again.")],
) -> None:
    """Copy a store from a URL into a folder, to query it there; repeated, it copies only what is new."""
    from earwitness.archive import fetch_store

    print(f"{fetch_store(url, folder)} new parts -> {folder}")


@app.command(short_help="Query a store in SQL.")
def sql(
    store: StoreFolder,
    query: Annotated[str, typer.Argument(help="SQL for duckdb over the tables files, rows, clips and tags.")],
) -> None:
    """Answer SQL over a store, as CSV; see docs/how-to/archive.md for the tables."""
    from earwitness.archive import open_store, print_table

    opened = open_store(store)
    print_table(opened.sql(query))
    print_problems(list(opened.parts.damaged.values()))


def _keep_memory_flat() -> None:
    """Let threads share two heaps: with one each, glibc holds on to more and more of what they have freed."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _fill(
    sources: Sequence[str], store: str, settings: Settings, options: IndexOptions, cluster: Cluster | None
) -> IndexReport:
    """Index into a store on this machine, or on a cluster."""
    if cluster:
        from earwitness.archive import index_on_ray

        return index_on_ray(sources, store, settings, options, cluster)
    with _stopped_by_keys():
        return _index_here(sources, store, settings, options)


def _index_here(paths: Sequence[str], store: str, settings: Settings, options: IndexOptions) -> IndexReport:
    from earwitness.archive import index_recordings
    from earwitness.audio import search_audio

    for each in (*paths, store):
        if "://" in each:
            raise SettingsError(f"{each}: a URL needs --engine ray, which works on one machine too")
    found = search_audio(paths)
    if skipped := describe_skipped(found):
        print(f"skipped {skipped}", file=sys.stderr)
    return index_recordings(found.paths, store, settings, None, options, paths)


def _stopped_by_keys() -> AbstractContextManager[None]:
    """Let Ctrl-C finish the work in progress, and a second one stop at once: what is committed is whole either way."""

    def write(message: str) -> None:  # print may be what was interrupted, and cannot be entered twice
        os.write(2, f"earwitness: {message}\n".encode())

    def stop_at_once(number: int, frame: FrameType | None) -> None:
        write("stopped; what was committed stays")
        os._exit(130)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, stop_at_once)
        write("finishing the recordings in progress; Ctrl-C again stops at once")
        raise KeyboardInterrupt

    return handling(stop, signal.SIGINT)


def _print_move(store: str, move: MoveReport) -> None:
    if move.before:
        print(f"{store}: moved; the old store is in {move.before}")
    if move.n_left:
        print(f"{store}: the old rows answer still; {move.n_left} recordings are left: run it again", file=sys.stderr)
    if move.lost and not move.before:
        raise ArchiveError(
            f"{store}: the old rows answer still; {len(move.lost)} recordings cannot be analysed any more, such as "
            f"{move.lost[0]}: bring them back, or give --prune to leave their rows in the old store"
        )


def _print_report(report: IndexReport) -> None:
    for reason in report.set_aside.values():
        print(reason, file=sys.stderr)
    for path, reason in report.failures:
        print(reason if reason.startswith(path) else f"{path}: {reason}", file=sys.stderr)
    for path, note in report.notes:
        print(f"{path}: {note}", file=sys.stderr)
    parts = [f"{report.n_analysed} analysed", f"{report.n_unchanged} unchanged"]
    parts += [f"{report.n_gone} gone"] if report.n_gone else []
    parts += [f"{report.n_elsewhere} left to another process"] if report.n_elsewhere else []
    if report.n_failed_before:
        parts.append(f"{report.n_failed_before} failed before (--retry-failed analyses them again)")
    print(", ".join(parts))


def _end_by(report: IndexReport, store: str) -> None:
    from earwitness.results import Failures

    n_total = report.n_analysed + report.n_unchanged + len(report.failures) + report.n_failed_before
    n_left_out = len(report.failures) + report.n_failed_before
    end(Failures(n_total, n_left_out, len(report.notes)), f"the store: earwitness store info {store} --failures")


def _print_problems(answer: Answer, out: Path | None) -> None:
    for problem in answer.problems:
        print(problem, file=sys.stderr)
    if not answer.n_files:
        raise ArchiveError(
            "no recording to query: none matches --path, --where, --since and --until, or none was analysed"
        )
    if answer.problems:
        where = f"; see {out / 'errors.csv'}" if out else ""
        print(f"earwitness: {len(answer.problems)} things could not be taken into account{where}", file=sys.stderr)
        raise typer.Exit(1)


def _read_shard(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    number, slash, of = text.partition("/")
    if not (slash and number.isdigit() and of.isdigit()):
        raise SettingsError(f"shard={text!r}: give which of how many, such as 3/16")
    return int(number), int(of)
