"""The published method, `method="tmrl"`: events and scenes from the 20 best tags of each window.

In: `TagScores` of 4 s windows. Out: `Event`s and `SceneScore`s. Differences from the published code, all deliberate:
hops are true seconds, every word that matches a tag counts, an empty mixture's event-to-background ratio stays -inf,
texts are embedded once, and nothing is drawn at random. `Settings.thresholds` has no meaning here: a tag names a word
or does not.

Source: "Unsupervised Method of Transformer-based Multimodal Representation Learning for Acoustic Event Classification
and Blind Acoustic Scene Classification".
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from earwitness.errors import MissingExtraError, WordError
from earwitness.recognition.events import Event
from earwitness.recognition.match import TagEvidence
from earwitness.recognition.scenes import SceneScore
from earwitness.recognition.tags import TagScores, sigmoid
from earwitness.words import Embeddings, compare_with_tags, embed_words, normalise_word, tag_names

logger = logging.getLogger(__name__)

WINDOW_S = 4.0
HOP_S = 1.0  # unless the settings have one that fits the window
N_BEST = 20
EVENT_SIMILARITY = 0.5
GROUP_SIMILARITY = 0.6
SCENE_SIMILARITY = 0.1
N_RANKS = 2


@dataclass(frozen=True)
class TmrlScenes:
    """Both rankings of the scenes, best first: by sums of counts, and of counts weighted by similarity."""

    simple: list[SceneScore]
    weighted: list[SceneScore]

    @property
    def winners(self) -> list[str]:
        """The union of both winners; where sums of counts are equal, as they often are, the weighted sums decide."""
        equal = {each.scene for each in self.simple if each.score == self.simple[0].score}
        best_simple = next(each.scene for each in self.weighted if each.scene in equal)
        return list(dict.fromkeys([self.weighted[0].scene, best_simple]))

    @property
    def ranked(self) -> list[SceneScore]:
        """One list: the winners first, then the rest by the weighted ranking."""
        winners = self.winners
        marked = [replace(each, is_winner=each.scene in winners) for each in self.weighted]
        return sorted(marked, key=lambda each: not each.is_winner)


def best_tags(logits: np.ndarray) -> np.ndarray:
    """Return the indices (N, 20) of each row's best tags, best first."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :N_BEST]


def find_events_tmrl(tag_scores: Iterable[TagScores], words: Sequence[str], hop_s: float) -> Iterator[Event]:
    """Yield events: runs of windows in which one of the 20 best tags names the word.

    A tag names a word when their similarity is at least 0.5, or the lower-cased tag contains the word. An event reaches
    from the start of its first window to the start of its last plus a hop; its score is the largest tag score.
    """
    words = list(dict.fromkeys(words))
    similarities = compare_with_tags(words)  # (V, C)
    contains = np.array([[normalise_word(word) in tag.lower() for tag in tag_names()] for word in words])
    names = (similarities >= EVENT_SIMILARITY) | contains.reshape(similarities.shape)
    pending: dict[str, Event] = {}
    for rows in tag_scores:
        best, scores = best_tags(rows.logits), sigmoid(rows.logits)
        for row, start_s in enumerate(rows.start_s):
            for index, word in enumerate(words):
                named = [tag for tag in best[row] if names[index, tag]]
                before = pending.get(word)
                if before and (not named or float(start_s) - before.offset_s > 0.5 * hop_s):
                    yield pending.pop(word)
                if named:
                    event = _make_event(word, float(start_s), hop_s, named, scores[row], similarities[index])
                    pending[word] = _extend(pending[word], event) if word in pending else event
    yield from pending.values()


def rank_scenes_tmrl(tag_scores: Iterable[TagScores], scenes: Sequence[str]) -> TmrlScenes:
    """Rank scenes by the groups of tags that are most often among the 20 best.

    Each tag's group is itself and the alphabetically later tags similar to it (0.6 to below 1), its count the sum of
    theirs; groups with the two largest counts are compared, as texts, with the scenes.
    """
    names = tag_names()
    counts = np.zeros(len(names), int)
    for rows in tag_scores:
        counts += np.bincount(best_tags(rows.logits).ravel(), minlength=len(names))
    present = sorted((tag for tag in np.flatnonzero(counts) if names[tag] != "Silence"), key=lambda tag: names[tag])
    embeddings = embed_words([names[tag] for tag in present])
    close = embeddings @ embeddings.T
    groups: list[tuple[int, list[int]]] = []
    for first, tag in enumerate(present):
        later = [
            present[other]
            for other in range(first + 1, len(present))
            if GROUP_SIMILARITY <= close[first, other] < 1 - 1e-6
        ]
        group = [int(tag), *map(int, later)]
        groups.append((int(counts[group].sum()), group))
    top_counts = sorted({count for count, _ in groups}, reverse=True)[:N_RANKS]
    top_groups = [(count, group) for count, group in groups if count in top_counts]
    similarities = _embed_groups([group for _, group in top_groups]) @ embed_words(scenes).T  # (groups, scenes)
    return _rank_groups(top_groups, similarities, list(scenes))


def _rank_groups(top_groups: list[tuple[int, list[int]]], similarities: Embeddings, scenes: list[str]) -> TmrlScenes:
    names = tag_names()
    simple, weighted = [], []
    for index, scene in enumerate(scenes):
        matches = [
            (count, float(similarity), group)
            for (count, group), similarity in zip(top_groups, similarities[:, index], strict=True)
            if similarity >= SCENE_SIMILARITY
        ]
        tags = tuple(dict.fromkeys(names[tag] for _, _, group in matches for tag in group))[:5]
        simple.append(SceneScore(scene, float(sum(count for count, _, _ in matches)), tags))
        weighted.append(SceneScore(scene, sum(count * similarity for count, similarity, _ in matches), tags))
    return TmrlScenes(sorted(simple, key=lambda each: -each.score), sorted(weighted, key=lambda each: -each.score))


def _embed_groups(groups: list[list[int]]) -> Embeddings:
    """Return the embedding of each group's text, its lower-cased tags separated by commas.

    Where MPNet is missing or a text is too long, the mean of the tags' embeddings stands in, and the log says so.
    """
    names = tag_names()
    try:
        texts = [", ".join(names[tag].lower() for tag in group) for group in groups]
        return embed_words(texts, is_approximated=False)
    except (MissingExtraError, WordError) as error:
        logger.warning("groups of tags are compared by the mean of their embeddings, not as texts: %s", error)
        means = np.stack([embed_words([names[tag] for tag in group]).mean(axis=0) for group in groups])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)


def _make_event(
    word: str, start_s: float, hop_s: float, named: list[int], scores: np.ndarray, similarities: np.ndarray
) -> Event:
    total = float(sum(scores[tag] for tag in named))
    tags = tuple(
        TagEvidence(tag_names()[tag], float(similarities[tag]), float(scores[tag]), float(scores[tag]) / total)
        for tag in named[:3]
    )
    return Event(start_s, start_s + hop_s, word, tags[0].score, start_s, tags)


def _extend(before: Event, after: Event) -> Event:
    louder = before if before.score >= after.score else after
    return Event(before.onset_s, after.offset_s, before.word, louder.score, louder.peak_s, louder.tags)
