"""Words over a whole store: events with times, sums by file and by hour, scenes by hour; no audio, no encoder.

In: a `Store`, words, a choice of files and times. Out: an `Answer`.

Threads read the parts one after another; of each only the words' evidence, and the bytes of their tags, stay in memory
until its recording is complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from earwitness.archive.catalogue import FileEntry, group_by_part
from earwitness.archive.hourly import FileSum, HourScene, HourSum, rank_hours, sum_events
from earwitness.archive.parquet_parts import read_levels
from earwitness.archive.query import Choice, choose_files
from earwitness.archive.row_scores import ChunkEvidence, RowScorer, join_evidence
from earwitness.archive.store import Store
from earwitness.encoders import count_threads
from earwitness.errors import ArchiveError, SettingsError
from earwitness.recognition import Event, choose_method, find_events
from earwitness.settings import Settings
from earwitness.words import WordMeanings, profile_scenes, read_places, understand_words

Result = TypeVar("Result")


@dataclass(frozen=True)
class ArchiveEvent:
    """An event in a recording; `start_time` is when it began, in seconds since 1970 of the recording's own clock."""

    path: str
    event: Event
    start_time: float | None


@dataclass(frozen=True)
class QueriedRecording:
    """A recording of a query, from `first_s` to `end_s`; `start_time` is when it began, None if that is unknown."""

    path: str
    start_time: float | None
    first_s: float
    end_s: float


@dataclass(frozen=True)
class Answer:
    """A store's answer to words.

    Attributes:
        words, scene_words: the query.
        events: by recording and onset.
        files, hours: number and length of each word's events, by recording and by hour; only where there are any.
        scenes: each hour's scenes, best first.
        n_files, duration_s: the recordings of the query, within since and until.
        problems: what could not be taken into account, with the reason.
        recordings: those of the query, by path.
    """

    words: tuple[str, ...]
    scene_words: tuple[str, ...]
    events: list[ArchiveEvent]
    files: list[FileSum]
    hours: list[HourSum]
    scenes: list[HourScene]
    n_files: int
    duration_s: float
    problems: list[str]
    recordings: tuple[QueriedRecording, ...] = ()


def ask_store(
    store: Store,
    events: Sequence[str] = (),
    scenes: Sequence[str] = (),
    settings: Settings | None = None,
    choice: Choice | None = None,
) -> Answer:
    """Answer words over all recordings of a store, or over some.

    Args:
        store: of recordings.
        events, scenes: words, see `recognize`.
        settings: thresholds, gaps and places; settings of the analysis are the store's own.
        choice: which recordings, and from when to when.

    Raises:
        WordError, PlaceError: see `recognize`.
        ArchiveError: the store cannot be read. A damaged part is left out and listed in `problems`.
        SettingsError: a choice cannot be understood.
    """
    settings, choice = settings or store.provenance.settings(), choice or Choice()
    if not choose_method(settings).has_word_scores:
        raise SettingsError(f"method={settings.method!r}: a store answers by the method 'earwitness' only")
    meanings = understand_words(events)
    profiles = profile_scenes(scenes, read_places(settings.places))
    store.refresh()
    entries, problems = choose_files(store, choice)
    problems += [*store.damaged.values()]
    found: list[ArchiveEvent] = []
    if events:
        find = _Finder(store, meanings, settings)
        for entry, chunks in _score_files(store, entries, find.scorer, problems):
            file_events = list(find.find(entry, chunks))
            is_queried = choice.hold(np.array([each.event.onset_s for each in file_events]), entry.start_time)
            found += [each for each, is_in in zip(file_events, is_queried, strict=True) if is_in]
        found.sort(key=lambda each: (each.path, each.event.onset_s, each.event.word))
    files, hours = sum_events([(each.path, each.event, each.start_time) for each in found])
    ranked = rank_hours(store, entries, profiles, choice, problems) if scenes else []
    recordings = [
        QueriedRecording(each.path, each.start_time, *choice.segment(each.start_time, each.duration_s))
        for each in entries
    ]
    return Answer(
        words=meanings.words,
        scene_words=tuple(each.scene for each in profiles),
        events=found,
        files=files,
        hours=hours,
        scenes=ranked,
        n_files=len(entries),
        duration_s=sum(each.end_s - each.first_s for each in recordings),
        problems=list(dict.fromkeys(problems)),
        recordings=tuple(recordings),
    )


class _Finder:
    """Turns the evidence of chunks into the events of their recording."""

    def __init__(self, store: Store, meanings: WordMeanings, settings: Settings) -> None:
        made = store.provenance
        # A row shows the largest score in it, so a pause seems shorter by a row than it was.
        gap_s = max(0.0, settings.merge_gap_s - (made.row_s - made.token_s))
        self.settings = replace(settings, merge_gap_s=gap_s)
        self.scorer = RowScorer(meanings, made, self.settings)

    def find(self, entry: FileEntry, chunks: Sequence[ChunkEvidence]) -> Iterator[ArchiveEvent]:
        """Yield a recording's events."""
        evidence = join_evidence(chunks)
        track = self.scorer.track(evidence)
        events = find_events(track, self.settings) if track else []
        for event, tags in zip(events, self.scorer.explain(events, evidence), strict=True):
            start = None if entry.start_time is None else entry.start_time + event.onset_s
            offset_s = min(event.offset_s, entry.duration_s)
            yield ArchiveEvent(entry.path, replace(event, tags=tags, offset_s=offset_s), start)


def _score_files(
    store: Store, entries: Sequence[FileEntry], scorer: RowScorer, problems: list[str]
) -> Iterator[tuple[FileEntry, list[ChunkEvidence]]]:
    """Yield the evidence of each file's chunks; a file with a damaged part is left out and reported."""
    wanted = group_by_part(entries)
    n_left = {entry.file_id: len(entry.chunks) for entry in entries}
    gathered: dict[tuple[int, int], ChunkEvidence] = {}
    failed: set[int] = set()

    def read(part: str) -> ChunkEvidence | ArchiveError:
        try:
            return scorer.read(read_levels(store.part_path(part)))
        except ArchiveError as error:
            return error

    n_threads = count_threads()
    with ThreadPoolExecutor(n_threads, "ask") as threads:
        results = _map_ahead(threads, read, wanted, 2 * n_threads)
        for found, result in zip(wanted.values(), results, strict=True):
            for entry, each in found:
                n_left[each.file_id] -= 1
                if isinstance(result, ArchiveError):
                    failed.add(each.file_id)
                    problems.append(str(result))
                else:
                    rows = slice(each.first_row, each.first_row + each.n_rows)
                    gathered[each.file_id, each.number] = ChunkEvidence(result.means[rows], result.levels[rows])
                if not n_left[each.file_id] and each.file_id not in failed:
                    yield entry, [gathered.pop((entry.file_id, number)) for number in range(len(entry.chunks))]


def _map_ahead(
    threads: ThreadPoolExecutor, work: Callable[[str], Result], items: Iterable[str], n_ahead: int
) -> Iterator[Result]:
    """Yield results in order, while threads work on the next `n_ahead` items; memory stays bounded."""
    begun: deque[Future[Result]] = deque()
    for item in items:
        begun.append(threads.submit(work, item))
        if len(begun) > n_ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
