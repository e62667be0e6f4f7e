"""An exported M2D encoder's graphs in a session of ONNX Runtime: what goes in and what comes out.

In: a session and windows (W, S). Out: features, logits or attention weights.

The graph takes the power spectrum of a unit, not its log-mel: numpy's matrix products bring threads of their own, which
spin and so slow those here. It pads after normalising, as M2D does. Without a tag head it has no logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from earwitness.audio import compute_power
from earwitness.encoders.base import Floats, Output
from earwitness.encoders.m2d.spec import M2DSpec

POWER, N_PAD, FEATURES, LOGITS = "power", "n_pad", "features", "logits"
FRAME_LOGITS = "frame_logits"  # of tokens, where the encoder has a second head for them
ATTENTION = "attention"  # the only output of a second graph, <name>.attention.onnx


def run(session: Any, spec: M2DSpec, wanted: Sequence[Output], windows: Floats, *, is_trimmed: bool) -> list[Floats]:
    """Return the wanted outputs (W, ...) of windows (W, S), unit after unit."""
    of_tokens = FRAME_LOGITS if spec.has_frame_head else LOGITS
    outputs: dict[Output, str] = {"features": FEATURES, "token_logits": of_tokens, "window_logits": LOGITS}
    names = list(dict.fromkeys(outputs[each] for each in wanted))
    units = [session.run(names, unit) for unit in _feed(spec, windows, is_trimmed)]
    found = dict(zip(names, (np.concatenate(rows, axis=1) for rows in zip(*units, strict=True)), strict=True))
    # The clip head is affine, so that a window's logits are the mean over its tokens.
    return [found[outputs[each]].mean(axis=1) if each == "window_logits" else found[outputs[each]] for each in wanted]


def attend(session: Any, spec: M2DSpec, windows: Floats, *, is_trimmed: bool) -> Floats:
    """Return attention weights (W, layers, heads, N, N) of windows (W, S) of one unit."""
    (unit,) = _feed(spec, windows, is_trimmed)
    (weights,) = session.run([ATTENTION], unit)
    # The graph has tokens column by column; the encoder's order is band by band.
    grid = 1 + np.arange(weights.shape[-1] - 1).reshape(-1, spec.grid[0])  # (T, bands)
    order = np.concatenate([[0], grid.T.ravel()])
    by_band: Floats = weights[..., order[:, None], order]
    return by_band


def _feed(spec: M2DSpec, windows: Floats, is_trimmed: bool) -> list[dict[str, Any]]:
    """Return the inputs of the graph for each unit."""
    power = compute_power(windows, spec.mel)  # (W, F, bins)
    units = spec.cut_units(spec.count_frames(power.shape[1], is_trimmed))
    return [{POWER: power[:, start:stop], N_PAD: np.array([n_pad])} for start, stop, n_pad in units]
