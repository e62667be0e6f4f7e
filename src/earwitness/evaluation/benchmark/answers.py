"""Answers to the benchmark's tasks by whatever version of earwitness runs this file: only public names are used.

In: a JSON object a line on standard input. Out: a JSON object a line on standard output, in the same order. Run as a
script by the Python of the version to measure, so that 0.1.0 and this version answer the same tasks.

    {"kind": "events", "path": ..., "words": [...], "levels": [...]}   {"events": [[[word, onset_s, offset_s], ...]]}
    {"kind": "clip", "path": ..., "words": [...]}                      {"ranked": [word, ...]}
    {"kind": "scenes", "path": ..., "words": [...]}                    {"ranked": [scene, ...]}
    {"kind": "meanings", "words": [...]}                               {"weights": [{tag: weight}, ...]}

A level is a threshold in logits; the hold is 0.71 below it, as between the default threshold and its hold.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from typing import Any

HOLD_BELOW = 0.71  # logits


def main() -> None:
    """Answer every line."""
    earwitness = importlib.import_module("earwitness")  # of whatever version this Python has
    encoder = earwitness.load_encoder()
    for line in sys.stdin:
        print(json.dumps(answer(earwitness, encoder, json.loads(line))), flush=True)


def answer(earwitness: Any, encoder: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one task."""
    kind, words = task["kind"], task["words"]
    if kind == "events":
        return {"events": _find_events(earwitness, encoder, task["path"], words, task["levels"])}
    if kind == "clip":
        return {"ranked": [each.word for each in earwitness.classify(task["path"], words, encoder=encoder)]}
    if kind == "scenes":
        found = earwitness.recognize(task["path"], scenes=words, encoder=encoder).scenes
        return {"ranked": [each.scene for each in found]}
    return {"weights": [_read_weights(earwitness, word) for word in words]}


def _find_events(earwitness: Any, encoder: Any, path: str, words: list[str], levels: list[float]) -> list[Any]:
    analysis = earwitness.analyse(path, encoder=encoder)
    found = []
    for level in levels:
        settings = earwitness.Settings(event_threshold=_sigmoid(level), event_hold=_sigmoid(level - HOLD_BELOW))
        events = earwitness.ask(analysis, words, settings=settings).events
        found.append([[each.word, each.onset_s, each.offset_s] for each in events])
    return found


def _read_weights(earwitness: Any, word: str) -> dict[str, float]:
    try:
        (weights,) = earwitness.understand_words([word]).weights
    except earwitness.EarwitnessError:  # version 0.1.0 refuses words that it does not know
        return {}
    return {str(index): float(weights[index]) for index in weights.nonzero()[0]}


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


if __name__ == "__main__":
    main()
