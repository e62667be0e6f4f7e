"""Who belongs to whom: as many pairs of references and estimates as there can be, each used once.

In: hits (R, E), which estimate could stand for which reference. Out: the estimate of each reference, or -1.

Source: Hopcroft and Karp, "An n^(5/2) algorithm for maximum matchings in bipartite graphs", SIAM J. Comput. 2(4), 1973.
There may be several largest matchings; which one is taken decides what is left over for substitutions. The order in
which vertices are visited is therefore that of the implementation in mir_eval, which sed_eval and sed_scores_eval use.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def match_pairs(hits: np.ndarray) -> np.ndarray:
    """Return for each reference the index of its estimate, or -1, so that the number of pairs is as large as can be.

    Args:
        hits: (R, E) bool, whether a reference and an estimate could be a pair.

    Returns:
        (R,) int.
    """
    choices: dict[int, list[int]] = {}  # estimate -> references, both in the order in which references name them
    for ref, est in np.argwhere(hits).tolist():
        choices.setdefault(est, []).append(ref)
    partner: dict[int, int] = {}  # reference -> estimate
    for est, refs in choices.items():
        free = next((ref for ref in refs if ref not in partner), None)
        if free is not None:
            partner[free] = est
    while _lengthen(choices, partner):
        pass
    matched = np.full(len(hits), -1)
    for ref, est in partner.items():
        matched[ref] = est
    return matched


def _lengthen(choices: dict[int, list[int]], partner: dict[int, int]) -> bool:
    """Add pairs along shortest alternating paths; return whether there was one."""
    taken = set(partner.values())
    origin: dict[int, int | None] = {est: None for est in choices if est not in taken}  # reference it was reached from
    reached: dict[int, list[int]] = {}  # reference -> estimates of the layer before
    layer, free = list(origin), list[int]()
    while layer and not free:
        found: dict[int, list[int]] = {}
        for est in layer:
            for ref in choices[est]:
                if ref not in reached:
                    found.setdefault(ref, []).append(est)
        layer = []
        for ref, ests in found.items():
            reached[ref] = ests
            if ref in partner:
                layer.append(partner[ref])
                origin[partner[ref]] = ref
            else:
                free.append(ref)
    for ref in free:
        _follow_back(ref, reached, origin, partner)
    return bool(free)


def _follow_back(
    ref: int, reached: dict[int, list[int]], origin: dict[int, int | None], partner: dict[int, int]
) -> None:
    """Search a path from a free reference back to a free estimate, each vertex once, and swap the pairs along it."""
    path: list[tuple[int, Iterator[int]]] = [(ref, iter(reached.pop(ref, ())))]
    chosen: dict[int, int] = {}
    while path:
        here, ests = path[-1]
        est = next((each for each in ests if each in origin), None)
        if est is None:
            path.pop()
            continue
        chosen[here] = est
        back = origin.pop(est)
        if back is None:
            partner.update((each, chosen[each]) for each, _ in path)
            return
        path.append((back, iter(reached.pop(back, ()))))
