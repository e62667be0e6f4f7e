"""How good recognition is on a data set: plan, run, measure, write, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.evaluation.benchmark.run import Version, run_benchmark
    from earwitness.evaluation.benchmark.tables import BenchmarkRow, print_table
    from earwitness.evaluation.compare import compare_results, find_differences
    from earwitness.evaluation.measures import MEANINGS, RANKED, Measure
    from earwitness.evaluation.plan import Plan, plan_words
    from earwitness.evaluation.results import (
        COLUMNS, Results, Rows, SavedResults, read_results, read_table, write_results,
    )  # fmt: skip
    from earwitness.evaluation.run import AnalysedClip, format_submission, recognize_clips, score_dataset
    from earwitness.evaluation.score_tables import score_event_tables

__getattr__ = load_on_use(__name__)
