"""Query by example: where in a store it sounds like in a clip.

In: a clip. Out: `Match`es, best first: rows whose tags differ from the usual as the clip's do (cosine of standardised
logits, -1 to 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from earwitness.archive.extract import pool_rows
from earwitness.archive.parquet_parts import ChunkRecord, read_levels
from earwitness.archive.provenance import describe_analysis
from earwitness.archive.quantise import Levels, logit_table, quantise_scores
from earwitness.archive.query import Choice, choose_files
from earwitness.archive.store import Store
from earwitness.audio import Source
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import ArchiveError
from earwitness.recognition import USUAL_LOGIT, USUAL_SPREAD, Logits, analyse_rows, count_rows, smooth

APART_S = 10.0  # closer matches in one recording are one
N_ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Match:
    """A moment like the clip: it lies from `start_s` to `end_s` of a recording; `start_time` by its own clock."""

    path: str
    start_s: float
    end_s: float
    similarity: float
    start_time: float | None


def find_similar(
    store: Store,
    source: Source,
    n_matches: int = 10,
    encoder: LoadedEncoder | None = None,
    choice: Choice | None = None,
) -> tuple[list[Match], list[str]]:
    """Return the moments of a store most like a clip, best first, and what could not be taken into account.

    Args:
        store: where to search.
        source: the clip; better a few seconds of the sound alone than minutes.
        n_matches: how many; at most one in ten seconds of a recording.
        encoder: an encoder that is loaded; it must be the store's.
        choice: which recordings.

    Raises:
        AudioError: the clip cannot be used.
        ArchiveError: the encoder is not the store's, or the store cannot be read.
    """
    made = store.provenance
    settings = made.settings()
    encoder = choose_encoder(settings, encoder)
    store.check_provenance(replace(describe_analysis(settings, encoder, made.row_s), smooth_s=made.smooth_s))
    rows, _ = analyse_rows(source, "rows", settings, encoder)
    smoothed = smooth(rows.logits[...], count_rows(made.smooth_s, made.token_s))
    logits = pool_rows(smoothed, made.token_s, made.row_s)
    stats, n_tags = made.tag_stats and made.tag_stats.of_tokens, logits.shape[1]
    mean = stats.mean if stats else np.full(n_tags, USUAL_LOGIT, np.float32)
    std = stats.std if stats else np.full(n_tags, USUAL_SPREAD, np.float32)
    restored = logit_table()[quantise_scores(logits)]
    query = ((restored - mean) / std).mean(axis=0)
    choice = choice or Choice()
    store.refresh()
    entries, problems = choose_files(store, choice)
    problems += store.damaged.values()
    best: list[Match] = []
    for entry in entries:
        try:
            levels = np.concatenate([_read_rows(store, chunk) for chunk in entry.chunks])
        except ArchiveError as error:
            problems.append(str(error))
            continue
        for row, similarity in _pick_peaks(compare_rows(levels, query, mean, std), made.row_s, n_matches):
            start_s = row * made.row_s
            time = None if entry.start_time is None else entry.start_time + start_s
            if choice.hold(np.array([start_s]), entry.start_time)[0]:
                end_s = min(start_s + made.row_s, entry.duration_s)
                best.append(Match(entry.path, start_s, end_s, similarity, time))
        best = sorted(best, key=lambda each: (-each.similarity, each.path, each.start_s))[:n_matches]
    return best, list(dict.fromkeys(problems))


def compare_rows(levels: Levels, query: Logits, mean: Logits, std: Logits) -> Logits:
    """Return the cosine (N,) between a query (C,) of standardised logits and each row (N, C)."""
    query = query / max(float(np.linalg.norm(query)), 1e-12)
    found = []
    for first in range(0, len(levels), N_ROWS_AT_ONCE):
        rows = (np.take(logit_table(), levels[first : first + N_ROWS_AT_ONCE]) - mean) / std
        found.append(rows @ query / np.maximum(np.linalg.norm(rows, axis=1), 1e-12))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _read_rows(store: Store, chunk: ChunkRecord) -> Levels:
    return read_levels(store.part_path(chunk.part))[chunk.first_row : chunk.first_row + chunk.n_rows]


def _pick_peaks(similarities: Logits, row_s: float, n_most: int) -> list[tuple[int, float]]:
    """Return the best rows, no two closer than `APART_S`."""
    picked: list[tuple[int, float]] = []
    for row in np.argsort(-similarities, kind="stable"):
        if len(picked) == n_most:
            break
        if all(abs(int(row) - other) * row_s >= APART_S for other, _ in picked):
            picked.append((int(row), float(similarities[row])))
    return picked
