"""crowsetta reads Raven selection tables, with times, frequencies and words, and Audacity label tracks."""

from __future__ import annotations

import crowsetta
from expected import check_events, find_files, read_expected, results_of, select

folder = results_of("raven")
events = read_expected(folder)
n_read = 0
for path in find_files(folder, "*selections.txt"):
    wanted = select(events, path)
    if not wanted:
        continue  # crowsetta refuses a table without rows
    boxes = crowsetta.formats.bbox.Raven.from_file(path, annot_col="Species").to_bbox()
    check_events([(box.onset, box.offset, box.label) for box in boxes], wanted, path)
    assert all(0 <= box.low_freq < box.high_freq for box in boxes), path
    n_read += len(boxes)
assert n_read == len(events), f"{n_read} of {len(events)} events were read"
n_labels = 0
for path in find_files(results_of("audacity"), "*.labels.txt"):
    wanted = select(events, path)
    if not wanted:
        continue  # crowsetta refuses a track without labels
    labels = crowsetta.formats.seq.AudSeq.from_file(path).to_seq()
    words = [str(label).rpartition(" (")[0] for label in labels.labels]  # without the score
    check_events(list(zip(map(float, labels.onsets_s), map(float, labels.offsets_s), words, strict=True)), wanted, path)
    n_labels += len(wanted)
assert n_labels == len(events), f"{n_labels} of {len(events)} labels were read"
print(f"crowsetta {crowsetta.__version__} reads {n_read} events from Raven's tables, {n_labels} from Audacity's tracks")
