"""Scene metrics: how often the scene is right, for all clips, each scene, and each city or device.

In: one scene a file, of the reference and estimated. Out: `SceneAnswers`, which can be scored with weights, and
`SceneScores`.

Sources: Mesaros, Heittola, Virtanen, "A multi-device dataset for urban acoustic scene classification", DCASE 2018;
Heittola, Mesaros, Virtanen, "Acoustic scene classification in DCASE 2020 challenge: generalization across devices and
low complexity solutions", DCASE 2020: the challenge is ranked by the mean of the scenes' accuracies.
"""

from __future__ import annotations

import ntpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.counts import mean_of_defined, plain

UNANSWERED = ""
DEVICE_GROUPS = {  # of TAU Urban Acoustic Scenes 2020 Mobile
    **dict.fromkeys("abc", "real"),
    **dict.fromkeys(("s1", "s2", "s3"), "simulated, seen"),
    **dict.fromkeys(("s4", "s5", "s6"), "simulated, unseen"),
}


@dataclass(frozen=True)
class GroupAccuracy:
    """Of the clips of one city or device: how many, how many are right, and the mean of the scenes' accuracies."""

    n_clips: int
    accuracy: float
    macro_accuracy: float


@dataclass(frozen=True)
class SceneScores:
    """What was right.

    Attributes:
        labels: V scenes.
        confusion: (V, V + 1) how many clips of a scene (row) were taken for which (column); last, for none.
        by_group: kind of group -> group -> accuracy.
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    by_group: dict[str, dict[str, GroupAccuracy]]

    @property
    def n_clips(self) -> int:
        """How many clips there are."""
        return int(self.confusion.sum())

    @property
    def n_right(self) -> int:
        """How many of them are right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of clips that are right (micro average)."""
        return _find_accuracy(self.confusion)

    @property
    def by_label(self) -> dict[str, float]:
        """Share of each scene's clips that are right; nan for a scene without a clip."""
        n_clips = self.confusion.sum(axis=1)
        right = self.confusion.diagonal()
        return {
            label: float(right[place] / n_clips[place]) if n_clips[place] else float("nan")
            for place, label in enumerate(self.labels)
        }

    @property
    def macro_accuracy(self) -> float:
        """Unweighted mean of the scenes' accuracies, over those that have clips."""
        return mean_of_defined(list(self.by_label.values()))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "n_clips": self.n_clips,
            "n_right": self.n_right,
            "accuracy": plain(self.accuracy),
            "macro_accuracy": plain(self.macro_accuracy),
            "by_label": {label: plain(value) for label, value in self.by_label.items()},
            "by_group": {
                kind: {name: asdict(each) for name, each in groups.items()} for kind, groups in self.by_group.items()
            },
            "confusion": {"columns": [*self.labels, None], "rows": self.confusion.tolist()},
        }


@dataclass(frozen=True)
class SceneAnswers:
    """References and answers as numbers.

    Attributes:
        files: N names.
        labels: V scenes.
        ref: (N,) int, which scene it is.
        est: (N,) int, which scene was answered; V if none was.
    """

    files: tuple[str, ...]
    labels: tuple[str, ...]
    ref: np.ndarray
    est: np.ndarray

    def score(
        self, weights: np.ndarray | None = None, groups: Mapping[str, Mapping[str, str]] | None = None
    ) -> SceneScores:
        """Return the scores.

        Args:
            weights: (N,) how often each file counts; by default once.
            groups: kind of group -> file -> group, such as {"city": {"a.wav": "lisbon"}}.

        Raises:
            AnnotationError: a file has no group.
        """
        weights = np.ones(len(self.files)) if weights is None else np.asarray(weights, dtype=np.float64)
        by_group: dict[str, dict[str, GroupAccuracy]] = {}
        for kind, members in (groups or {}).items():
            odd = next((file for file in self.files if file not in members), None)
            if odd is not None:
                raise AnnotationError(f"{odd}: its {kind} is not known; give one for every file")
            names = np.array([members[file] for file in self.files])
            by_group[kind] = {
                str(name): self._score_group(weights * (names == name)) for name in sorted(set(names.tolist()))
            }
        return SceneScores(self.labels, self._confuse(weights), by_group)

    def _score_group(self, weights: np.ndarray) -> GroupAccuracy:
        scores = SceneScores(self.labels, self._confuse(weights), {})
        return GroupAccuracy(scores.n_clips, scores.accuracy, scores.macro_accuracy)

    def _confuse(self, weights: np.ndarray) -> np.ndarray:
        n_labels = len(self.labels)
        cells = np.bincount(self.ref * (n_labels + 1) + self.est, weights, n_labels * (n_labels + 1))
        return np.asarray(np.rint(cells).astype(np.int64).reshape(n_labels, n_labels + 1))


@dataclass(frozen=True)
class TauName:
    """What the name of a clip of TAU Urban Acoustic Scenes says: airport-lisbon-1000-40000-a.wav."""

    scene: str
    city: str
    location: str
    segment: str
    device: str


def compare_scenes(ref: Mapping[str, str], est: Mapping[str, str], labels: Sequence[str] | None = None) -> SceneAnswers:
    """Bring references and answers together.

    Args:
        ref: the scene of each file.
        est: the answer for each; a file without one, with an empty one, or one that is no scene here counts as wrong.
        labels: the scenes that there are; by default those of the reference.

    Raises:
        AnnotationError: an answer is for a file that has no reference, or a reference is not one of the labels.
    """
    if not ref:
        raise AnnotationError("the reference names no file; there is nothing to score against")
    odd = next((file for file in est if file not in ref), None)
    if odd is not None:
        raise AnnotationError(f"{odd} is in the estimates only; bring both together with match_files")
    labels = tuple(sorted(set(ref.values())) if labels is None else labels)
    places = {label: place for place, label in enumerate(labels)} | {UNANSWERED: len(labels)}
    for file, scene in ref.items():
        if scene not in places:
            close = get_close_matches(scene, labels, n=1, cutoff=0.0)
            raise AnnotationError(
                f"{file}: scene {scene!r} is not one of {', '.join(labels)}; perhaps {close[0] if close else ''!r}?"
            )
    if UNANSWERED in ref.values():
        raise AnnotationError("the reference leaves a scene empty; leave out its file")
    answers = [places.get(est.get(file, UNANSWERED), len(labels)) for file in ref]
    return SceneAnswers(tuple(ref), labels, np.array([places[scene] for scene in ref.values()]), np.array(answers))


def score_scenes(
    ref: Mapping[str, str],
    est: Mapping[str, str],
    labels: Sequence[str] | None = None,
    groups: Mapping[str, Mapping[str, str]] | None = None,
) -> SceneScores:
    """Return accuracies over all clips, by scene, and by group.

    Args:
        ref, est, labels: see `compare_scenes`.
        groups: see `SceneAnswers.score`; `group_tau` gives those of TAU's names.

    Raises:
        AnnotationError: see `compare_scenes`; or a file has no group.
    """
    return compare_scenes(ref, est, labels).score(groups=groups)


def read_tau_name(file: str) -> TauName | None:
    """Return what a name of TAU Urban Acoustic Scenes says; None for other names.

    In the sets of 2018 and 2019 names end with the device, too; those of 2022 have a further number for the second,
    which is passed over.
    """
    parts = ntpath.splitext(ntpath.basename(file))[0].split("-")
    if len(parts) not in (5, 6):
        return None
    return TauName(parts[0], parts[1], parts[2], parts[3], parts[-1])


def group_tau(files: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return city, device and device group of each file by its name, as `SceneAnswers.score` takes them.

    Raises:
        AnnotationError: a name is not one of TAU Urban Acoustic Scenes.
    """
    groups: dict[str, dict[str, str]] = {"city": {}, "device": {}, "device group": {}}
    for file in files:
        name = read_tau_name(file)
        if name is None:
            raise AnnotationError(
                f"{file}: not a name like airport-lisbon-1000-40000-a.wav, of which to read city and device"
            )
        groups["city"][file], groups["device"][file] = name.city, name.device
        groups["device group"][file] = DEVICE_GROUPS.get(name.device, "other")
    return groups


def _find_accuracy(confusion: np.ndarray) -> float:
    n_clips = confusion.sum()
    return float(np.trace(confusion) / n_clips) if n_clips else float("nan")
