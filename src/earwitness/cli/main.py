"""The command `earwitness`: joins the commands, each of which parses, calls one public function, and writes or prints.

Exit status: see `exit_status`.
"""

from __future__ import annotations

import io
import logging
import sys
from typing import Annotated

import typer

from earwitness.cli.archive import app as store_app
from earwitness.cli.archive import ask, index, similar
from earwitness.cli.benchmark import benchmark
from earwitness.cli.calibrate import calibrate
from earwitness.cli.classify import classify
from earwitness.cli.data import app as data_app
from earwitness.cli.demo import demo
from earwitness.cli.doctor import doctor
from earwitness.cli.embed import embed
from earwitness.cli.evaluate import compare, evaluate
from earwitness.cli.exit_status import Commands
from earwitness.cli.listen import listen
from earwitness.cli.live import live
from earwitness.cli.meta import meta
from earwitness.cli.mix import mix
from earwitness.cli.report import report
from earwitness.cli.serve import serve
from earwitness.cli.show import app as show_app
from earwitness.cli.tags import tags
from earwitness.cli.weights import app as weights_app
from earwitness.cli.words import words
from earwitness.version import __version__

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(weights_app, name="weights")
app.add_typer(data_app, name="data")
app.add_typer(show_app, name="show")
app.add_typer(store_app, name="store")
app.command(short_help="Recognize a recording made by this project, to see how it works.")(demo)
app.command(short_help="Check whether this machine has what earwitness needs.")(doctor)
app.command(short_help="Find events in time, and rank scenes.")(listen)
app.command(short_help="Score words for whole clips.")(classify)
app.command(short_help="List the AudioSet tags of recordings.")(tags)
app.command(short_help="Write pages that show what was detected, and why.")(report)
app.command(short_help="Listen to a microphone, pipe or stream.")(live)
app.command(short_help="Write the encoder's features, to train on or compare.")(embed)
app.command(short_help="Choose thresholds on background, without labels.")(calibrate)
app.command(short_help="Make test mixtures whose truth is known.")(mix)
app.command(short_help="Measure how good recognition is on a data set.")(evaluate)
app.command(short_help="Measure on recordings that nothing was tuned on.")(benchmark)
app.command(short_help="Compare two evaluations of the same recordings.")(compare)
app.command(short_help="Serve the page and the API on this machine.")(serve)
app.command(short_help="Analyse an archive once, into a store to query.")(index)
app.command(short_help="Query a whole store with words, without audio.")(ask)
app.command(short_help="List moments of a store that sound like a clip.")(similar)
app.command(short_help="Show how a word is understood.")(words)
app.command(short_help="Turn TUT recipes into meta.csv.")(meta)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more of what is done.")] = False,
) -> None:
    """Find, in your own words, which sounds a recording holds, when, and where it was made.

    A first try: earwitness listen street.wav --events siren,"dog bark" --scenes park,tram,office
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be UTF-8
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s: %(message)s")
    if version:
        print(__version__)
        raise typer.Exit
