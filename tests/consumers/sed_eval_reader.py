"""dcase_util reads the DCASE tables, and sed_eval scores a table against itself as faultless."""

from __future__ import annotations

from pathlib import Path

import dcase_util
import sed_eval
from expected import check_events, find_files, read_expected, results_of

folder = results_of("dcase")
events = read_expected(folder)
paths = [path for pattern in ("*dcase*.tsv", "*dcase*.txt") for path in sorted(folder.rglob(pattern))]
assert paths, f"{folder}: no DCASE table"
for path in paths:
    table = dcase_util.containers.MetaDataContainer().load(
        str(path), delimiter="\t"
    )  # it takes a comma in a name for one
    found = [row for row in table if row.onset is not None]  # a file without events is a row without times
    check_events([(row.onset, row.offset, row.event_label) for row in found], events, path)
    assert {row.filename for row in found} == {Path(each.file).name for each in events}, path
    metrics = sed_eval.sound_event.EventBasedMetrics(table.unique_event_labels, t_collar=0.2)
    for name in table.unique_files:
        own = [row for row in table.filter(filename=name) if row.onset is not None]
        metrics.evaluate(reference_event_list=own, estimated_event_list=own)
    score = metrics.results_overall_metrics()["f_measure"]["f_measure"]
    assert score == 1.0, f"{path}: F1 against itself is {score}"
find_files(folder, "*dcase*.tsv")
print(f"sed_eval and dcase_util {dcase_util.__version__} read {len(events)} events: {', '.join(p.name for p in paths)}")
