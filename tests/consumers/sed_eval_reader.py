"""dcase_util reads the DCASE tables, and sed_eval scores a table against itself as faultless."""

from __future__ import annotations

import dcase_util
import sed_eval
from expected import check_events, find_files, read_expected, results_of

folder = results_of("dcase")
events = read_expected(folder)
paths = [path for pattern in ("*dcase*.tsv", "*dcase*.txt") for path in sorted(folder.rglob(pattern))]
assert paths, f"{folder}: no DCASE table"
for path in paths:
    # Without a delimiter it takes the comma in a name for one.
    table = dcase_util.containers.MetaDataContainer().load(str(path), delimiter="\t")
    rows = [row for row in table if row.onset is not None]  # a file without events is a row without times
    check_events([(row.onset, row.offset, row.event_label) for row in rows], events, path)
    assert {row.filename for row in rows} == {each.name for each in events}, path
    metrics = sed_eval.sound_event.EventBasedMetrics(table.unique_event_labels, t_collar=0.2)
    if path.suffix == ".tsv":  # sed_eval compares the times of every row; the table without header suits it as it is
        table = dcase_util.containers.MetaDataContainer(rows)
    for name in table.unique_files:
        own = table.filter(filename=name)
        metrics.evaluate(reference_event_list=own, estimated_event_list=own)
    score = metrics.results_overall_metrics()["f_measure"]["f_measure"]
    assert score == 1.0, f"{path}: F1 against itself is {score}"
find_files(folder, "*dcase*.tsv")
print(f"sed_eval and dcase_util {dcase_util.__version__} read {len(events)} events: {', '.join(p.name for p in paths)}")
