"""Comma-separated tables with a header: events, scenes and tags of a run, beside its clips and errors."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from earwitness.recognition import TagEvidence
from earwitness.results.formats.base import Format, RecordingResult, show_score, show_time

COLUMNS = {
    "events.csv": ("file", "onset_s", "offset_s", "word", "score", "tags", "tier"),
    "scenes.csv": ("file", "rank", "scene", "score", "tags", "run_score"),
    "clips.csv": ("file", "word", "score"),
    "tags.csv": ("file", "rank", "tag", "mean_score", "peak_score", "peak_s"),
    "errors.csv": ("file", "reason"),
}


def format_rows(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def format_evidence(tags: Sequence[TagEvidence]) -> str:
    """Return `tag|similarity|score` for each tag, with `; ` between them."""
    return "; ".join(f"{each.tag}|{each.similarity:.3f}|{each.score:.3f}" for each in tags)


def _list_events(result: RecordingResult) -> str:
    source = result.recognition.source
    return format_rows(
        (
            *(source, show_time(e.onset_s), show_time(e.offset_s), e.word, show_score(e.score)),
            *(format_evidence(e.tags), e.tier),
        )
        for e in result.events
    )


def _list_scenes(result: RecordingResult) -> str:
    rows = []
    for rank, each in enumerate(result.recognition.scenes, start=1):
        tags = "; ".join([*each.tags, *(f"not {tag}" for tag in each.tags_against)])
        run_score = "" if each.run_score is None else show_score(each.run_score)
        rows.append((result.recognition.source, rank, each.scene, show_score(each.score), tags, run_score))
    return format_rows(rows)


def _list_tags(result: RecordingResult) -> str:
    rows = []
    for rank, each in enumerate(result.recognition.tags, start=1):
        numbers = show_score(each.mean_score), show_score(each.peak_score), show_time(each.peak_s)
        rows.append((result.recognition.source, rank, each.tag, *numbers))
    return format_rows(rows)


EVENTS, SCENES, TAGS = (
    Format(
        name=name,
        title=title,
        suffix=f".{file}",
        media_type="text/csv; charset=utf-8",
        rows=rows,
        head=format_rows([COLUMNS[file]]),
        run_file=file,
    )
    for name, title, file, rows in (
        ("csv", "tables of events, scenes or tags", "events.csv", _list_events),
        ("scenes_csv", "table of scenes", "scenes.csv", _list_scenes),
        ("tags_csv", "table of tags", "tags.csv", _list_tags),
    )
)
