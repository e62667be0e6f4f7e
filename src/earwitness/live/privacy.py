"""Windows with speech are dropped: no word is matched with them, and nothing of them is stored.

In: the tag logits of windows, then token rows. Out: which windows hold speech, their spans, and rows outside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.recognition import Logits, TagScores, sigmoid
from earwitness.words import tag_names

# "Speech" and its children in AudioSet's ontology, and whispering, which is speech too.
SPEECH_TAGS = (
    *("Speech", "Male speech, man speaking", "Female speech, woman speaking", "Child speech, kid speaking"),
    *("Conversation", "Narration, monologue", "Babbling", "Speech synthesizer", "Whispering"),
)
SPEECH_THRESHOLD = 0.2


@dataclass(frozen=True)
class Span:
    """A span of a stream in seconds."""

    start_s: float
    end_s: float


def find_speech(logits: Logits, threshold: float = SPEECH_THRESHOLD) -> np.ndarray:
    """Return which windows (W,) of logits (W, T, C) hold a token in which a tag of speech reaches the threshold."""
    names = tag_names()
    columns = [names.index(tag) for tag in SPEECH_TAGS]
    return np.asarray((sigmoid(logits[..., columns]) >= threshold).any(axis=(1, 2)))


def leave_out(rows: TagScores, spans: Sequence[Span]) -> list[TagScores]:
    """Return the rows that touch none of the spans, those that follow each other together."""
    ends_s = rows.start_s + rows.span_s
    is_clear = np.ones(len(rows.start_s), bool)
    for span in spans:
        is_clear &= (ends_s <= span.start_s) | (rows.start_s >= span.end_s)
    limits = np.flatnonzero(np.diff(np.pad(is_clear.astype(np.int8), 1)))
    return [
        TagScores(rows.logits[first:end], rows.start_s[first:end], rows.span_s)
        for first, end in zip(limits[::2], limits[1::2], strict=True)
    ]


def join_span(spans: list[Span], span: Span) -> list[Span]:
    """Return spans in order with one more, which is joined to the last one where they meet."""
    if spans and span.start_s <= spans[-1].end_s:
        return [*spans[:-1], Span(spans[-1].start_s, max(spans[-1].end_s, span.end_s))]
    return [*spans, span]
