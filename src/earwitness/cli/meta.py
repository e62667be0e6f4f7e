"""The command `earwitness meta`: recipes of TUT Rare Sound Events as one table.

In: recipe files, or folders of them. Out: a CSV file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def meta(
    paths: Annotated[list[Path], typer.Argument(help="Recipe files of TUT Rare Sound Events, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The CSV file to write.")] = Path("meta.csv"),
) -> None:
    """Turn the recipes of TUT Rare Sound Events (YAML) into one meta.csv."""
    from earwitness.datasets import find_recipes, read_mixture_rows, write_meta

    mixtures = [mixture for recipe in find_recipes(paths) for mixture in read_mixture_rows(recipe)]
    write_meta(mixtures, out)
    print(f"{len(mixtures)} mixtures -> {out}")
