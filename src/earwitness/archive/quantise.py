"""Tag logits in 8 bits, and back.

In: logits (N, C) float32. Out: bytes (N, C) and the tables that turn a byte into a score, its root or a logit.

Rows over time hold q = round(255 * score ** (1/3)), score = 1 / (1 + exp(-logit)). The cube root spends the steps
where words begin to be detected: at a score of 0.02 a step is 4 % of it, at 0.5 it is 1.5 %, and q = 1 is a logit of
-16.6. Windows for scenes hold q = round((logit + 16) * 10), clipped to 0 ... 255: steps of 0.1 from -16 to 9.5, since
scenes are ranked by mean logits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from earwitness.recognition import Logits, sigmoid

Levels = npt.NDArray[np.uint8]

ROOT = 3
LOWEST_LOGIT, LOGIT_STEP = -16.0, 0.1
RULES = {
    "rows.scores": f"score = (q / 255) ** {ROOT}",
    "clips.logits": f"logit = {LOWEST_LOGIT:g} + {LOGIT_STEP:g} * q",
}


def quantise_scores(logits: Logits) -> Levels:
    """Return the bytes (N, C) of rows over time."""
    levels: Levels = np.rint(255 * np.cbrt(sigmoid(logits))).astype(np.uint8)
    return levels


def quantise_logits(logits: Logits) -> Levels:
    """Return the bytes (N, C) of windows for scenes."""
    levels: Levels = np.rint(np.clip((logits - LOWEST_LOGIT) / LOGIT_STEP, 0, 255)).astype(np.uint8)
    return levels


def restore_logits(levels: Levels) -> Logits:
    """Return the logits (N, C) of windows for scenes."""
    return (LOWEST_LOGIT + LOGIT_STEP * levels).astype(np.float32)


@lru_cache(maxsize=1)
def score_table() -> Logits:
    """Return the score of each byte of a row: (256,)."""
    return ((np.arange(256) / 255.0) ** ROOT).astype(np.float32)


@lru_cache(maxsize=1)
def logit_table() -> Logits:
    """Return the logit of each byte of a row (256,); 0 is half a step below 1, 255 half a step above 254."""
    steps = np.arange(256, dtype=np.float64)
    steps[0], steps[-1] = 0.5, 254.5
    scores = (steps / 255.0) ** ROOT
    return np.log(scores / (1 - scores)).astype(np.float32)
