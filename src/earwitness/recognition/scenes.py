"""A recording's tags to a ranked list of scenes: where it was made.

In: `ClipTags` and the profiles of the scene words. Out: `SceneScore`s, best first, each with the tags that speak for
and against it. A scene has two kinds of evidence: the tags that are expected at the place, and the word itself as a
sound. Each is standardised over the scene words of the query and limited to 0 to 3; the score is their mean. With fewer
than three scene words there is only the first kind, in standard deviations from an average recording. Where the first
two are close, no scene is the answer: "unsure". With "blind calibration" each scene has a second score, which sees it
against the clips of the same run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earwitness.encoders import TagStats
from earwitness.recognition.evidence import USUAL_LOGIT, USUAL_SPREAD
from earwitness.recognition.tags import ClipTags, sigmoid
from earwitness.words import PlaceProfile, tag_names

MOST_EVIDENCE = 3.0  # standard deviations: one kind of evidence alone does not decide
LEAST_SCENES = 3  # fewer say nothing about how the evidence of scenes varies
LEAST_MARGIN = 0.25  # between the first two scenes; closer ones are right about half of the time
LEAST_CLIPS = 5  # fewer say nothing about how a scene's score varies


@dataclass(frozen=True)
class SceneScore:
    """A scene with its score; `tags` speak for it and `tags_against` against it, strongest first.

    `is_winner` marks the answer: the best scene where it is sure enough, or both winners of the published method.
    `run_score` is the score in standard deviations from the scene's mean over a run, with blind calibration.
    """

    scene: str
    score: float
    tags: tuple[str, ...] = ()
    tags_against: tuple[str, ...] = ()
    is_winner: bool = False
    run_score: float | None = None


def rank_scenes(clip: ClipTags, profiles: Sequence[PlaceProfile], tag_stats: TagStats | None) -> list[SceneScore]:
    """Return the scenes, best first.

    Args:
        clip: the recording's mean tag logits (C,).
        profiles: one per scene word, from `places.profile_scenes`.
        tag_stats: mean and standard deviation of each logit over varied audio; without them one usual value serves all.
    """
    if tag_stats:
        standard = (clip.mean_logits - tag_stats.mean) / tag_stats.std
    else:
        standard = (clip.mean_logits - USUAL_LOGIT) / USUAL_SPREAD
    names = tag_names()
    by_place = np.array([profile.weights @ standard for profile in profiles])
    by_sound = _score_sounds(np.array([profile.sound_weights for profile in profiles]), standard)
    few = len(profiles) < LEAST_SCENES
    scores = by_place if few else (_standardise(by_place) + _standardise(by_sound)) / 2
    ranked = []
    for profile, score in zip(profiles, scores, strict=True):
        parts = profile.weights * standard  # (C,)
        order = np.argsort(-parts, kind="stable")
        for_it = tuple(names[tag] for tag in order[:3] if parts[tag] > 0)
        against = tuple(names[tag] for tag in order[::-1][:3] if parts[tag] < 0)
        ranked.append(SceneScore(profile.scene, float(score), for_it, against))
    return mark_winner(ranked)


def _score_sounds(weights: npt.NDArray[np.float32], standard: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the logarithm of the evidence (S,) for scene words as sounds; see `Scorer.score`."""
    roots = np.sqrt(sigmoid(USUAL_SPREAD * standard + USUAL_LOGIT))
    return np.asarray(np.log(np.square(weights.reshape(-1, len(standard)) @ roots) + 1e-9), np.float32)


def _standardise(evidence: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return evidence (S,) in standard deviations above the mean of the scenes, from 0 to `MOST_EVIDENCE`."""
    spread = max(float(evidence.std()), 1e-6)
    return np.asarray(np.clip((evidence - evidence.mean()) / spread, 0, MOST_EVIDENCE), np.float32)


def mark_winner(scenes: Sequence[SceneScore]) -> list[SceneScore]:
    """Return scenes sorted by score, the best one marked as the winner unless the second one is close."""
    ranked = sorted(scenes, key=lambda each: -each.score)
    is_sure = len(ranked) < 2 or ranked[0].score - ranked[1].score >= LEAST_MARGIN
    return [replace(each, is_winner=is_sure and rank == 0) for rank, each in enumerate(ranked)]


def name_winner(scenes: Sequence[SceneScore]) -> str:
    """Return the scene that is the answer, the first of several; "unsure" where there is none."""
    return next((each.scene for each in scenes if each.is_winner), "unsure")


def calibrate_blindly(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return scene scores (clips, scenes) standardised for each scene over the clips of a run, without any label.

    Raises:
        ValueError: there are fewer than `LEAST_CLIPS` clips.
    """
    if len(scores) < LEAST_CLIPS:
        raise ValueError(f"{len(scores)} clips are too few for blind calibration; at least {LEAST_CLIPS} are needed")
    spread = scores.std(axis=0)
    return np.asarray((scores - scores.mean(axis=0)) / np.maximum(spread, 1e-6))
