"""Runs a data set and scores it: each clip is analysed for the words of the labels, then compared with its truth.

In: a `Dataset`, a `Plan` of words, `Settings`, a loaded encoder. Out: `AnalysedClip`s, and `Results`. The annotations
decide what is measured: events, scenes, labels of whole clips, or several of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from earwitness.audio import find_truncation
from earwitness.datasets import Clip, Dataset
from earwitness.encoders import LoadedEncoder
from earwitness.errors import DatasetError, SettingsError
from earwitness.evaluation.errors import COLLARS, ScoredEvent, draw_curve, list_event_errors, list_wrong_answers
from earwitness.evaluation.measures import (
    Measure,
    MetricValue,
    list_classes,
    list_conditions,
    measure_answers,
    measure_clips,
    measure_events,
    note_few,
    score_measure,
)
from earwitness.evaluation.plan import Plan, find_labels
from earwitness.evaluation.results import Results, Rows
from earwitness.evaluation.score_traces import score_traces, trace_scores
from earwitness.metrics import LabelledEvent, ScoreCurves
from earwitness.recognition import (
    ROWS,
    WINDOWS,
    ClipScore,
    Kind,
    Recognition,
    analyse,
    ask,
    calibrate_run,
    check_words,
    choose_method,
    classify,
    classify_windows,
    mark_winner,
)
from earwitness.results import Progress, format_evidence, process_each
from earwitness.settings import Settings
from earwitness.version import __version__
from earwitness.words import understand_words

N_TAGS_LISTED = 3  # strongest tags, for tables of errors
MAX_GROUPS = 30  # conditions with more groups, such as the background of each mixture, are not broken down


@dataclass(frozen=True)
class AnalysedClip:
    """A clip with its name in tables, its truth and its answers; or the `reason` why it could not be used.

    `note` says what is wrong with a recording that could be used all the same, such as that it is truncated.
    """

    file: str
    clip: Clip
    recognition: Recognition | None = None
    scores: tuple[ClipScore, ...] = ()
    reason: str = ""
    note: str = ""
    curves: ScoreCurves | None = None

    @property
    def tags(self) -> str:
        """The strongest tags."""
        if self.recognition:
            return "; ".join(f"{each.tag}|{each.mean_score:.3f}" for each in self.recognition.tags[:N_TAGS_LISTED])
        return format_evidence(self.scores[0].tags[:N_TAGS_LISTED]) if self.scores else ""


def name_clips(dataset: Dataset) -> dict[Path, str]:
    """Return the name of each clip in all tables: the file's, or where two share one, with the folders that differ."""
    paths = [clip.path for clip in dataset.clips]
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        split = [path.parts for path in paths]
        n_shared = next(
            (n for n, parts in enumerate(zip(*split, strict=False)) if len(set(parts)) > 1), min(map(len, split)) - 1
        )
        names = ["/".join(parts[n_shared:]) for parts in split]
    return dict(zip(paths, names, strict=True))


def recognize_clips(
    dataset: Dataset,
    plan: Plan,
    settings: Settings,
    encoder: LoadedEncoder,
    progress: Progress = "none",
    n_at_once: int = 1,
) -> Iterator[AnalysedClip]:
    """Yield the answers to each clip, in order; a clip that cannot be used comes with the reason.

    Raises:
        WordError: a word cannot be understood.
        SettingsError: blind calibration with too few clips, or PSDS of what has no scores over time.
    """
    events, scenes, words = (list(each.values()) for each in (plan.events, plan.scenes, plan.clips))
    if events or scenes:
        check_words(events, scenes, settings)
    if words:
        check_words(words, [], replace(settings, method="earwitness"))  # as `classify` understands them
    if plan.is_traced and not (choose_method(settings).has_word_scores and events):
        raise SettingsError(
            f"{dataset.name}, method {settings.method}: PSDS needs events in time and method earwitness"
        )
    meanings = understand_words(events) if plan.is_traced else None
    clips = {clip.path: clip for clip in dataset.clips}
    names = name_clips(dataset)

    def process(path: Path, report: Callable[[float], None]) -> AnalysedClip:
        clip, note = clips[path], find_truncation(path) or ""
        is_classified = words and clip.labels is not None
        if not (events or scenes):
            scores = classify(path, words, settings, encoder) if is_classified else []
            return AnalysedClip(names[path], clip, None, tuple(scores), note=note)
        kinds: set[Kind] = {*(ROWS if events else ()), *(WINDOWS if is_classified else ())}
        analysis = analyse(path, settings, encoder, report, kinds=kinds)
        scores = classify_windows(analysis.windows, words, encoder.tag_stats) if is_classified else []
        curves = trace_scores(analysis, tuple(plan.events), meanings) if meanings else None
        recognition = ask(analysis, events, scenes)
        return AnalysedClip(names[path], clip, recognition, tuple(scores), note=note, curves=curves)

    outcomes = process_each(list(clips), process, progress, n_at_once)
    analysed = (
        each.result or AnalysedClip(names[each.source], clips[each.source], reason=each.reason) for each in outcomes
    )
    yield from _calibrate(list(analysed)) if settings.blind_calibration and scenes else analysed


def score_dataset(
    dataset: Dataset, plan: Plan, analysed: Sequence[AnalysedClip], settings: Settings, about: Mapping[str, Any]
) -> Results:
    """Compare the answers with the truth.

    Args:
        dataset, plan, settings: of the run.
        analysed: all clips; those that could not be used are left out of all numbers, and counted.
        about: further columns of the row of results, such as the encoder.

    Raises:
        DatasetError: no clip could be used.
    """
    usable = [each for each in analysed if not each.reason]
    if not usable:
        raise DatasetError(
            f"{dataset.name}: none of {len(analysed)} recordings could be used; the first: {analysed[0].reason}"
        )
    measures, curves, errors = _score_events(plan, usable, settings)
    for kind, wrong, answers in (
        ("scenes", "wrong scene", _scenes(plan, usable)),
        ("top1", "wrong label", _top1(plan, usable)),
    ):
        if answers.ref:
            measures.append(measure_answers(kind, answers.ref, answers.ranked, list(answers.words)))
            errors += list_wrong_answers(wrong, answers.ref, answers.best, {each.file: each.tags for each in usable})
    labels = find_labels(plan.clips)
    tagged = {each.file: {labels[score.word]: score.score for score in each.scores} for each in usable if each.scores}
    if tagged:
        true = {each.file: each.clip.labels or frozenset() for each in usable if each.scores}
        measures.append(measure_clips(true, tagged, list(plan.clips)))
    groups = _group(usable)
    traced, notes = _score_traces(usable)
    row = {
        "dataset": dataset.name,
        **about,
        "n_files": len(usable),
        "n_failed": len(analysed) - len(usable),
        "duration_s": sum(each.recognition.duration_s for each in usable if each.recognition) or None,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "version": __version__,
        "method": settings.method,
        "settings": settings.to_dict(),
        "words": {"events": plan.events, "scenes": plan.scenes, "labels": plan.clips},
        "notes": _note(dataset, analysed, measures, settings) + notes,
    }
    return Results(
        about=row,
        metrics=(*(value for measure in measures for value in score_measure(measure)), *traced),
        measures=tuple(measures),
        per_class=[each for measure in measures for each in list_classes(measure)],
        per_condition=[each for measure in measures for each in list_conditions(measure, groups)],
        curves=curves,
        errors=errors,
        scores=_list_scores(plan, usable),
    )


def format_submission(plan: Plan, analysed: Sequence[AnalysedClip]) -> str:
    """Return DCASE's submission file: events with their labels, else the best scene or label of each file."""
    lines = []
    for each in (each for each in analysed if not each.reason):
        if plan.events:
            events = [scored.event for scored in _label_events(plan, each)]
            rows = [f"{each.file}\t{e.onset_s:.3f}\t{e.offset_s:.3f}\t{e.label}" for e in events]
            lines += rows or [each.file]
        elif each.recognition and each.recognition.scenes:
            lines.append(f"{each.file}\t{find_labels(plan.scenes)[each.recognition.scenes[0].scene]}")
        elif each.scores:
            lines.append(f"{each.file}\t{find_labels(plan.clips)[each.scores[0].word]}")
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class _Answers:
    """One right answer a file: the truth, all labels ranked, the best with its score; label -> word."""

    words: dict[str, str]
    ref: dict[str, str]
    ranked: dict[str, list[str]]
    best: dict[str, tuple[str, float]]


def _scenes(plan: Plan, analysed: Sequence[AnalysedClip]) -> _Answers:
    found = _Answers(plan.scenes, {}, {}, {})
    labels = find_labels(plan.scenes)
    for each in analysed:
        if each.clip.scene and each.recognition and each.recognition.scenes:
            ranked = each.recognition.scenes
            found.ref[each.file] = each.clip.scene
            found.ranked[each.file] = [labels[scene.scene] for scene in ranked]
            found.best[each.file] = labels[ranked[0].scene], ranked[0].score
    return found


def _top1(plan: Plan, analysed: Sequence[AnalysedClip]) -> _Answers:
    """Return the answers where every clip has one label; nothing where some have several, for which it is unfit."""
    found = _Answers(plan.clips, {}, {}, {})
    scored = [each for each in analysed if each.scores]
    if any(len(each.clip.labels or ()) != 1 for each in scored):
        return found
    labels = find_labels(plan.clips)
    for each in scored:
        found.ref[each.file] = next(iter(each.clip.labels or ()))
        found.ranked[each.file] = [labels[score.word] for score in each.scores]
        found.best[each.file] = labels[each.scores[0].word], each.scores[0].score
    return found


def _score_events(plan: Plan, analysed: Sequence[AnalysedClip], settings: Settings) -> tuple[list[Measure], Rows, Rows]:
    """Return measures, curve and errors of events; nothing where none are annotated."""
    known = {each.file: each for each in analysed if each.clip.events is not None and each.recognition}
    if not plan.events or not known:
        return [], [], []
    ref = {file: list(each.clip.events or ()) for file, each in known.items()}
    scored = {file: _label_events(plan, each) for file, each in known.items()}
    est = {file: [each.event for each in found] for file, found in scored.items()}
    classes = {file: each.clip.conditions["target"] for file, each in known.items()} if "rare" in plan.kinds else None
    labels = list(plan.events)
    measures = [measure_events(kind, ref, est, labels, classes) for kind in plan.kinds]
    if plan.kinds[0] not in COLLARS:  # segments are no events that could be missed
        return measures, [], []
    lowest = settings.event_threshold if choose_method(settings).has_word_scores else 0.0
    duration_s = sum(each.recognition.duration_s for each in known.values() if each.recognition)
    curve = draw_curve(plan.kinds[0], ref, scored, labels, duration_s, lowest, classes)
    tags = {file: each.tags for file, each in known.items()}
    return measures, curve, list_event_errors(plan.kinds[0], ref, scored, tags, classes)


def _label_events(plan: Plan, analysed: AnalysedClip) -> list[ScoredEvent]:
    labels = find_labels(plan.events)
    events = analysed.recognition.events if analysed.recognition else []
    return [
        ScoredEvent(
            LabelledEvent(labels[each.word], each.onset_s, each.offset_s),
            each.score,
            format_evidence(each.tags[:N_TAGS_LISTED]),
        )
        for each in events
    ]


def _list_scores(plan: Plan, analysed: Sequence[AnalysedClip]) -> Rows:
    """Return the score of each file and label with its truth: a word's loudest event, scenes, labels of whole clips.

    A file in which no event of a word reached the run's threshold has an empty score for it.
    """
    rows: Rows = []

    def add(measure: str, file: str, scores: Mapping[str, float | None], true: Collection[str]) -> None:
        for label, score in scores.items():
            text = "" if score is None else f"{score:.6f}"
            row = {"measure": measure, "file": file, "label": label, "is_there": int(label in true), "score": text}
            rows.append(row)

    scenes, words = find_labels(plan.scenes), find_labels(plan.clips)
    for each in analysed:
        if plan.events and each.clip.events is not None and each.recognition:
            loudest: dict[str, float | None] = dict.fromkeys(plan.events)
            for scored in _label_events(plan, each):
                known = loudest[scored.event.label]
                loudest[scored.event.label] = scored.score if known is None else max(known, scored.score or 0.0)
            add("events", each.file, loudest, {event.label for event in each.clip.events})
        if each.clip.scene and each.recognition and each.recognition.scenes:
            ranked = {scenes[scene.scene]: scene.score for scene in each.recognition.scenes}
            add("scenes", each.file, ranked, {each.clip.scene})
        if each.scores:
            add("clips", each.file, {words[score.word]: score.score for score in each.scores}, each.clip.labels or ())
    return rows


def _group(analysed: Sequence[AnalysedClip]) -> dict[str, dict[str, str]]:
    """Return condition -> file -> group, by what is known of the clips."""
    groups: dict[str, dict[str, str]] = {}
    for each in analysed:
        fold = {"fold": str(each.clip.fold)} if each.clip.fold is not None else {}
        scene = {"scene": each.clip.scene} if each.clip.scene else {}
        for condition, group in {**each.clip.conditions, **scene, **fold}.items():
            groups.setdefault(condition, {})[each.file] = group
    return {condition: members for condition, members in groups.items() if len(set(members.values())) <= MAX_GROUPS}


def _score_traces(analysed: Sequence[AnalysedClip]) -> tuple[list[MetricValue], list[str]]:
    """Return PSDS and notes; nothing without scores over time."""
    known = {each.file: each for each in analysed if each.clip.events is not None and each.curves and each.recognition}
    if not known:
        return [], []
    ref = {file: list(each.clip.events or ()) for file, each in known.items()}
    curves = {file: each.curves for file, each in known.items() if each.curves}
    durations_s = {file: each.recognition.duration_s for file, each in known.items() if each.recognition}
    return score_traces(ref, curves, durations_s)


def _note(
    dataset: Dataset, analysed: Sequence[AnalysedClip], measures: Sequence[Measure], settings: Settings
) -> list[str]:
    notes = list(dataset.notes)
    if any(each.scores for each in analysed) and not choose_method(settings).has_word_scores:
        notes.append("labels of whole clips are scored by earwitness' own method; the published one has none for them")
    failed = [each for each in analysed if each.reason]
    if failed:
        notes.append(f"{len(failed)} recordings could not be used and are in no number: {failed[0].file}, ...")
    odd = [each.file for each in analysed if each.note]
    if odd:
        notes.append(f"{len(odd)} recordings are truncated and scored as far as they go: {odd[0]}, ...")
    for measure in measures:
        silent = [label for label, each in measure.detection.by_label.items() if each.n_ref and not each.n_est]
        if silent and measure.kind in ("rare", "collar", "segment"):
            notes.append(
                f"{measure.kind}: nothing was estimated for {', '.join(silent)}: out of the mean F1, as published"
            )
    return notes + note_few(len(analysed) - len(failed))


def _calibrate(analysed: list[AnalysedClip]) -> list[AnalysedClip]:
    """Return the clips with the scenes ranked against the run."""
    usable = [each for each in analysed if each.recognition]
    ranked = [_rank_against_run(each) for each in calibrate_run([one.recognition for one in usable if one.recognition])]
    by_file = {each.file: recognition for each, recognition in zip(usable, ranked, strict=True)}
    return [replace(each, recognition=by_file.get(each.file, each.recognition)) for each in analysed]


def _rank_against_run(recognition: Recognition) -> Recognition:
    """Return a recognition whose scenes are ranked by their scores against the run."""
    scenes = [replace(each, score=each.run_score or 0.0) for each in recognition.scenes]
    return replace(recognition, scenes=mark_winner(scenes))
