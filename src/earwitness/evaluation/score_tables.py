"""Anyone's output scored without audio: a table, or a folder of tables, held against a table of the truth.

In: two tables of events, of scenes or of labels, or events and a folder of scores over time; for events a protocol.
Out: `Results`. Nothing of it needs an encoder. What the truth is made of decides how it is scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from earwitness.datasets import as_word
from earwitness.errors import AnnotationError
from earwitness.evaluation.errors import COLLARS, Row, ScoredEvent, list_event_errors
from earwitness.evaluation.measures import (
    PROTOCOLS,
    Measure,
    list_classes,
    measure_answers,
    measure_clips,
    measure_events,
    note_few,
    score_measure,
)
from earwitness.evaluation.results import Results
from earwitness.metrics import (
    LabelledEvent,
    ScoreCurves,
    find_kind,
    holds_curves,
    is_blank,
    match_files,
    read_events,
    read_labels,
    read_rankings,
    read_score_curves,
)
from earwitness.version import __version__

Events = dict[str, list[LabelledEvent]]


def score_event_tables(ref_path: str | Path, est_path: str | Path, protocol: str = "collar") -> Results:
    """Return the scores of a table of estimates against a table of references, or of folders of such tables.

    Events are scored by a protocol, or by PSDS where the estimates are a folder of scores over time; scenes by
    accuracy, labels of clips by precision and recall, and by mAP where they come with scores. Estimates may be named by
    word as earwitness writes them ("baby cry") or by label ("babycry"), files with folders or suffix or without; a file
    without an estimate counts as empty, which the notes say. An empty table of estimates holds none.

    Raises:
        AnnotationError: a table cannot be read, the files do not fit, or for "rare" a file's class is not known.
    """
    ref_path, est_path = Path(ref_path), Path(est_path)
    kind = find_kind(ref_path)
    about = {"dataset": ref_path.name, "protocol": protocol if kind == "events" else kind, "estimates": str(est_path)}
    if kind == "labels":
        return _score_labels(ref_path, est_path, about)
    if kind == "scenes":
        return _score_scenes(ref_path, est_path, about)
    ref = read_events(ref_path)
    if holds_curves(est_path):
        return _score_curves(ref, read_score_curves(est_path), about)
    return _score_events(ref, {} if _is_empty(est_path) else read_events(est_path), protocol, about)


def _score_events(ref: Events, est: Events, protocol: str, about: dict[str, Any]) -> Results:
    matched = match_files(ref, est, [])
    known = sorted({event.label for events in ref.values() for event in events})
    own = _find_own(known)
    est = {
        file: [replace(each, label=own.get(each.label, each.label)) for each in events]
        for file, events in matched.est.items()
    }
    strange = sorted({event.label for events in est.values() for event in events} - set(known))
    kinds = PROTOCOLS[protocol]
    measures = [measure_events(kind, matched.ref, est, None) for kind in kinds]
    scored = {file: [ScoredEvent(event) for event in events] for file, events in est.items()}
    errors = list_event_errors(kinds[0], matched.ref, scored, {}) if kinds[0] in COLLARS else []
    return _sum_up(about, len(ref), [*matched.notes, *_note_strange(strange)], measures, errors)


def _score_curves(ref: Events, est: Mapping[str, ScoreCurves], about: dict[str, Any]) -> Results:
    from earwitness.evaluation.score_traces import score_traces  # brings encoders along, which tables do without

    names = match_files(dict.fromkeys(ref, ""), {name: name for name in est}, "").est
    missing = next((file for file, name in names.items() if not name), None)
    if missing is not None:
        raise AnnotationError(f"{missing}: no scores over time; PSDS needs them of every file of the reference")
    own = _find_own(sorted({event.label for events in ref.values() for event in events}))
    curves = {
        file: replace(est[name], labels=tuple(own.get(label, label) for label in est[name].labels))
        for file, name in names.items()
    }
    values, notes = score_traces(ref, curves, {file: each.duration_s for file, each in curves.items()})
    results = _sum_up({**about, "protocol": "psds"}, len(ref), notes, [])
    return replace(results, metrics=tuple(values))


def _score_scenes(ref_path: Path, est_path: Path, about: dict[str, Any]) -> Results:
    ref = {file: ranked[0] for file, ranked in read_rankings(ref_path).items()}
    answers: dict[str, list[str]] = {} if _is_empty(est_path) else read_rankings(est_path)
    matched = match_files({file: [scene] for file, scene in ref.items()}, answers, [])
    labels = sorted(set(ref.values()))
    own = _find_own(labels)
    ranked = {file: [own.get(scene, scene) for scene in scenes] for file, scenes in matched.est.items()}
    strange = sorted({scenes[0] for scenes in ranked.values() if scenes} - set(labels))
    notes = [f"answered but never in the reference, and so wrong: {', '.join(strange)}"] if strange else []
    return _sum_up(about, len(ref), [*matched.notes, *notes], [measure_answers("scenes", ref, ranked, labels)])


def _score_labels(ref_path: Path, est_path: Path, about: dict[str, Any]) -> Results:
    ref = read_labels(ref_path)
    matched = match_files(ref, {} if _is_empty(est_path) else read_labels(est_path), {})
    own = _find_own(sorted({label for labels in ref.values() for label in labels}))
    scores = {
        file: {own.get(label, label): 1.0 if score is None else score for label, score in labels.items()}
        for file, labels in matched.est.items()
    }
    strange = sorted({label for labels in scores.values() for label in labels} - set(own.values()))
    measure = measure_clips(matched.ref, scores, [*dict.fromkeys(own.values()), *strange])
    return _sum_up(about, len(ref), [*matched.notes, *_note_strange(strange)], [measure])


def _sum_up(
    about: dict[str, Any], n_files: int, notes: Sequence[str], measures: Sequence[Measure], errors: Sequence[Row] = ()
) -> Results:
    about |= {
        **{"n_files": n_files, "n_failed": 0, "version": __version__},
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "notes": [*notes, *note_few(n_files)],
    }
    return Results(
        about=about,
        metrics=tuple(value for measure in measures for value in score_measure(measure)),
        measures=tuple(measures),
        per_class=[row for measure in measures for row in list_classes(measure)],
        errors=list(errors),
    )


def _is_empty(path: Path) -> bool:
    return not path.is_dir() and is_blank(path)


def _find_own(labels: Sequence[str]) -> dict[str, str]:
    """Return the label of each label and of the word that stands for it."""
    return {as_word(label): label for label in labels} | {label: label for label in labels}


def _note_strange(labels: Sequence[str]) -> list[str]:
    if not labels:
        return []
    return [f"estimated but never in the reference: {', '.join(labels)}; every one is a false alarm"]
