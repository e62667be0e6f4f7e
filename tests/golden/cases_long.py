"""Golden outputs of recordings that are longer than the blocks in which they are decoded, kept and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from cases_archive import ASKED, QUERIES
from golden_case import ON_ONNX, QUIETLY, Workspace, case
from golden_reading import parse_table, read_folder, read_json_lines, read_page
from golden_sounds import make_demo, write

EVENTS = ("--events", "dog bark,siren,glass breaking")
SCENES = ("--scenes", "park,street,office")
SHIFT_S = 1.37  # between repetitions, so that sounds meet the borders of blocks differently


def make_long(path: str, duration_s: float) -> Path:
    """Write the demo again and again, each time a little softer, at 16 kHz."""
    rest = np.zeros(round(SHIFT_S * 16000), np.float32)
    n = int(duration_s // (30 + SHIFT_S)) + 1
    samples = np.concatenate([part for index in range(n) for part in (0.8**index * make_demo(), rest)])
    return write(path, samples[: round(duration_s * 16000)])


def get_long(work: Workspace) -> Path:
    """Return a recording of 75 s: three blocks."""
    return work.once("long", lambda _: make_long("long/75s.wav", 75.0))


@case("long_report")
def report(work: Workspace) -> Any:
    """The page, with tiles, and the tables of three blocks."""
    work.run("report", get_long(work), *EVENTS, *SCENES, "--out", "long_report", *QUIETLY)
    page = read_page(Path("long_report/reports/75s.html").read_text("utf-8"))
    return {**read_folder(Path("long_report")), **page}


@case("long_listen_tmrl")
def listen_by_the_published_method(work: Workspace) -> Any:
    """The published method over three blocks."""
    given = ("--method", "tmrl", "--out", "long_tmrl", "--format", "jsonl")
    work.run("listen", get_long(work), *EVENTS, *SCENES, *given, *QUIETLY)
    return read_folder(Path("long_tmrl"))


@case("long_live")
def live(work: Workspace) -> Any:
    """What ends, and the scenes of each half minute, of a file that is read as a stream."""
    printed = work.run("live", get_long(work), *EVENTS, *SCENES, "--scenes-every", "0.5", *ON_ONNX)
    lines = [line for line in read_json_lines(printed) if line.get("state") == "ended" or line["kind"] == "scene"]
    lines.sort(key=lambda line: (line["kind"], line.get("word", ""), line.get("onset_s", line.get("start_s", 0.0))))
    clock = ("time", "start", "end", "onset", "offset", "waiting_s")  # and which of two ends first: batches differ
    return {"lines": [{key: value for key, value in line.items() if key not in clock} for line in lines]}


@case("long_ask")
def ask(work: Workspace) -> Any:
    """A store of a recording that is kept in two parts, across an hour of the clock."""
    make_long("hour/20260301_115800.wav", 340.0)
    work.run("index", "hour", "--store", "hour_store", *QUIETLY)
    work.run("ask", "hour_store", *ASKED, "--out", "hour_asked", "--report")
    tables = {name: parse_table(work.run("store", "sql", "hour_store", QUERIES[name])) for name in ("rows", "clips")}
    page = read_page(Path("hour_asked/index.html").read_text("utf-8"))
    return {**read_folder(Path("hour_asked")), **tables, "page": page}
