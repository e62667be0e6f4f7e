"""Eight bits: what they keep, and that the rules written into a store are the ones that are used."""

from __future__ import annotations

import numpy as np

from earwitness.archive.quantise import (
    RULES,
    logit_table,
    quantise_logits,
    quantise_scores,
    restore_logits,
    score_table,
)
from earwitness.recognition.tags import sigmoid

LOGITS = np.linspace(-16, 9, 5001, dtype=np.float32)[:, None]


def test_a_score_is_off_by_half_a_step_at_most() -> None:
    levels = quantise_scores(LOGITS)
    assert levels.dtype == np.uint8
    assert np.abs(np.cbrt(score_table()[levels]) - np.cbrt(sigmoid(LOGITS))).max() <= 0.5 / 255 + 1e-6
    near_threshold = np.abs(LOGITS[:, 0] + 4) < 1
    error = np.abs(score_table()[levels] / sigmoid(LOGITS) - 1)[near_threshold]
    assert error.max() < 0.04


def test_louder_is_never_quieter_in_bytes() -> None:
    assert (np.diff(quantise_scores(LOGITS)[:, 0].astype(int)) >= 0).all()
    assert (np.diff(logit_table()) > 0).all()
    assert quantise_scores(np.array([[-100.0, 100.0]], np.float32)).tolist() == [[0, 255]]


def test_the_tables_follow_the_rules_that_a_store_states() -> None:
    q = np.arange(256)
    assert np.allclose(score_table(), eval(RULES["rows.scores"].split("= ")[1], {"q": q}), atol=1e-7)
    stated = eval(RULES["clips.logits"].split("= ")[1], {"q": q})
    assert np.allclose(restore_logits(q.astype(np.uint8)), stated, atol=1e-5)


def test_logits_of_clips_are_off_by_half_a_tenth_at_most() -> None:
    assert np.abs(restore_logits(quantise_logits(LOGITS)) - LOGITS).max() <= 0.0501
