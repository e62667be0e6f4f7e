"""Answers to queries of a stored recording: plain functions that run in threads.

In: a recording's folder, words, settings. Out: JSON for the page, or a file in one of the formats.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from earwitness.encoders import WEIGHTS
from earwitness.errors import WordError
from earwitness.files import written_whole
from earwitness.recognition import Analysis, Recognition, ask, understand
from earwitness.reports import MAX_FLAC_BYTES, Sound, make_answer, make_report, make_view
from earwitness.results import DOWNLOADS, RecordingResult, score_words
from earwitness.server.attention import Attender
from earwitness.server.problems import NOT_READY, Refused
from earwitness.server.recording_files import AUDIO, VIEW, read_analysis, read_spectrogram
from earwitness.settings import Settings
from earwitness.words import known_words, tag_names

N_TAGS_SHOWN = 5
N_SUGGESTIONS = 20


@dataclass(frozen=True)
class FileQuery:
    """A query of a recording; `settings` holds the changed ones of `analysis.ASKED_WITH`."""

    events: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Download:
    """A file in one of the formats: its content, media type, and the suffix of its name."""

    content: bytes
    media_type: str
    suffix: str


# what can be downloaded of an answer: every format of results, and the report
FILES = {form.name: (form.media_type, form.suffix) for form in DOWNLOADS.values()}
FILES["report"] = ("text/html; charset=utf-8", ".html")


def answer_query(folder: Path, query: FileQuery) -> dict[str, Any]:
    """Return the answer of `reports.view.make_answer`, for the part that has been analysed so far.

    Raises:
        Refused: nothing has been analysed yet.
        WordError, SettingsError: the query cannot be answered.
    """
    begun = time.perf_counter()
    analysis = load_analysis(folder)
    answer = make_answer(analysis, _ask(analysis, query))
    return {**answer, "elapsed_ms": round(1000 * (time.perf_counter() - begun), 2)}


def write_download(folder: Path, query: FileQuery, form: str, attender: Attender) -> Download:
    """Return an answer as a file of the format `form`; `attender` makes the attention maps of a report.

    Raises:
        Refused: nothing has been analysed yet, or the format is not offered.
        WordError, SettingsError: the query cannot be answered.
        MissingExtraError: the format needs an extra.
    """
    analysis = load_analysis(folder)
    recognition = _ask(analysis, query)
    if form == "report":
        content = _write_report(folder, analysis, recognition, attender)
    else:
        file = DOWNLOADS[form]
        scores = score_words(analysis, query.events) if file.needs_scores else None
        content = file.encode([RecordingResult(recognition, _find_rate(analysis.encoder), scores)])
    return Download(content, *FILES[form])


def _find_rate(encoder: str) -> int:
    """Return the sample rate of a known encoder; of one's own, the rate of nearly all."""
    known = WEIGHTS.get(encoder)
    return known.sample_rate_hz if known else 16000


def draw_view(folder: Path, *, is_done: bool) -> bytes:
    """Return the view of `reports.view.make_view` as JSON; that of a finished recording is drawn once.

    Raises:
        Refused: nothing has been analysed yet.
    """
    drawn = folder / VIEW
    if is_done and drawn.exists():
        return drawn.read_bytes()
    content = json.dumps(_view(folder, load_analysis(folder))).encode()
    if is_done:
        with written_whole(drawn) as scratch:
            scratch.write_bytes(content)
    return content


def load_analysis(folder: Path) -> Analysis:
    """Return the part of a recording that has been analysed so far.

    Raises:
        Refused: there is none yet, or the recording has been deleted.
    """
    try:
        analysis = read_analysis(folder)
    except FileNotFoundError as error:
        raise Refused("not-found", "the recording has been deleted") from error
    if analysis is None and not folder.is_dir():
        raise Refused("not-found", "the recording has been deleted")
    if analysis is None:
        raise Refused("not-ready", NOT_READY, retry_after="1")
    return analysis


def suggest_words(start: str) -> list[str]:
    """Return phrases of the shipped table that begin with `start`, then those with a later word that does, in order."""
    key = " ".join(start.lower().split())
    known = _sorted_words()
    if not key:
        return []
    first = bisect_left(known, key)
    found = [word for word in known[first : first + N_SUGGESTIONS] if word.startswith(key)]
    if len(found) < N_SUGGESTIONS:
        inside = (word for word in known if f" {key}" in word and not word.startswith(key))
        found += [word for word, _ in zip(inside, range(N_SUGGESTIONS - len(found)), strict=False)]
    return found


def _ask(analysis: Analysis, query: FileQuery) -> Recognition:
    given = dict(query.settings)
    if "event_threshold" in given and "event_hold" not in given:  # a lower threshold lowers the hold
        given["event_hold"] = min(analysis.settings.event_hold, given["event_threshold"])
    recognition = ask(analysis, query.events, query.scenes, replace(analysis.settings, **given))
    return replace(recognition, settings=_strip_paths(recognition.settings))


def _view(folder: Path, analysis: Analysis) -> dict[str, Any]:
    if not len(analysis.rows.start_s):
        raise Refused("not-ready", "no results yet; try again in a moment", retry_after="1")
    return make_view(replace(analysis, settings=_strip_paths(analysis.settings)), read_spectrogram(folder))


def _strip_paths(settings: Settings) -> Settings:
    """Return settings that name the server's files without their folders."""
    return replace(settings, places=Path(settings.places).name, encoder=Path(settings.encoder).name)


def explain_word(word: str) -> dict[str, Any]:
    """Return the meaning of a word: its tags and grade, or why it is refused."""
    try:
        meanings = understand((word,))
    except WordError as error:
        unknown = {"is_understood": False, "is_far": False, "grade": "cannot be heard", "understood_as": [], "tags": []}
        return {"word": word, **unknown, "error": str(error)}
    similarities, weights = meanings.similarities[0], meanings.weights[0]
    tags = [
        {"tag": tag_names()[tag], "similarity": float(similarities[tag]), "weight": float(weights[tag])}
        for tag in (-weights).argsort(kind="stable")[:N_TAGS_SHOWN]
        if weights[tag] > 0
    ]
    grade = meanings.grades[0]
    return {
        "word": word,
        "is_understood": True,
        "is_far": grade in ("guess", "cannot be heard"),
        "grade": grade,
        "understood_as": list(meanings.understood_as[0]),
        "tags": tags,
        "error": None,
    }


@lru_cache(maxsize=1)
def _sorted_words() -> list[str]:
    return sorted(known_words())


def _write_report(folder: Path, analysis: Analysis, recognition: Recognition, attender: Attender) -> bytes:
    view = _view(folder, analysis)
    is_small = (folder / AUDIO).stat().st_size <= MAX_FLAC_BYTES
    note = "" if is_small else "The audio is too long to embed in this page."
    sound = Sound((folder / AUDIO).read_bytes() if is_small else b"", note=note)
    page = make_report(view, make_answer(analysis, recognition), sound, attender.explain(folder, recognition.events))
    return page.encode("utf-8")
