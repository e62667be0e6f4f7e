"""The command `earwitness demo`: a recording made by this project, what was put into it, and what is detected in it.

In: the shipped recording and its events, or a recording of yours. Out: two tables, and a folder with a report page.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli.options import encoder_options
from earwitness.cli.recordings import GivenRecordings
from earwitness.cli.report import write_reports
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.recognition import Event

SCENES = ["storm", "office", "kitchen", "bus", "beach", "church", "nightclub"]
ABSENT = ["speech", "baby cry", "gunshot", "car horn", "chainsaw"]  # queried as well, to see that they stay away
LARGEST_ERROR_S = 0.5


@dataclass(frozen=True)
class PutIn:
    """A sound of the demo's recording: its word, and when it starts and last stands out of the rain."""

    word: str
    onset_s: float
    offset_s: float


@encoder_options
def demo(
    settings: Settings,
    recording: Annotated[
        Path | None, typer.Argument(help="A recording of yours; the shipped one if not given.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report page and tables.")] = Path("demo_out"),
) -> None:
    """Recognize the sounds of a 30 s recording that is made in code, and show them beside what was put in.

    Writes a page with sound and reasons, and the tables that 'listen' writes, to --out. Exit status 1 if half
    of the shipped recording's sounds or more are missed: something is wrong then.
    """
    from earwitness.files import DATA_DIR

    truth = read_truth(DATA_DIR / "demo.csv")
    words = [each.word for each in truth] + ABSENT
    path = recording or DATA_DIR / "demo.ogg"
    found = write_reports(GivenRecordings([path], is_quiet=True), words, SCENES, settings, out, [], is_shown=True)
    is_right = recording is not None or compare(truth, found[0].events)
    print(f"-> {out / 'index.html'}: open it in a browser to see and hear the events")
    if not is_right:
        raise typer.Exit(1)


def read_truth(path: Path) -> list[PutIn]:
    """Read what was put into the shipped recording."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [PutIn(row["word"], float(row["onset_s"]), float(row["offset_s"])) for row in rows]


def compare(truth: list[PutIn], events: list[Event]) -> bool:
    """Print what was put in beside what was detected; return whether most was found."""
    from rich.console import Console
    from rich.table import Table

    table = Table("put in", "onset", "offset", "detected onset", "offset", "score", title="put in, and detected")
    left, n_found = list(events), 0
    for each in truth:
        close = [e for e in left if e.word == each.word and abs(e.onset_s - each.onset_s) <= LARGEST_ERROR_S]
        detected = ("-", "-", "-")
        if close:
            left.remove(close[0])
            n_found += 1
            detected = (f"{close[0].onset_s:.2f}", f"{close[0].offset_s:.2f}", f"{close[0].score:.2f}")
        table.add_row(each.word, f"{each.onset_s:.2f}", f"{each.offset_s:.2f}", *detected)
    for event in left:
        table.add_row("(nothing)", "", "", f"{event.onset_s:.2f}", f"{event.offset_s:.2f}", f"{event.score:.2f}")
    Console().print(table)
    print(f"{n_found} of {len(truth)} events found within {LARGEST_ERROR_S} s of their onset; {len(left)} false alarms")
    return n_found > len(truth) / 2
