"""The command `earwitness benchmark`: how good recognition is on material that nothing was tuned on.

In: a folder of recordings and lists. Out: a table on standard output, and the numbers as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from earwitness.errors import DatasetError, OutputError


def benchmark(
    data: Annotated[Path, typer.Option(help="Folder of the material, laid out as docs/benchmark.md says.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the numbers here, as JSON.")] = None,
    beside: Annotated[Path | None, typer.Option(help="Numbers of another version, to print beside.")] = None,
    python: Annotated[str, typer.Option(help="Measure the version of this Python instead.")] = "",
    source: Annotated[str, typer.Option(help="Measure the package in this folder of sources instead.")] = "",
    share: Annotated[int, typer.Option(help="Take every n-th recording: 6 takes minutes.", min=1)] = 1,
    check: Annotated[
        bool, typer.Option("--check", help="Fail where a row is worse than its interval --beside.")
    ] = False,
) -> None:
    """Measure words, events, lasting sounds, clips and scenes, each with a 95 % interval.

    Takes about half an hour on two cores. Another version answers the same tasks: give --source ../v010/src and
    -o v010.json first, then --beside v010.json.
    """
    from earwitness.evaluation import BenchmarkRow, Version, print_table, run_benchmark

    other: list[BenchmarkRow] = []
    if beside:
        try:
            other = [BenchmarkRow(**each) for each in json.loads(beside.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError) as error:
            raise DatasetError(f"{beside}: not numbers of `earwitness benchmark --out` ({error})") from error
    with Version(python, source) as version:
        rows = run_benchmark(data, version, lambda part: print(f"measuring {part}...", file=sys.stderr), share)
    if out:
        try:
            out.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{out}: cannot be written ({error.strerror})") from error
    print(print_table(rows, other))
    known = {each.name: each for each in other}
    worse = [each.name for each in rows if each.name in known and each.worsened_from(known[each.name])]
    if check and worse:
        print(f"worse by more than the interval: {', '.join(worse)}", file=sys.stderr)
        raise typer.Exit(1)
