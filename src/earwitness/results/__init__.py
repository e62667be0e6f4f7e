"""Answers to files and to the terminal: the loop over recordings, the folder of results, the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.results.features import FeatureFile
    from earwitness.results.folder import ResultFolder
    from earwitness.results.formats.base import SCHEMA, RecordingResult, TokenScores
    from earwitness.results.formats.csv_tables import format_evidence
    from earwitness.results.formats.json_lines import to_dict
    from earwitness.results.formats.registry import DOWNLOADS, FORMATS, needs_scores
    from earwitness.results.formats.token_scores import check_scores, score_words
    from earwitness.results.run import (
        Destination, ErrorFile, Failures, Progress, RunRecord, Show, Tally, name_tables, open_results, process_each,
        show_progress,
    )  # fmt: skip
    from earwitness.results.terminal import Printer, print_recognition

__getattr__ = load_on_use(__name__)
