"""The command `earwitness tags`: the AudioSet tags of recordings, which need no words.

In: recordings. Out: a table a recording on standard output; tags.csv, errors.csv and run.json.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from earwitness.cli.listen import recognize_all
from earwitness.cli.options import Out, encoder_options, takes_recordings
from earwitness.cli.recordings import GivenRecordings
from earwitness.settings import Settings


@takes_recordings
@encoder_options
def tags(
    recordings: GivenRecordings,
    settings: Settings,
    out: Out = None,
    n_tags: Annotated[int, typer.Option("--top", help="How many tags to list.")] = 10,
) -> None:
    """List the AudioSet tags that the encoder finds, before any word of yours comes in."""
    from earwitness.results import Destination, Printer

    settings = replace(settings, n_tags=n_tags)
    recognize_all(recordings, [], [], settings, Destination(out), Printer(is_shown=out is None))
