"""Thresholds that keep a promised rate of false alarms, from background without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.calibration.recall import measure_recall
    from earwitness.calibration.thresholds import (
        CalibratedWord, Calibration, WordTraces, check_promise, choose_thresholds, trace_words,
    )  # fmt: skip

__getattr__ = load_on_use(__name__)
