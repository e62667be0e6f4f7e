"""Where sound and words meet: tag scores, events, scenes, and the whole chain in `pipeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.recognition.analysis import Analysis, analyse, find_notes, name_source, read_noisy
    from earwitness.recognition.events import Event, EventFinder, find_events
    from earwitness.recognition.explain import CLASS_TOKEN, Attention, AttentionMap, explain_peaks, read_attention
    from earwitness.recognition.match import (
        USUAL_LOGIT, TagEvidence, WordScores, find_roots, match_words, score_evidence, weigh_usual,
    )  # fmt: skip
    from earwitness.recognition.pipeline import (
        ClipScore, Recognition, ask, calibrate_run, check_words, classify, recognize, understand,
    )  # fmt: skip
    from earwitness.recognition.scenes import LEAST_CLIPS, USUAL_SPREAD, SceneScore, rank_scenes
    from earwitness.recognition.tags import (
        ClipTags, Logits, TagScores, TagSummary, TokenGrid, score_tokens, score_windows, sigmoid,
        summarise_tags,
    )  # fmt: skip
    from earwitness.recognition.tmrl import WINDOW_S

_HOMES = {
    "analysis": "Analysis analyse find_notes name_source read_noisy",
    "events": "Event EventFinder find_events",
    "explain": "CLASS_TOKEN Attention AttentionMap explain_peaks read_attention",
    "match": "USUAL_LOGIT TagEvidence WordScores find_roots match_words score_evidence weigh_usual",
    "pipeline": "ClipScore Recognition ask calibrate_run check_words classify recognize understand",
    "scenes": "LEAST_CLIPS USUAL_SPREAD SceneScore rank_scenes",
    "tags": "ClipTags Logits TagScores TagSummary TokenGrid score_tokens score_windows sigmoid summarise_tags",
    "tmrl": "WINDOW_S",
}

__getattr__ = load_on_use(__name__, _HOMES)
