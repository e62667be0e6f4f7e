"""pandas reads the Kaleidoscope table; the columns are those that Kaleidoscope writes itself."""

from __future__ import annotations

import pandas
from expected import check_events, find_files, read_expected, results_of

folder = results_of("kaleidoscope")
events = read_expected(folder)
path = find_files(folder, "*kaleidoscope*.csv", 1)[0]
table = pandas.read_csv(path)
missing = {"INDIR", "FOLDER", "IN FILE", "OFFSET", "DURATION", "TOP1MATCH"} - set(table.columns)
assert not missing, f"{path}: no columns {sorted(missing)}"
check_events(
    [(o, o + d, word) for o, d, word in table[["OFFSET", "DURATION", "TOP1MATCH"]].itertuples(index=False)],
    events,
    path,
)
assert set(table["IN FILE"]) == {each.stem + ".wav" for each in events}, path
print(f"pandas {pandas.__version__} reads {len(table)} events")
