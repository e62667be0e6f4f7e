"""Events made here, near each other and on a coarse grid, so that collars are met exactly; sed_eval's form of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from earwitness.metrics.annotations import LabelledEvent
from earwitness.metrics.counts import DetectionScores
from earwitness.metrics.event_metrics import EVENT_COLLAR, Collar, EventLists, count_events, count_rare_events

LABELS = ("babycry", "glassbreak", "gunshot")
Lists = dict[str, list[LabelledEvent]]


@contextmanager
def reference_tools() -> Iterator[None]:
    """Hush the reference tools: they are old, import pkg_resources, and take means of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def event(label: str, onset_s: float, offset_s: float) -> LabelledEvent:
    return LabelledEvent(label, onset_s, offset_s)


def make_lists(generator: np.random.Generator, n_files: int = 2, labels: Sequence[str] = LABELS) -> tuple[Lists, Lists]:
    """Return reference and estimates of files, some of them empty; half the estimates lie near a reference."""
    ref: Lists = {}
    est: Lists = {}
    for index in range(n_files):
        file = f"{index}.wav"
        ref[file] = [_make_event(generator, labels) for _ in range(generator.integers(0, 7))]
        near = [_move(generator, each, labels) for each in ref[file] if generator.random() < 0.7]
        est[file] = near + [_make_event(generator, labels) for _ in range(generator.integers(0, 4))]
        generator.shuffle(est[file])  # type: ignore[arg-type]
    return ref, est


def as_dicts(events: Sequence[LabelledEvent]) -> list[dict[str, Any]]:
    return [
        {"event_label": e.label, "event_onset": e.onset_s, "event_offset": e.offset_s, "filename": "x"} for e in events
    ]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return nested numbers by path; sed_eval's 4.5e15 for insertions without a reference becomes infinite."""
    flat: dict[str, float] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        elif value is not None:
            flat[f"{prefix}{key}"] = float(value) if not value > 1e12 else float("inf")
    return flat


def _make_event(generator: np.random.Generator, labels: Sequence[str]) -> LabelledEvent:
    onset_s = int(generator.integers(0, 60)) / 10
    return event(labels[generator.integers(len(labels))], onset_s, (onset_s * 10 + int(generator.integers(0, 25))) / 10)


def _move(generator: np.random.Generator, near: LabelledEvent, labels: Sequence[str]) -> LabelledEvent:
    onset_s = max(0.0, near.onset_s + int(generator.integers(-7, 8)) / 10)
    offset_s = max(onset_s, near.offset_s + int(generator.integers(-7, 8)) / 10)
    label = near.label if generator.random() < 0.8 else labels[generator.integers(len(labels))]
    return event(label, onset_s, offset_s)


def as_sed_eval(scores: DetectionScores) -> dict[str, float]:
    """Return our scores under sed_eval's names."""
    sections = {"overall": scores.overall} | {f"class_wise.{label}": each for label, each in scores.by_label.items()}
    named = {
        "class_wise_average.f_measure.f_measure": scores.macro_f1,
        "class_wise_average.f_measure.precision": scores.macro_precision,
        "class_wise_average.f_measure.recall": scores.macro_recall,
        "class_wise_average.error_rate.error_rate": scores.macro_error_rate,
    }
    for name, each in sections.items():
        rates = (each.precision, each.recall, each.f1)
        rates = each.count_silence_as_zero() if scores.is_silence_zero else rates
        named |= {f"{name}.f_measure.{key}": rates[i] for i, key in enumerate(("precision", "recall", "f_measure"))}
        named[f"{name}.error_rate.error_rate"] = each.error_rate
        for key in ("deletion", "insertion", "substitution"):
            if each.n_ref and (key != "substitution" or name == "overall"):
                named[f"{name}.error_rate.{key}_rate"] = getattr(each, f"n_{key}s") / each.n_ref
        if name != "overall":
            named |= {f"{name}.count.Nref": each.n_ref, f"{name}.count.Nsys": each.n_est}
    return named


def assert_same(scores: DetectionScores, expected: dict[str, float]) -> None:
    named = as_sed_eval(scores)
    assert len(named) > 20
    for name, value in named.items():
        assert value == pytest.approx(expected[name], abs=1e-9, nan_ok=True), name


def score_events(
    ref: EventLists,
    est: EventLists,
    labels: Sequence[str] | None = None,
    collar: Collar = EVENT_COLLAR,
    is_silence_zero: bool = False,
) -> DetectionScores:
    return count_events(ref, est, labels, collar).score(is_silence_zero)


def score_rare_events(ref: EventLists, est: EventLists, classes: Mapping[str, str] | None = None) -> DetectionScores:
    return count_rare_events(ref, est, classes).score()
