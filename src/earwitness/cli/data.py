"""The commands `earwitness data ...`: list, fetch, check and find public data sets.

In: names of `DATASETS`, folders. Out: lines on standard output; data sets in `EARWITNESS_DATA` or the cache.
Data sets are fetched only after their licence has been accepted, once per licence.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli.exit_status import download_progress, print_error

if TYPE_CHECKING:
    from earwitness.datasets import DatasetSpec

app = typer.Typer(
    no_args_is_help=True,
    help="List, fetch and check public data sets. They are their publishers', under the publishers' own licences.",
)

Name = Annotated[str, typer.Argument(help="A data set's name, as 'earwitness data list' shows it.")]
Dir = Annotated[
    Path | None,
    typer.Option("--dir", help="Its folder; without it NAME in EARWITNESS_DATA, or data/NAME in the cache."),
]


@app.command(name="list", short_help="List the known data sets.")
def list_datasets() -> None:
    """List the known data sets: whether they are here, the size of their packages, commercial use, and the licence."""
    from earwitness.datasets import DATASETS
    from earwitness.files import datasets_dir

    width = max(map(len, DATASETS))
    print(f"{'name':{width}}  here  size     commercial  licence")
    for spec in DATASETS.values():
        state = "yes" if (datasets_dir() / spec.folder).is_dir() else "-"
        allowed = "yes" if spec.is_commercial_use_allowed else "no"
        print(f"{spec.name:{width}}  {state:4}  {_show_size(spec):7}  {allowed:10}  {spec.licence}")


@app.command(short_help="Fetch a data set, check and unpack it.")
def get(
    name: Name,
    part: Annotated[str | None, typer.Option(help="Only this part, such as evaluation; all if not given.")] = None,
    dir: Dir = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take it from a folder of its packages, or from one archive.")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the licence that is shown; needed once per licence.")
    ] = False,
) -> None:
    """Fetch a data set, or take its packages from files, check and unpack them, and print where it lies.

    A download that was stopped goes on where it stopped; what is unpacked is not fetched again.
    """
    from earwitness.datasets import choose_packages, fetch_dataset, find_spec, take_dataset
    from earwitness.files import require_acceptance

    spec = find_spec(name)
    packages = choose_packages(spec, part)
    command = f"earwitness data get {name}{f' --part {part}' if part else ''} --accept-licence"
    require_acceptance(name, spec.licence, spec.licence_terms, command, accept_licence)
    if spec.note:
        print_error(f"{spec.note}")
    if source:
        print(take_dataset(spec, source, dir, part))
        return
    with download_progress() as report:
        names = [package.file_name for package in packages]
        show_file = lambda file: print(f"{names.index(file) + 1} of {len(names)}: {file}", file=sys.stderr)  # noqa: E731
        folder = fetch_dataset(spec, dir, part, report, show_file)
    print(folder)


@app.command(short_help="List what of a data set is missing or damaged.")
def verify(
    name: Name,
    dir: Dir = None,
    split: Annotated[str | None, typer.Option(help="Only this split, such as evaltest.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Name every missing file.")] = False,
) -> None:
    """List what of a data set is here, missing or damaged; exit status 1 if anything is missing or damaged."""
    from earwitness.datasets import check_dataset, find_spec

    found = check_dataset(find_spec(name), dir, split)
    print(f"{name}: {found.n_clips} recordings below {found.folder}")
    for line in (*found.notes, *(found.missing if missing else ())):
        print(line)
    for line in found.damaged:
        print_error(f"{line}")
    n_missing = max(found.n_absent, len(found.missing))
    if n_missing or found.damaged:
        print(f"{n_missing} files are missing, {len(found.damaged)} damaged")
        raise typer.Exit(1)


@app.command(name="path")
def print_path(name: Name, dir: Dir = None) -> None:
    """Print where a data set lies."""
    from earwitness.datasets import find_folder, find_spec

    print(find_folder(find_spec(name), dir))


def _show_size(spec: DatasetSpec) -> str:
    return f"{spec.n_bytes / 1e9:.1f} GB" if spec.n_bytes else "unknown"
