"""Words over a whole store: events with times, sums by file and by hour, scenes by hour; no audio, no encoder.

In: a `Store`, words, a choice of files and times. Out: an `Answer`.

Threads read the parts one after another; of each only the words' scores stay in memory until its recording is complete.
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
from earwitness.archive.quantise import Levels, root_table, score_table
from earwitness.archive.query import Choice, choose_files
from earwitness.archive.store import Store
from earwitness.encoders import count_threads
from earwitness.errors import ArchiveError, SettingsError
from earwitness.recognition import (
    Event,
    Logits,
    ScoreTrack,
    TagEvidence,
    choose_method,
    find_events,
    find_roots,
    score_evidence,
    weigh_usual,
)
from earwitness.settings import Settings
from earwitness.words import WordMeanings, profile_scenes, read_places, tag_names, understand_words

Result = TypeVar("Result")
ALONE = 200_000  # products of a matrix multiplication, which OpenBLAS shares out to threads from 262,144 on
FEW_WEIGHT = 1e-3  # of a tag, for some word, to come first: some 80 tags for 20 words
N_ROWS_AT_ONCE = 512  # so that what is looked up stays in the processor's cache


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
        for entry, chunk_scores in _score_files(store, entries, find.score, problems):
            file_events = list(find.find(entry, chunk_scores))
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


@dataclass(frozen=True)
class _ChunkScores:
    """Word scores (N, V) of a chunk, and the bytes that they come from, for the reasons."""

    scores: Logits
    levels: Levels


class _Finder:
    """Turns the bytes of chunks into word scores, and word scores into events."""

    def __init__(self, store: Store, meanings: WordMeanings, settings: Settings) -> None:
        made = store.provenance
        self.meanings, self.span_s = meanings, made.row_s
        self.usual = weigh_usual(meanings, made.tag_stats)
        # A row shows the largest score in it, so a pause seems shorter by a row than it was.
        gap_s = max(0.0, settings.merge_gap_s - (made.row_s - made.token_s))
        self.settings = replace(settings, merge_gap_s=gap_s, window_s=made.heard_with["window_s"])
        self.thresholds = np.array([settings.threshold_of(word) for word in meanings.words], np.float32)
        self.holds = np.array([settings.hold_of(word) for word in meanings.words], np.float32)
        self.few = np.flatnonzero(meanings.weights.max(axis=0, initial=0.0) >= FEW_WEIGHT)
        rest = 1 - meanings.weights[:, self.few].sum(axis=1)  # what other tags could add: no root is above 1
        self.least_roots = 0.999 * find_roots(self.holds, self.usual) - rest

    def score(self, levels: Levels) -> Logits:
        """Return the words' scores (N, V); 0 in rows where none can reach its hold.

        The few tags with most of the words' weight come first. If the rest, at their loudest, could not lift any word
        to its hold, the row is skipped without loss.
        """
        scores = np.zeros((len(levels), len(self.meanings.words)), np.float32)
        by_few, by_all = (np.ascontiguousarray(self.meanings.weights.T[which]) for which in (self.few, slice(None)))
        for first in range(0, len(levels), N_ROWS_AT_ONCE):
            part = levels[first : first + N_ROWS_AT_ONCE]
            roots = multiply_alone(np.take(root_table(), np.take(part, self.few, axis=1)), by_few)
            rows = np.flatnonzero((roots >= self.least_roots).any(axis=1))
            if len(rows):
                roots = multiply_alone(np.take(root_table(), part[rows]), by_all)
                scores[first + rows] = score_evidence(roots, self.usual)
        return scores

    def find(self, entry: FileEntry, chunk_scores: Sequence[_ChunkScores]) -> Iterator[ArchiveEvent]:
        """Yield a recording's events."""
        scores = np.concatenate([each.scores for each in chunk_scores])
        if not self._drop_faint(scores):
            return
        start_s = self.span_s * np.arange(len(scores), dtype=np.float64)
        events = list(find_events(ScoreTrack(scores, self.meanings.words, start_s, self.span_s), self.settings))
        levels = np.concatenate([each.levels for each in chunk_scores])
        for event, tags in zip(events, self._explain(events, levels), strict=True):
            start = None if entry.start_time is None else entry.start_time + event.onset_s
            offset_s = min(event.offset_s, entry.duration_s)
            yield ArchiveEvent(entry.path, replace(event, tags=tags, offset_s=offset_s), start)

    def _drop_faint(self, scores: Logits) -> bool:
        """Set scores of runs that reach no threshold to 0: they cannot be events. Return whether any is left."""
        is_any = False
        for index in np.flatnonzero(scores.max(axis=0) < self.thresholds):
            scores[:, index] = 0
        for index in np.flatnonzero(scores.max(axis=0) >= self.thresholds):
            column, is_any = scores[:, index], True
            steps = np.diff((column >= self.holds[index]).astype(np.int8), prepend=0)
            run = np.cumsum(steps == 1)  # the number of each row's run
            peaks = np.zeros(int(run[-1]) + 1, np.float32)
            np.maximum.at(peaks, run, column)
            column[peaks[run] < self.thresholds[index]] = 0
        return is_any

    def _explain(self, events: Sequence[Event], levels: Levels, n_tags: int = 3) -> Iterator[tuple[TagEvidence, ...]]:
        """Yield the tags that speak most for each event at its peak, as `WordScores.explain` does."""
        names, numbers = tag_names(), {word: index for index, word in enumerate(self.meanings.words)}
        for first in range(0, len(events), N_ROWS_AT_ONCE):
            some = events[first : first + N_ROWS_AT_ONCE]
            words = np.array([numbers[each.word] for each in some])
            chunk_scores = levels[[round(each.peak_s / self.span_s) for each in some]]  # (E, C)
            parts = self.meanings.weights[words] * root_table()[chunk_scores]
            parts /= np.maximum(parts.sum(axis=1, keepdims=True), 1e-12)
            best = np.argpartition(-parts, n_tags, axis=1)[:, :n_tags]
            order = np.argsort(-np.take_along_axis(parts, best, 1), axis=1, kind="stable")
            best = np.take_along_axis(best, order, 1)  # (E, n_tags)
            similarities = np.take_along_axis(self.meanings.similarities[words], best, 1).tolist()
            scores = score_table()[np.take_along_axis(chunk_scores, best, 1)].tolist()
            shares = np.take_along_axis(parts, best, 1).tolist()
            for row in zip(best.tolist(), similarities, scores, shares, strict=True):
                yield tuple(TagEvidence(names[tag], *rest) for tag, *rest in zip(*row, strict=True))


def _score_files(
    store: Store, entries: Sequence[FileEntry], score: Callable[[Levels], Logits], problems: list[str]
) -> Iterator[tuple[FileEntry, list[_ChunkScores]]]:
    """Yield the scored chunks of each file, by path; a file with a damaged part is left out and reported."""
    wanted = group_by_part(entries)
    n_left = {entry.file_id: len(entry.chunks) for entry in entries}
    chunk_scores: dict[tuple[int, int], _ChunkScores] = {}
    failed: set[int] = set()

    def read(part: str) -> tuple[Levels, Logits] | ArchiveError:
        try:
            levels = read_levels(store.part_path(part))
            return levels, score(levels)
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
                    chunk_scores[each.file_id, each.number] = _ChunkScores(result[1][rows], result[0][rows])
                if not n_left[each.file_id] and each.file_id not in failed:
                    yield entry, [chunk_scores.pop((entry.file_id, number)) for number in range(len(entry.chunks))]


def multiply_alone(rows: Logits, weights: Logits) -> Logits:
    """Return rows (N, C) times weights (C, V), in portions that are too small for BLAS to bring threads of its own.

    Those would wait for each other beside the threads here: five times as long on a busy machine.
    """
    product = np.empty((len(rows), weights.shape[1]), np.float32)
    n_rows = max(1, ALONE // max(1, weights.size))
    for first in range(0, len(rows), n_rows):
        np.matmul(rows[first : first + n_rows], weights, out=product[first : first + n_rows])
    return product


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
