"""Words over a whole store: events with times, sums by file and by hour, scenes by hour; no audio, no encoder.

In: a `PartStore`, words, a choice of files and times. Out: an `Answer`.

Parts are read by threads, one after another; of each only the scores of the words are kept until the recording that
it belongs to is complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from earwitness.archive.catalogue import FileEntry
from earwitness.archive.hours import FileSum, HourScene, HourSum, rank_hours, sum_events
from earwitness.archive.part_store import PartStore
from earwitness.archive.parts import PieceRecord, read_levels
from earwitness.archive.quantise import Levels, root_table, score_table
from earwitness.archive.selecting import Choice, choose_files
from earwitness.errors import ArchiveError, SettingsError
from earwitness.events import Event, find_events
from earwitness.places import profile_scenes, read_places
from earwitness.runtime_onnx import count_threads
from earwitness.settings import Settings
from earwitness.tags import Logits, TagScores, tag_names
from earwitness.words import TagEvidence, WordMeanings, WordScores, score_evidence, understand_words, weigh_usual

Result = TypeVar("Result")
N_ROWS_AT_ONCE = 2048  # so that what is looked up stays in the processor's cache


@dataclass(frozen=True)
class ArchiveEvent:
    """An event in a recording; `start_time` is when it began, in seconds since 1970 of the recording's own clock."""

    path: str
    event: Event
    start_time: float | None


@dataclass(frozen=True)
class Answer:
    """What a store says to words.

    Attributes:
        words, scene_words: what was asked.
        events: by recording and onset.
        files, hours: how often and how long each word was heard, by recording and by hour; only where it was.
        scenes: each hour's scenes, best first.
        n_files, duration_s: what was asked over.
        problems: what could not be taken into account, with the reason.
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


def ask_store(
    store: PartStore,
    events: Sequence[str] = (),
    scenes: Sequence[str] = (),
    settings: Settings | None = None,
    choice: Choice | None = None,
) -> Answer:
    """Ask words of all recordings of a store, or of some.

    Args:
        store: what was heard.
        events, scenes: words, see `recognize`.
        settings: thresholds, gaps and places; what a recording is heard with is the store's own.
        choice: which recordings, and from when to when.

    Raises:
        WordError, PlaceError: see `recognize`.
        ArchiveError: the store cannot be read. A damaged part is told in `problems` and left out.
        SettingsError: a choice cannot be understood.
    """
    settings, choice = settings or store.provenance.settings(), choice or Choice()
    if settings.method != "earwitness":
        raise SettingsError(f"method={settings.method!r}: a store answers by the method 'earwitness' only")
    meanings = understand_words(events)
    profiles = profile_scenes(scenes, read_places(settings.places))
    store.refresh()
    entries, problems = choose_files(store, choice)
    problems += [*store.damaged.values()]
    found: list[ArchiveEvent] = []
    if events:
        find = _Finder(store, meanings, settings)
        for entry, heard in _score_files(store, entries, find.score, problems):
            found += [each for each in find.find(entry, heard) if choice.holds(each.start_time)]
        found.sort(key=lambda each: (each.path, each.event.onset_s, each.event.word))
    files, hours = sum_events([(each.path, each.event, each.start_time) for each in found])
    ranked = rank_hours(store, entries, profiles, choice, problems) if scenes else []
    return Answer(
        words=meanings.words,
        scene_words=tuple(each.scene for each in profiles),
        events=found,
        files=files,
        hours=hours,
        scenes=ranked,
        n_files=len(entries),
        duration_s=sum(each.duration_s for each in entries),
        problems=list(dict.fromkeys(problems)),
    )


@dataclass(frozen=True)
class _HeardPiece:
    """Word scores (N, V) of a piece, and the bytes that they come from, to give reasons."""

    scores: Logits
    levels: Levels


class _QuantisedWordScores(WordScores):
    """Word scores whose reasons are read from bytes, and only where an event has its peak."""

    levels: Levels

    @classmethod
    def of(cls, scores: Logits, meanings: WordMeanings, levels: Levels, span_s: float) -> _QuantisedWordScores:
        start_s = span_s * np.arange(len(scores), dtype=np.float64)
        made = cls(scores, meanings, TagScores(np.zeros((0, 0), np.float32), start_s, span_s))
        object.__setattr__(made, "levels", levels)
        return made

    def explain(self, row: int, word: int, n_tags: int = 3) -> tuple[TagEvidence, ...]:
        levels, weights = self.levels[row], self.meanings.weights[word]
        parts = weights * root_table()[levels]
        parts = parts / max(float(parts.sum()), 1e-12)
        similarities, names, scores = self.meanings.similarities[word], tag_names(), score_table()
        best = np.argpartition(-parts, n_tags)[:n_tags]
        return tuple(
            TagEvidence(names[tag], float(similarities[tag]), float(scores[levels[tag]]), float(parts[tag]))
            for tag in sorted(best, key=lambda tag: (-parts[tag], tag))
        )


class _Finder:
    """Turns the bytes of pieces into word scores, and word scores into events."""

    def __init__(self, store: PartStore, meanings: WordMeanings, settings: Settings) -> None:
        made = store.provenance
        self.meanings, self.span_s = meanings, made.row_s
        self.usual = weigh_usual(meanings, made.tag_stats)
        # A row shows the largest score in it, so a pause seems shorter by a row than it was.
        gap_s = max(0.0, settings.merge_gap_s - (made.row_s - made.token_s))
        self.settings = replace(settings, merge_gap_s=gap_s, window_s=made.heard_with["window_s"])
        self.thresholds = np.array([settings.threshold_of(word) for word in meanings.words], np.float32)

    def score(self, levels: Levels) -> Logits:
        """Return the words' scores (N, V)."""
        parts = [levels[first : first + N_ROWS_AT_ONCE] for first in range(0, len(levels), N_ROWS_AT_ONCE)]
        scores = [score_evidence(np.take(root_table(), part), self.meanings, self.usual) for part in parts]
        return np.concatenate(scores) if scores else np.zeros((0, len(self.meanings.words)), np.float32)

    def find(self, entry: FileEntry, heard: Sequence[_HeardPiece]) -> Iterator[ArchiveEvent]:
        """Yield a recording's events by onset."""
        scores = np.concatenate([each.scores for each in heard])
        is_silent = scores.max(axis=0) < self.thresholds
        if is_silent.all():
            return
        scores[:, is_silent] = 0  # saves looking for what cannot be an event
        rows = _QuantisedWordScores.of(scores, self.meanings, np.concatenate([h.levels for h in heard]), self.span_s)
        inside = [
            replace(each, offset_s=min(each.offset_s, entry.duration_s)) for each in find_events([rows], self.settings)
        ]
        for event in sorted(inside, key=lambda each: (each.onset_s, each.word)):
            start = None if entry.start_time is None else entry.start_time + event.onset_s
            yield ArchiveEvent(entry.path, event, start)


def _score_files(
    store: PartStore, entries: Sequence[FileEntry], score: Callable[[Levels], Logits], problems: list[str]
) -> Iterator[tuple[FileEntry, list[_HeardPiece]]]:
    """Yield the scored pieces of each file, by path; a file with a damaged part is left out and told."""
    wanted: dict[str, list[PieceRecord]] = {}
    for entry in entries:
        for piece in entry.pieces:
            wanted.setdefault(piece.part, []).append(piece)
    n_left = {entry.file_id: len(entry.pieces) for entry in entries}
    heard: dict[tuple[int, int], _HeardPiece] = {}
    failed: set[int] = set()
    by_id = {entry.file_id: entry for entry in entries}

    def read(part: str) -> tuple[Levels, Logits] | ArchiveError:
        try:
            levels = read_levels(store.folder / "parts" / part)
            return levels, score(levels)
        except ArchiveError as error:
            return error

    n_threads = count_threads()
    with ThreadPoolExecutor(n_threads, "ask") as threads:
        for (_, records), result in zip(wanted.items(), _map_ahead(threads, read, wanted, 2 * n_threads), strict=True):
            for each in records:
                n_left[each.file_id] -= 1
                if isinstance(result, ArchiveError):
                    failed.add(each.file_id)
                    problems.append(str(result))
                else:
                    rows = slice(each.first_row, each.first_row + each.n_rows)
                    heard[each.file_id, each.number] = _HeardPiece(result[1][rows], result[0][rows])
                if not n_left[each.file_id] and each.file_id not in failed:
                    entry = by_id[each.file_id]
                    yield entry, [heard.pop((entry.file_id, number)) for number in range(len(entry.pieces))]


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
