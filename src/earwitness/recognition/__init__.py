"""Where sound and words meet: tag scores, events, scenes, and the whole chain in `pipeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.recognition.analysis import (
        ROWS, WINDOWS, Analysis, Kind, analyse, analyse_rows, find_notes, name_source, scan,
    )  # fmt: skip
    from earwitness.recognition.events import Event, TrackEventFinder, find_events
    from earwitness.recognition.evidence import (
        BACKGROUND_QUANTILE, LASTING_S, LASTING_SLOPE, SMOOTH_S, TOKEN_RULE, USUAL_LOGIT, USUAL_SPREAD, ScoreRule,
        ScoreTrack, Scorer, background_steps, count_rows, evidence_logits, find_background, find_roots,
        interpolate_steps, smooth, temper_lasting, track_words,
    )  # fmt: skip
    from earwitness.recognition.explain import (
        CLASS_TOKEN, Attention, AttentionMap, attend, explain_peaks, read_attention, read_surroundings,
    )  # fmt: skip
    from earwitness.recognition.match import TagEvidence, WordScores, add_reasons, find_reasons, match_words
    from earwitness.recognition.methods import METHODS, Method, choose_method, understand
    from earwitness.recognition.pipeline import (
        ClipScore, Recognition, ask, calibrate_run, check_words, classify, classify_windows, recognize,
    )  # fmt: skip
    from earwitness.recognition.rows import StoredRows
    from earwitness.recognition.scenes import LEAST_CLIPS, SceneScore, mark_winner, name_winner, rank_scenes
    from earwitness.recognition.stream import StreamEventFinder
    from earwitness.recognition.tags import (
        ClipTags, Logits, TagScores, TagSums, TagSummary, TokenGrid, WindowCut, score_tokens, score_windows,
        sigmoid, summarise_tags,
    )  # fmt: skip

__getattr__ = load_on_use(__name__)
