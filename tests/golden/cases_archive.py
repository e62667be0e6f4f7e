"""Golden outputs of an archive: index, ask with its page, similar, and looking into a store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from golden_case import QUIETLY, Workspace, case
from golden_reading import parse_table, read_folder, read_page
from golden_sounds import cut_demo

ASKED = ("--events", "dog bark,siren,glass breaking", "--scenes", "park,street,office")
QUERIES = {
    "files": "select path, size, attempt, state, rate_hz, duration_s, start_time from files order by path",
    "rows": "select path, count(*) as n, min(start_s) as first, max(start_s) as start_s from rows join files using "
    "(file_id) group by path order by path",
    "clips": "select path, start_s from clips join files using (file_id) order by path, start_s",
    "tags": "select * from tags where tag % 100 = 0 order by tag",
}


def get_store(work: Workspace) -> Path:
    """Return a store of three recordings on two days, and one that failed."""

    def make(work: Workspace) -> Path:
        cut_demo("archive/20260301_235955.wav", 4, 16)
        cut_demo("archive/20260302_120000.wav", 14, 27)
        cut_demo("archive/porch/20260302_121500.wav", 0, 4)
        Path("archive/20260303_000000.wav").write_text("no sound")
        work.run("index", "archive", "--store", "store", *QUIETLY)
        return Path("store")

    return work.once("store", make)


@case("ask")
def ask(work: Workspace) -> Any:
    """Tables as CSV and Parquet, the data in the page, and what is printed."""
    store = get_store(work)
    work.run("ask", store, *ASKED, "--out", "asked", "--report")
    work.run("ask", store, *ASKED, "--out", "asked_parquet", "--format", "parquet")
    pages = {"page": read_page(Path("asked/index.html").read_text("utf-8"))}
    tables = {f"parquet/{name}": each for name, each in read_folder(Path("asked_parquet")).items()}
    return {**read_folder(Path("asked")), **tables, **pages, "printed": work.run("ask", store, *ASKED).splitlines()}


@case("ask_part")
def ask_a_part(work: Workspace) -> Any:
    """A choice by time, path and condition, with a threshold."""
    chosen = ("--since", "2026-03-02", "--until", "2026-03-03", "--path", "*2026*", "--where", "duration_s > 2")
    work.run("ask", get_store(work), *ASKED, *chosen, "--threshold", "0.1", "--out", "asked_part")
    return read_folder(Path("asked_part"))


@case("ask_tokens")
def ask_a_store_of_tokens(work: Workspace) -> Any:
    """A store that keeps tokens."""
    get_store(work)
    work.run("index", "archive/20260301_235955.wav", "--store", "tokens", "--tokens", *QUIETLY)
    work.run("ask", "tokens", *ASKED, "--out", "asked_tokens")
    return read_folder(Path("asked_tokens"))


@case("similar")
def similar(work: Workspace) -> Any:
    """The moments that sound most like a bark."""
    clip = cut_demo("bark.wav", 6, 8)
    printed = work.run("similar", get_store(work), clip, "--top", "4")
    return parse_table(printed, ("score", "start_s", "end_s", "file", "time"), "\t")


@case("store")
def look_into_a_store(work: Workspace) -> Any:
    """What SQL answers of a store and of a merged one, and through `open_store`."""
    import earwitness

    store = get_store(work)
    found: dict[str, Any] = {name: parse_table(work.run("store", "sql", store, sql)) for name, sql in QUERIES.items()}
    work.run("store", "merge", "merged", store)
    found["merged"] = parse_table(work.run("store", "sql", "merged", QUERIES["rows"]))
    names = ("recordings", "hours", "rows", "encoder")
    found["info"] = [line for line in work.run("store", "info", store).splitlines() if line.startswith(names)]
    answer = earwitness.open_store(store).ask(events=["dog bark", "siren"])
    found["open_store"] = [[each.path, asdict(each.event)] for each in answer.events]
    return found


@case("archive_again")
def index_again(work: Workspace) -> Any:
    """A second run hears what is new only; what is printed says how many."""
    get_store(work)
    return {"printed": work.run("index", "archive", "--store", "store", *QUIETLY).splitlines()}
