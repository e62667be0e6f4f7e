"""A store to query, inspect and check: the entry point for Python.

store = earwitness.open_store("tags")
answer = store.ask(events=["siren"], scenes=["park", "street"], since="2026-03-01")
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.archive.ask import Answer, ask_store
from earwitness.archive.catalogue import FileEntry, group_by_part, tabulate_files
from earwitness.archive.parquet_parts import check_part, import_pyarrow, read_chunks
from earwitness.archive.parquet_schema import CLIPS, ROWS
from earwitness.archive.provenance import Provenance
from earwitness.archive.quantise import LOGIT_STEP, LOWEST_LOGIT, ROOT
from earwitness.archive.query import Choice, import_duckdb, quote_sql, read_sql
from earwitness.archive.similar import Match, find_similar
from earwitness.archive.store import Store
from earwitness.audio import Source
from earwitness.encoders import LoadedEncoder
from earwitness.errors import ArchiveError, SettingsError
from earwitness.settings import Settings


@dataclass(frozen=True)
class StoreInfo:
    """What a store holds: recordings by state, hours analysed, bytes on the disk, and damaged parts."""

    provenance: Provenance
    n_files: dict[str, int]
    hours: float
    n_parts: int
    n_bytes: int
    damaged: dict[str, str]


class TagStore:
    """A store of tag scores; open one with `open_store`."""

    def __init__(self, folder: str | Path) -> None:
        self.parts = Store(folder)

    @property
    def files(self) -> list[FileEntry]:
        """All recordings by path, with what became of them."""
        self.parts.refresh()
        return list(self.parts.catalogue)

    def ask(
        self,
        events: Sequence[str] = (),
        scenes: Sequence[str] = (),
        settings: Settings | None = None,
        since: str = "",
        until: str = "",
        path: str = "",
        where: str = "",
    ) -> Answer:
        """Return where the words are in the recordings; see `ask.ask_store` and `query.Choice`."""
        return ask_store(self.parts, events, scenes, settings, Choice(since, until, path, where))

    def similar(
        self, source: Source, n_matches: int = 10, encoder: LoadedEncoder | None = None, path: str = ""
    ) -> list[Match]:
        """Return the moments most like a clip, best first; see `similar.find_similar`."""
        return find_similar(self.parts, source, n_matches, encoder, Choice(path=path))[0]

    def sql(self, query: str) -> Any:
        """Return duckdb's result as a pyarrow table.

        Tables: `files` (a row a recording), `rows` (file_id, start_s, scores), `clips` (file_id, start_s, logits), each
        without what has been replaced, and `tags` (tag, name). Macros: `score(scores, tag)` and `logit(logits, tag)`.
        One query that only reads, of no files but the store's.

        Raises:
            MissingExtraError: duckdb is not installed.
            SettingsError: the query fails or does more than read.
        """
        duckdb = import_duckdb()
        with duckdb.connect() as connection:
            self._add_tables(connection)
            try:
                return read_sql(connection, query, self.parts.folder.absolute() / "parts").to_arrow_table()
            except (duckdb.Error, SettingsError) as error:
                raise SettingsError(f"{query!r}: {error}") from error

    def inform(self) -> StoreInfo:
        """Return what the store holds."""
        files = self.files
        folder = self.parts.folder / "parts"
        sizes = [each.stat().st_size for each in folder.glob("*/*.parquet")]
        return StoreInfo(
            provenance=self.parts.provenance,
            n_files=dict(Counter(each.state for each in files)),
            hours=sum(each.duration_s for each in files) / 3600,
            n_parts=len(list(folder.iterdir())) if folder.exists() else 0,
            n_bytes=sum(sizes),
            damaged=dict(self.parts.damaged),
        )

    def verify(self) -> dict[str, str]:
        """Read every part and compare it with its sha256; return the damaged ones with the reason."""
        self.parts.refresh()
        damaged = dict(self.parts.damaged)
        for part in sorted((self.parts.folder / "parts").glob("*")):
            try:
                check_part(part)
            except ArchiveError as error:
                damaged[part.name] = str(error)
        self.parts.damaged = damaged
        return damaged

    def fingerprint(self) -> str:
        """Return a sha256 of the store's content, however it is divided into parts and whatever was replaced.

        Raises:
            ArchiveError: a part is damaged.
        """
        digests: dict[tuple[str, int], str] = {}
        files = self.files
        for entry in files:
            ended = (entry.path, entry.size, entry.mtime_ns, entry.sha256, entry.state, entry.reason)
            digests[entry.path, -1] = repr(ended)
        for part, found in group_by_part(files).items():
            for chunk in read_chunks(self.parts.part_path(part), [record for _, record in found]):
                facts = (chunk.is_last, chunk.start_s, chunk.end_s, chunk.start_time, chunk.rate_hz, chunk.notes)
                digest = hashlib.sha256(repr(facts).encode())
                for array in (chunk.rows, chunk.clips, chunk.clip_start_s):
                    digest.update(np.ascontiguousarray(array).tobytes())
                digests[chunk.path, chunk.number] = digest.hexdigest()
        return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()

    def set_aside(self) -> dict[str, str]:
        """Move damaged parts to `damaged/`, so that `index` analyses what they held again; see `verify`."""
        return self.parts.tidy()

    def _add_tables(self, connection: Any) -> None:
        pyarrow, _ = import_pyarrow()
        files, made = self.files, self.parts.provenance
        connection.register("files", tabulate_files(files))
        tags = {"tag": list(range(len(made.tags))), "name": list(made.tags)}
        connection.register("tags", pyarrow.table(tags))
        listed = sorted({(chunk.part, chunk.file_id, chunk.number) for each in files for chunk in each.chunks})
        names = {part for part, _, _ in listed}
        ids = pyarrow.array([file_id for _, file_id, _ in listed], pyarrow.int64())
        folder = self.parts.folder.absolute() / "parts"
        connection.register("current", pyarrow.table({"file_id": ids}))
        for view, name, column in (("rows", ROWS, "scores"), ("clips", CLIPS, "logits")):
            paths = ", ".join(quote_sql(str(folder / part / name)) for part in sorted(names))
            source = f"read_parquet([{paths}])" if names else f"(select 0 file_id, 0.0 start_s, ''::blob {column})"
            connection.execute(
                f"create temp view {view} as select distinct on (file_id, start_s) file_id, start_s, {column} "
                f"from {source} where file_id in (select file_id from current)"
            )
        byte = "('0x' || hex(blob)[2 * tag + 1 : 2 * tag + 2])::int"
        connection.execute(f"create temp macro score(blob, tag) as ({byte} / 255.0) ** {ROOT}")
        connection.execute(f"create temp macro logit(blob, tag) as {LOWEST_LOGIT} + {LOGIT_STEP} * {byte}")


def open_store(folder: str | Path) -> TagStore:
    """Open a store that `earwitness index` has made.

    Raises:
        ArchiveError: there is none, or this version cannot read it.
        MissingExtraError: pyarrow is not installed.
    """
    return TagStore(folder)
