"""The field's metrics in numpy: events, segments, intersections, PSDS, scenes, clips, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.metrics.annotations import (
        LabelledEvent, find_kind, match_files, read_events, read_labels, read_rankings, read_scenes,
    )  # fmt: skip
    from earwitness.metrics.clip_metrics import score_tags
    from earwitness.metrics.counts import N_KINDS, DetectionScores, FileCounts, plain, score_counts
    from earwitness.metrics.event_metrics import (
        DESED_COLLAR, EVENT_COLLAR, RARE_EVENT_COLLAR, EventLists, as_times, count_events, count_rare_events,
        find_rare_class,
    )  # fmt: skip
    from earwitness.metrics.intersection_metrics import count_intersections
    from earwitness.metrics.intervals import (
        Difference, Interval, Metric, bootstrap, bootstrap_difference, jackknife, jackknife_difference, of_sums,
    )  # fmt: skip
    from earwitness.metrics.matching import match_pairs
    from earwitness.metrics.psds import PSDS_1, PSDS_2, CurveCounts, count_curves
    from earwitness.metrics.score_curves import ScoreCurves, holds_curves, read_score_curves
    from earwitness.metrics.segment_metrics import count_segments
    from earwitness.metrics.tables import is_blank

__getattr__ = load_on_use(__name__)
