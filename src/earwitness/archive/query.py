"""Which recordings of a store a query covers, and from when to when.

In: a `Choice`. Out: the `FileEntry`s that it selects, and notes on those that it leaves out.

`path` is a pattern as in a shell. `where` is an SQL condition over the files table (see docs/how-to/archive.md), which
needs duckdb.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.archive.catalogue import UNFINISHED, FileEntry, tabulate_files
from earwitness.archive.extract import ANALYSED, FAILED
from earwitness.archive.start_times import parse_time
from earwitness.archive.store import Store
from earwitness.errors import MissingExtraError, SettingsError


@dataclass(frozen=True)
class Choice:
    """Recordings to query: paths that match a pattern, a condition that holds, and times within limits.

    Attributes:
        since, until: ISO times without zone, such as 2026-03-01 or 2026-03-01T12:00; `until` itself is not included.
        path: a pattern with `*` and `?` for the whole path, such as "*street*".
        where: an SQL condition over the files table, such as "path like '%street%' and duration_s > 60".
    """

    since: str = ""
    until: str = ""
    path: str = ""
    where: str = ""

    def limits(self) -> tuple[float, float]:
        """Return since and until in seconds since 1970.

        Raises:
            SettingsError: one of them is no time.
        """
        limits = []
        for name, text, missing in (("since", self.since, float("-inf")), ("until", self.until, float("inf"))):
            try:
                limits.append(parse_time(text) if text else missing)
            except ValueError as error:
                raise SettingsError(f"{name}={text!r}: give a time such as 2026-03-01 or 2026-03-01T12:00") from error
        return limits[0], limits[1]

    def hold(self, onsets_s: np.ndarray, start_time: float | None) -> np.ndarray:
        """Return which moments (N,) of a recording are within the limits; unknown times are if there are no limits."""
        since, until = self.limits()
        if start_time is None:
            return np.full(len(onsets_s), not (self.since or self.until))
        return (start_time + onsets_s >= since) & (start_time + onsets_s < until)

    def segment(self, start_time: float | None, duration_s: float) -> tuple[float, float]:
        """Return the part of a recording within the limits, in seconds from its start."""
        since, until = self.limits()
        if start_time is None:
            return 0.0, duration_s
        first_s = min(max(0.0, since - start_time), duration_s)
        return first_s, max(first_s, min(duration_s, until - start_time))


def choose_files(store: Store, choice: Choice) -> tuple[list[FileEntry], list[str]]:
    """Return the recordings to query, by path, and notes on those that cannot be, or only in part.

    Raises:
        SettingsError: a time or the condition cannot be understood.
        MissingExtraError: duckdb is needed and not installed.
    """
    since, until = choice.limits()
    entries = [each for each in store.catalogue if not choice.path or fnmatchcase(each.path, choice.path)]
    if choice.where:
        taken = _select_paths(tabulate_files(entries), choice.where)
        entries = [each for each in entries if each.path in taken]
    n_failed = sum(each.state == FAILED for each in entries)
    hint = f"'earwitness store info {store.folder} --failures' lists them"
    problems = [f"{n_failed} recordings failed when they were indexed; {hint}"] if n_failed else []
    analysed = [each for each in entries if each.chunks and each.state in (ANALYSED, UNFINISHED)]
    for each in analysed:
        if each.state == UNFINISHED:
            problems.append(f"{each.path}: analysed up to {each.duration_s:.0f} s only; run 'earwitness index' again")
    if choice.since or choice.until:
        n_timeless = sum(each.start_time is None for each in analysed)
        if n_timeless:
            problems.append(f"{n_timeless} recordings have no start time and were left out: since and until need one")
        analysed = [each for each in analysed if _overlaps(each, since, until)]
    return analysed, problems


def _overlaps(entry: FileEntry, since: float, until: float) -> bool:
    start = entry.start_time
    return start is not None and start < until and start + entry.duration_s > since


def _select_paths(files: Any, where: str) -> set[str]:
    duckdb = import_duckdb()
    with duckdb.connect() as connection:
        connection.register("files", files)
        try:
            rows = read_sql(connection, f"select path from files where ({where}\n)").fetchall()
        except (duckdb.Error, SettingsError) as error:
            reason = str(error).split("\n", 1)[0]
            raise SettingsError(f"where={where!r}: {reason}; columns are {', '.join(files.column_names)}") from error
    return {path for (path,) in rows}


def read_sql(connection: Any, query: str, folder: Path | None = None) -> Any:
    """Return duckdb's result of one read-only query, with access to no files but those under `folder`.

    Raises:
        SettingsError: it is not exactly one query that only reads.
        duckdb.Error: it cannot be answered.
    """
    duckdb = import_duckdb()
    kinds = [each.type for each in duckdb.extract_statements(query)]
    if len(kinds) != 1 or kinds[0] not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise SettingsError("give one query that reads, such as select ... from files; nothing else is run")
    connection.execute("set python_enable_replacements = false")  # variables of this program are no tables
    if folder is not None:
        connection.execute("set allowed_directories = [" + quote_sql(str(folder)) + "]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection.sql(query)


def quote_sql(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def import_duckdb() -> Any:
    """Return duckdb.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("SQL needs duckdb: pip install 'earwitness[archive]', or choose by --path") from error
    return duckdb
