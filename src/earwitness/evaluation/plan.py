"""What to listen for in a data set: a word for each of its labels, and the way back.

In: a `Dataset`, and words to listen for in the place of a label's own. Out: a `Plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from earwitness.datasets import DATASETS, Dataset, as_word
from earwitness.errors import DatasetError, WordError
from earwitness.evaluation.measures import PROTOCOLS

USUAL_KINDS = ("collar", "segment", "intersection")


@dataclass(frozen=True)
class Plan:
    """What is listened for, label -> word; empty where the data set does not annotate it.

    Attributes:
        events: in time.
        scenes: of which one is true.
        clips: labels of whole clips.
        kinds: how events are scored, kinds of measures; the first decides what a mistake is.
        is_traced: whether scores over time are wanted, too, for PSDS.
    """

    events: dict[str, str]
    scenes: dict[str, str]
    clips: dict[str, str]
    kinds: tuple[str, ...] = ()
    is_traced: bool = False


def plan_words(
    dataset: Dataset, events: Sequence[str] = (), scenes: Sequence[str] = (), protocol: str | None = None
) -> Plan:
    """Return what to listen for, by what the data set annotates.

    Args:
        dataset: its labels become words by `as_word`.
        events, scenes: `LABEL=WORD`, to listen for another word than the label's own.
        protocol: how events are scored; by default as the data set's `SPEC` says, else three ways.

    Raises:
        DatasetError: nothing is annotated, or not what the protocol needs.
        WordError: a word is for no label, or two labels have one word.
    """
    clips = dataset.clips
    has_events = any(clip.events is not None for clip in clips)
    has_labels = any(clip.labels is not None for clip in clips)
    has_scenes = any(clip.scene for clip in clips)
    if not (has_events or has_labels or has_scenes) or not (dataset.event_labels or dataset.scene_labels):
        raise DatasetError(f"{dataset.name}: its tables name no event, scene or label; there is nothing to score")
    words = _choose_words(dataset.event_labels, events, "--events") if has_events or has_labels else {}
    places = _choose_words(dataset.scene_labels, scenes, "--scenes") if has_scenes else {}
    for given, kind, is_there in ((events, "events", words), (scenes, "scenes", places)):
        if given and not is_there:
            raise WordError(f"--{kind} {given[0]}: {dataset.name} annotates no {kind}; leave it out")
    kinds = PROTOCOLS[protocol] if protocol else _find_kinds(dataset)
    if protocol and not has_events:
        raise DatasetError(f"--protocol {protocol}: {dataset.name} annotates no events in time; leave it out")
    if "rare" in kinds and has_events:
        odd = next(
            (clip.path.name for clip in clips if clip.events is not None and "target" not in clip.conditions), None
        )
        if odd:
            raise DatasetError(f"{odd}: not known which class it was made for; name it in a column 'target'")
    return Plan(words if has_events else {}, places, words if has_labels else {}, kinds)


def find_labels(words: Mapping[str, str]) -> dict[str, str]:
    """Return the way back, word -> label."""
    return {word: label for label, word in words.items()}


def _find_kinds(dataset: Dataset) -> tuple[str, ...]:
    spec = DATASETS.get(dataset.name)
    return (spec and spec.measures) or USUAL_KINDS


def _choose_words(labels: Sequence[str], given: Sequence[str], option: str) -> dict[str, str]:
    words = {label: as_word(label) for label in labels}
    for each in given:
        label, _, word = (part.strip() for part in each.partition("="))
        label = next((own for own in words if label in (own, as_word(own))), label)
        if label not in words or not word:
            known = ", ".join(list(words)[:20])
            raise WordError(f"{option} {each!r}: give LABEL=WORD with a label of the data set: {known}")
        words[label] = word
    seen: dict[str, str] = {}
    for label, word in words.items():
        if seen.setdefault(word.lower(), label) != label:
            raise WordError(
                f"labels {seen[word.lower()]} and {label} are both {word!r}; give one another: {option} '{label}=...'"
            )
    return words
