"""Anyone's output scored without audio: a table of events held against a table of the truth.

In: two tables, and a protocol. Out: `Results`. Nothing of it needs an encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from earwitness.datasets import as_word
from earwitness.evaluation.errors import COLLARS, ScoredEvent, list_event_errors
from earwitness.evaluation.measures import PROTOCOLS, list_classes, measure_events, note_few, score_measure
from earwitness.evaluation.results import Results
from earwitness.metrics import LabelledEvent, match_files, read_events
from earwitness.version import __version__


def score_event_tables(ref_path: str | Path, est_path: str | Path, protocol: str = "collar") -> Results:
    """Return the scores of a table of estimates against a table of references.

    Estimates may be named by word as earwitness writes them ("baby cry") or by label ("babycry"), files with folders
    or without; a file without an estimate counts as empty, and all are told in the notes.

    Raises:
        AnnotationError: a table cannot be read, the files do not fit, or for "rare" a file's class is not known.
    """
    ref, est = read_events(ref_path), read_events(est_path)
    matched = match_files(ref, est, [])
    known = sorted({event.label for events in ref.values() for event in events})
    own = {as_word(label): label for label in known} | {label: label for label in known}
    est = {file: _rename(events, own) for file, events in matched.est.items()}
    strange = sorted({event.label for events in est.values() for event in events} - set(known))
    notes = list(matched.notes)
    if strange:
        notes.append(f"estimated but never in the reference: {', '.join(strange)}; every one is a false alarm")
    notes += note_few(len(ref))
    kinds = PROTOCOLS[protocol]
    measures = [measure_events(kind, matched.ref, est, None) for kind in kinds]
    scored = {file: [ScoredEvent(event) for event in events] for file, events in est.items()}
    about = {
        "dataset": Path(ref_path).name,
        "protocol": protocol,
        "estimates": str(est_path),
        "n_files": len(ref),
        "n_failed": 0,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "version": __version__,
        "notes": notes,
    }
    return Results(
        about=about,
        metrics=tuple(value for measure in measures for value in score_measure(measure)),
        measures=tuple(measures),
        per_class=[row for measure in measures for row in list_classes(measure)],
        errors=list_event_errors(kinds[0], matched.ref, scored, {}) if kinds[0] in COLLARS else [],
    )


def _rename(events: Sequence[LabelledEvent], own: Mapping[str, str]) -> list[LabelledEvent]:
    return [replace(event, label=own.get(event.label, event.label)) for event in events]
