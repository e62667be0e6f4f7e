"""The command `earwitness mix`: mixtures whose truth is known, of any sounds in any places.

In: folders of backgrounds and events, or TUT Rare Sound Events' sources. Out: recordings, recipes and events.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from earwitness.errors import DatasetError


def mix(
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder for the mixtures.")],
    backgrounds: Annotated[
        Path | None, typer.Option("--backgrounds", "-b", help="Folder of recordings, or of folders named by scene.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", "-e", help="Folder of folders named by label, with recordings of it.")
    ] = None,
    tut: Annotated[
        Path | None, typer.Option("--tut", help="In place of both: the folder of TUT Rare Sound Events' sources.")
    ] = None,
    subset: Annotated[str, typer.Option(help="With --tut: devtrain, devtest or evaltest.")] = "devtest",
    number: Annotated[int, typer.Option("--number", "-n", help="Mixtures for each label; TUT has 500.")] = 20,
    share: Annotated[float, typer.Option(help="Share of them with an event, 0 to 1.")] = 0.5,
    ebr: Annotated[
        list[float], typer.Option(help="Event-to-background ratio in dB to draw from; repeat it. Without it -6, 0, 6.")
    ] = [],  # noqa: B006 (typer copies it)
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 42,
    length: Annotated[float, typer.Option(help="Seconds of a mixture.")] = 30.0,
    rate: Annotated[int, typer.Option(help="Sample rate in Hz.")] = 44100,
    longest: Annotated[
        float, typer.Option(help="Seconds that are taken of an event's recording at most: the loudest.")
    ] = 4.0,
) -> None:
    """Lay events into backgrounds at known ratios, as TUT Rare Sound Events does: a test of any word in any place.

    Writes audio/, meta/ (recipes), events.csv and mix.json to --out. The same sources and seed give the same mixtures.
    """
    from earwitness.datasets import MixSettings, make_mixtures, read_own_sources, read_tut_sources

    if tut and not (backgrounds or events):
        sources = read_tut_sources(tut, subset)
    elif backgrounds and events and not tut:
        sources = read_own_sources(backgrounds, events, min(longest, length))
    else:
        raise DatasetError("nothing to mix: give --backgrounds and --events, or --tut alone")
    ebrs_db = tuple(ebr) or MixSettings.ebrs_db
    settings = MixSettings(number, share, ebrs_db, length, rate, seed, subset if tut else "own")
    recipes = make_mixtures(sources, settings, out, _show if sys.stderr.isatty() else None)
    n_events = sum(recipe.event is not None for recipe in recipes)
    print(f"{len(recipes)} mixtures of {', '.join(sources.labels)}, {n_events} with an event -> {out}")


def _show(n_done: int, n_total: int) -> None:
    print(f"\r{n_done} of {n_total}", end="\n" if n_done == n_total else "", file=sys.stderr)
