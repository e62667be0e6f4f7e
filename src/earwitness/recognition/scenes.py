"""A recording's tags to a ranked list of scenes: where it was made.

In: `ClipTags` and the profiles of the scene words. Out: `SceneScore`s, best first, each with the tags that speak for
and against it. A score is the recording's standardised tag logits seen from the place's profile, in standard
deviations: 0 is any recording, 1 and more is telling. With "blind calibration" each scene is seen against the clips
of the same run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earwitness.encoders import TagStats
from earwitness.recognition.match import USUAL_LOGIT
from earwitness.recognition.tags import ClipTags
from earwitness.words import PlaceProfile, tag_names

USUAL_SPREAD = 1.7  # standard deviation of a logit, for encoders without tag statistics
LEAST_CLIPS = 5  # fewer say nothing about how a scene's score varies


@dataclass(frozen=True)
class SceneScore:
    """A scene with its score; `tags` speak for it and `tags_against` against it, strongest first.

    `is_winner` marks the answer: the best scene, or both winners of the published method.
    """

    scene: str
    score: float
    tags: tuple[str, ...] = ()
    tags_against: tuple[str, ...] = ()
    is_winner: bool = False


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
    ranked = []
    for profile in profiles:
        parts = profile.weights * standard  # (C,)
        order = np.argsort(-parts, kind="stable")
        for_it = tuple(names[tag] for tag in order[:3] if parts[tag] > 0)
        against = tuple(names[tag] for tag in order[::-1][:3] if parts[tag] < 0)
        ranked.append(SceneScore(profile.scene, float(parts.sum()), for_it, against))
    return mark_winner(ranked)


def mark_winner(scenes: Sequence[SceneScore]) -> list[SceneScore]:
    """Return scenes sorted by score, the best one marked as the winner."""
    ranked = sorted(scenes, key=lambda each: -each.score)
    return [replace(each, is_winner=rank == 0) for rank, each in enumerate(ranked)]


def calibrate_blindly(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return scene scores (clips, scenes) standardised for each scene over the clips of a run, without any label.

    Raises:
        ValueError: there are fewer than `LEAST_CLIPS` clips.
    """
    if len(scores) < LEAST_CLIPS:
        raise ValueError(f"{len(scores)} clips are too few for blind calibration; at least {LEAST_CLIPS} are needed")
    spread = scores.std(axis=0)
    return np.asarray((scores - scores.mean(axis=0)) / np.maximum(spread, 1e-6))
