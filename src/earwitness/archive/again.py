"""A store that goes on with another encoder: its recordings are analysed again beside it, then its rows are replaced.

In: a store's folder, recordings, a function that fills a store. Out: the same folder with new rows, and a `MoveReport`.

The new store is filled in the folder `again` of the old one, which answers until it is complete; see `part_storage`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earwitness.archive.catalogue import UNFINISHED
from earwitness.archive.extract import ANALYSED
from earwitness.archive.part_storage import AGAIN, HEAD, LocalStorage
from earwitness.archive.part_writer import ROW_S, IndexOptions, IndexReport, locate
from earwitness.archive.provenance import Provenance, describe_analysis
from earwitness.archive.remote_audio import is_url
from earwitness.archive.store import Store, reach_reported
from earwitness.encoders import choose_encoder
from earwitness.errors import ArchiveError
from earwitness.settings import Settings

Fill = Callable[[Sequence[str], str], IndexReport]


@dataclass(frozen=True)
class MoveReport:
    """How far a store has been moved.

    Attributes:
        index: what became of the recordings of this run.
        before: where the old store is now; None while its rows still answer.
        n_left: recordings that are still to be analysed.
        lost: those with rows in the old store that cannot be analysed any more.
    """

    index: IndexReport
    before: Path | None = None
    n_left: int = 0
    lost: list[str] = field(default_factory=list)


def move_store(
    folder: str | Path, sources: Sequence[str], settings: Settings, options: IndexOptions, fill: Fill
) -> MoveReport:
    """Analyse the recordings of a store again, and some more, and replace its rows once all of them are done.

    Args:
        folder: the store.
        sources: recordings, besides those that the store holds.
        settings: how to analyse.
        options: see `IndexOptions`; with `is_pruning`, rows of recordings that are gone are left behind, too.
        fill: takes recordings and the folder of a store, and fills it; it may be interrupted and run again.

    Raises:
        ArchiveError: the store cannot be read or written; it goes on answering as before.
        SettingsError, WeightsError: see `index_recordings`.
    """
    storage = LocalStorage(folder)
    with reach_reported(storage.place, "written"):
        storage.finish_replacement()
    old, again = Store(storage), storage.folder / AGAIN
    if not (again / HEAD).exists():
        shutil.rmtree(again, ignore_errors=True)  # what the end of a replacement has left
    if _is_made_so(old, describe_analysis(settings, choose_encoder(settings), 0.0 if options.is_by_token else ROW_S)):
        return MoveReport(fill(sources, str(folder)))
    held = [entry.path for entry in old.catalogue if entry.state in (ANALYSED, UNFINISHED)]
    there = [str(each) for each in map(locate, held) if each]
    report = fill([*sources, *there], str(again))
    with reach_reported(old.place, "written"), storage.lock():
        old.refresh(is_sure=True)
        n_left, lost = _compare(old, Store(again))
        if n_left or (lost and not options.is_pruning):
            return MoveReport(report, None, n_left, lost)
        before = storage.replace()
    return MoveReport(report, before, 0, lost)


def _is_made_so(store: Store, wanted: Provenance) -> bool:
    try:
        store.check_provenance(wanted)
    except ArchiveError:
        return False
    return True


def _compare(old: Store, new: Store) -> tuple[int, list[str]]:
    """Return how many recordings of a store are still to be analysed for the other, and those that cannot be."""
    n_left, lost = 0, list[str]()
    for entry in old.catalogue:
        found = new.catalogue.find(entry.path)
        if not entry.chunks or (found and found.state == ANALYSED):
            continue
        if (found is None or found.state == UNFINISHED) and (locate(entry.path) or is_url(entry.path)):
            n_left += 1
        else:
            lost.append(entry.path)
    return n_left, lost
