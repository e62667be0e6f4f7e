"""psds_eval reads the DCASE table with header, as truth and as detections: PSDS of a table against itself is 1."""

from __future__ import annotations

import pandas
from expected import check_events, find_files, read_expected, results_of
from psds_eval import PSDSEval

folder = results_of("dcase")
events = read_expected(folder)
path = find_files(folder, "*dcase*.tsv", 1)[0]
table = pandas.read_csv(path, sep="\t")
assert list(table.columns)[:4] == ["filename", "onset", "offset", "event_label"], f"{path}: {list(table.columns)}"
durations = pandas.DataFrame({"filename": sorted(set(table.filename)), "duration": 30.0})
table = table[["filename", "onset", "offset", "event_label"]].dropna()  # a file without events is a row without times
check_events([(row.onset, row.offset, row.event_label) for row in table.itertuples()], events, path)
psds = PSDSEval(dtc_threshold=0.5, gtc_threshold=0.5, ground_truth=table, metadata=durations)
psds.add_operating_point(table)
value = psds.psds(alpha_ct=0.0, alpha_st=0.0, max_efpr=100).value
assert abs(value - 1.0) < 1e-9, f"PSDS of the table against itself is {value}"
print(f"psds_eval reads {len(table)} events (PSDS {value:.3f})")
