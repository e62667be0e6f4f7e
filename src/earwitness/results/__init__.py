"""Answers to files and to the terminal: the loop over recordings, the folder of results, the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.results.features import FeatureFile
    from earwitness.results.folder import FORMATS, SCHEMA, ResultFolder, format_evidence, to_dict
    from earwitness.results.run import (
        ErrorFile,
        Failures,
        Progress,
        RunRecord,
        Show,
        Tally,
        name_tables,
        open_results,
        process_each,
        show_progress,
    )
    from earwitness.results.terminal import Printer, print_recognition

_HOMES = {
    "features": "FeatureFile",
    "folder": "FORMATS SCHEMA ResultFolder format_evidence to_dict",
    "run": "ErrorFile Failures Progress RunRecord Show Tally name_tables open_results process_each show_progress",
    "terminal": "Printer print_recognition",
}

__getattr__ = load_on_use(__name__, _HOMES)
