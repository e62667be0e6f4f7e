"""Tags over time: the spectrogram, and under it a row of scores for each tag.

In: a `Timeline`. Out: a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from earwitness.errors import WordError
from earwitness.plots.figure import describe_settings, make_figure, styled
from earwitness.plots.panels import add_score_bar, draw_levels, draw_tag_rows, find_strongest
from earwitness.plots.timeline import Timeline
from earwitness.recognition import choose_method
from earwitness.settings import Settings
from earwitness.words import tag_names


@styled()
def draw_tags(
    timeline: Timeline, title: str, settings: Settings, encoder: str, tags: Sequence[str] = (), n_tags: int = 15
) -> Any:
    """Return the figure of chosen tags, or of those with the largest scores.

    Raises:
        WordError: a name is not one of the encoder's tags.
    """
    chosen = find_tags(tags) if tags else find_strongest(timeline.logits, n_tags)
    which = "" if tags else f" The {len(chosen)} tags with the largest scores, the strongest on top."
    hop_s = choose_method(settings).cut_rows(settings).hop_s
    scale = f" Tag scores of windows every {hop_s:g} s, on a logarithmic scale."
    caption = describe_settings(settings, encoder) + scale + which
    heights = [2.2, 0.26 * len(chosen) + 0.2]
    figure = make_figure(11.0, sum(heights) + 1.5, title, caption)
    levels, rows = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    figure.colorbar(draw_levels(levels, timeline.spectrogram), ax=levels, pad=0.01, label="level (dB)")
    add_score_bar(figure, rows, draw_tag_rows(rows, timeline.logits, timeline.edges_s, chosen))
    levels.tick_params(labelbottom=False)
    rows.set_ylabel("tag")
    rows.set_xlim(0.0, timeline.duration_s)
    rows.set_xlabel("time (s)")
    return figure


def find_tags(names: Sequence[str]) -> np.ndarray:
    """Return the indices (n,) of tags by their names, in any case.

    Raises:
        WordError: a name is not one of the encoder's tags.
    """
    places = {name.casefold(): place for place, name in enumerate(tag_names())}
    unknown = [name for name in names if name.casefold() not in places]
    if unknown:
        raise WordError(f"{unknown[0]}: not one of the {len(places)} tags; 'earwitness words' lists the nearest")
    return np.array([places[name.casefold()] for name in names])
