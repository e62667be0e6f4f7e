"""praatio and textgrid read the Praat TextGrids: a tier a word, or one tier, with the word in each interval."""

from __future__ import annotations

import textgrid
from expected import check_events, find_files, read_expected, results_of, select
from praatio import textgrid as praat

folder = results_of("textgrid")
events = read_expected(folder)
words = {each.word for each in events}
n_read = 0


def name_event(tier: str, label: str) -> str:
    """Return the word of an interval: its label without a score, or its tier's name."""
    return next((word for word in words if label.startswith(word)), tier)


for path in find_files(folder, "*.TextGrid"):
    wanted = select(events, path)
    grid = praat.openTextgrid(str(path), includeEmptyIntervals=False)
    tiers = [(name, grid.getTier(name)) for name in grid.tierNames]
    rows = [(each.start, each.end, name_event(name, each.label)) for name, tier in tiers for each in tier.entries]
    check_events([row for row in rows if row[2] in words], wanted, path)
    other = textgrid.TextGrid.fromFile(str(path))
    rows = [
        (each.minTime, each.maxTime, name_event(tier.name, each.mark)) for tier in other for each in tier if each.mark
    ]
    check_events([row for row in rows if row[2] in words], wanted, path)
    n_read += len(wanted)
assert n_read == len(events), f"{n_read} of {len(events)} events were read"
print(f"praatio and textgrid read {n_read} events")
