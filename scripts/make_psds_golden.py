"""Make tests/golden/psds.json: what sed_scores_eval says of made scores and events.

In: a seed. Out: PSDS 1 and 2, two harsher scenarios, intersection and collar F1 of made files. sed_scores_eval is built
from source, which takes a compiler, so it is not among the development dependencies; the tests compare with it where it
is installed, and always with this file:

    pip install -c constraints.txt -e '.[dev,conformance]'
    python scripts/make_psds_golden.py            # some seconds
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np

from earwitness.metrics.annotations import LabelledEvent
from earwitness.metrics.intersection_metrics import Criteria
from earwitness.metrics.psds import PSDS_1, PSDS_2, PsdsSettings
from earwitness.metrics.score_curves import ScoreCurves

GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "psds.json"
N_CASES = 25
LABELS = ("Dog", "Cat", "Speech")
THRESHOLD = 0.55
SETTINGS = {
    "psds1": PSDS_1,
    "psds2": PSDS_2,
    "all errors": PsdsSettings(Criteria(dtc=0.3, gtc=0.3, cttc=0.3), alpha_ct=1.0, alpha_st=0.3, max_efpr=200.0),
    "few false alarms": PsdsSettings(Criteria(dtc=0.5, gtc=0.5), max_efpr=50.0),
}
Events = dict[str, list[LabelledEvent]]
Curves = dict[str, ScoreCurves]


def make_case(seed: int, n_files: int = 6) -> tuple[Events, Curves]:
    """Return events and scores that lean towards them, with ties, on grids that meet limits exactly."""
    generator = np.random.default_rng(seed)
    ref: Events = {}
    est: Curves = {}
    for index in range(n_files):
        events = [_make_event(generator) for _ in range(generator.integers(0, 6))]
        if index == 0:
            events = [LabelledEvent(label, 1.0, 2.0) for label in LABELS]  # every label needs one
        ref[f"{index}"] = _drop_touching(events)
        n_segments = int(generator.integers(1, 40))
        edges_s = np.round(np.arange(n_segments + 1) * 0.2, 3)
        scores = generator.random((n_segments, len(LABELS)))
        for event in ref[f"{index}"]:
            is_inside = (edges_s[:-1] >= event.onset_s - 0.1) & (edges_s[1:] <= event.offset_s + 0.1)
            scores[is_inside, LABELS.index(event.label)] += 0.5
        est[f"{index}"] = ScoreCurves(LABELS, edges_s, np.round(scores, int(generator.integers(1, 4))))
    return ref, est


def find_durations(est: Curves) -> dict[str, float]:
    """Return durations far beyond the curves, so that a false alarm is not yet a hundred an hour."""
    return {file: 30 * each.duration_s for file, each in est.items()}


def score_with_sed_scores_eval(ref: Events, est: Curves) -> dict[str, dict[str, float]]:
    """Return the reference tool's numbers by scenario and label; "all" is the score itself, or the macro average."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sed_scores_eval as tool
        from sed_scores_eval.base_modules.scores import create_score_dataframe

        scores = {file: create_score_dataframe(each.scores, each.edges_s, list(LABELS)) for file, each in est.items()}
        truth = {file: [(e.onset_s, e.offset_s, e.label) for e in events] for file, events in ref.items()}
        durations_s = find_durations(est)
        found = {}
        for name, each in SETTINGS.items():
            criteria = {f"{key}_threshold": value for key, value in vars(each.criteria).items()}
            weights = {"alpha_ct": each.alpha_ct, "alpha_st": each.alpha_st, "max_efpr": each.max_efpr}
            psds, by_label, *_ = tool.intersection_based.psds(scores, truth, durations_s, **criteria, **weights)
            found[name] = {"all": psds, **by_label}
        tolerances = {"dtc_threshold": 0.5, "gtc_threshold": 0.5}
        collars = {"onset_collar": 0.2, "offset_collar": 0.2, "offset_collar_rate": 0.2}
        for name, (f1, *_) in (
            ("intersection", tool.intersection_based.fscore(scores, truth, threshold=THRESHOLD, **tolerances)),
            ("collar", tool.collar_based.fscore(scores, truth, threshold=THRESHOLD, **collars)),
        ):
            found[name] = {"all": f1["macro_average"], "micro": f1["micro_average"]} | {
                each: f1[each] for each in LABELS
            }
    return {name: {key: float(value) for key, value in values.items()} for name, values in found.items()}


def _make_event(generator: np.random.Generator) -> LabelledEvent:
    onset_s = int(generator.integers(0, 60)) / 10
    return LabelledEvent(LABELS[generator.integers(3)], onset_s, (onset_s * 10 + int(generator.integers(1, 30))) / 10)


def _drop_touching(events: list[LabelledEvent]) -> list[LabelledEvent]:
    """Return events without those that touch an earlier one of their label, which sed_scores_eval refuses."""
    stored: list[LabelledEvent] = []
    for event in sorted(events, key=lambda each: each.onset_s):
        if all(other.label != event.label or other.offset_s < event.onset_s for other in stored):
            stored.append(event)
    return stored


if __name__ == "__main__":
    golden = [score_with_sed_scores_eval(*make_case(seed)) for seed in range(N_CASES)]
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
