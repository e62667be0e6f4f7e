"""jams reads the JAMS files, valid by its schema, with times, words and scores."""

from __future__ import annotations

import jams
from expected import check_events, find_files, read_expected, results_of, select

folder = results_of("jams")
events = read_expected(folder)
n_read = 0
for path in find_files(folder, "*.jams"):
    jam = jams.load(str(path), validate=True, strict=True)
    assert jam.file_metadata.duration > 0, f"{path}: no duration"
    rows = [row for annotation in jam.annotations if annotation.namespace != "scene" for row in annotation.data]
    rows = [row for row in rows if isinstance(row.value, str)]
    wanted = select(events, path)
    words = {each.word for each in events}
    found = [(row.time, row.time + row.duration, row.value) for row in rows if row.value in words]
    check_events(found, wanted, path)
    assert all(row.confidence is None or 0 <= row.confidence <= 1 for row in rows), path
    n_read += len(found)
assert n_read == len(events), f"{n_read} of {len(events)} events were read"
print(f"jams {jams.__version__} reads {n_read} events")
