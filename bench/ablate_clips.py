"""Clip classification on ESC-10: the default rule from tags to words, and those that it was chosen over.

In: ESC-10's folder, an encoder. Out: rows (rule, share of clips whose best word is the right one).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from earwitness.audio.read import load_audio
from earwitness.audio.windows import slide
from earwitness.encoders.load import LoadedEncoder
from earwitness.recognition.pipeline import classify
from earwitness.recognition.published_method import EVENT_SIMILARITY
from earwitness.recognition.tags import score_windows, sigmoid
from earwitness.settings import Settings
from earwitness.words.meanings import Embeddings, embed_words, understand_words
from earwitness.words.ontology import tag_names
from variations import untrimmed

Rule = Callable[[np.ndarray], np.ndarray]


def ablate_clips(folder: Path, encoder: LoadedEncoder, n_per_class: int | None = None) -> list[tuple[str, float]]:
    """Return each rule's top-1 accuracy over the clips of the folder; the class folders' names are the words."""
    words = sorted(path.name for path in folder.iterdir() if path.is_dir())
    paths = [(path, index) for index, word in enumerate(words) for path in _list(folder / word, n_per_class)]
    clips = [load_audio(path) for path, _ in paths]
    truth = np.array([index for _, index in paths])

    def accuracy(settings: Settings) -> float:
        best = [classify(clip, words, settings, encoder)[0].word for clip in clips]
        return float(np.mean([words.index(word) == right for word, right in zip(best, truth, strict=True)]))

    rows = [("default `classify`", accuracy(Settings()))]
    windows = (slide(clip, Settings().clip_window_s, Settings().clip_window_s) for clip in clips)
    logits = np.concatenate([rows.logits for each in windows for rows in score_windows(each, encoder)])  # (clips, C)
    for name, rule in _make_rules(words, encoder).items():
        rows.append((name, float((rule(logits).argmax(axis=1) == truth).mean())))
    with untrimmed():
        rows.append(("default, the padded patch kept (`is_trimmed=False`)", accuracy(Settings())))
    rows.append(("default in 4 s windows, the best one counts", accuracy(Settings(clip_window_s=4.0))))
    return rows


def _make_rules(words: list[str], encoder: LoadedEncoder) -> dict[str, Rule]:
    """Return rules from clip logits (N, C) to word scores (N, V)."""
    tags, meanings = embed_words(tag_names()), understand_words(words)
    similarities, weights = meanings.similarities, meanings.weights
    usual = encoder.tag_stats.mean if encoder.tag_stats else np.float32(0)
    return {
        "cosine of the score-weighted mean tag embedding": lambda z: _unit(sigmoid(z) @ tags) @ embed_words(words).T,
        "max over tags of P x S where S >= 0.5 (published threshold)": lambda z: (
            sigmoid(z)[:, None] * np.where(similarities >= EVENT_SIMILARITY, similarities, 0)
        ).max(axis=2),
        "softmax(S / 0.05), arithmetic mean of P": lambda z: sigmoid(z) @ weights.T,
        "softmax(S / 0.05), mean of logits": lambda z: z @ weights.T,
        "softmax(S / 0.05), mean of logits less the usual logits": lambda z: (z - usual) @ weights.T,
    }


def _unit(rows: np.ndarray) -> Embeddings:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _list(folder: Path, n_most: int | None) -> list[Path]:
    return sorted(folder.glob("*.ogg"))[:n_most]
