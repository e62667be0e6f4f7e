"""sed_scores_eval reads score tables and DCASE tables, and computes on both."""

from __future__ import annotations

import numpy as np
import pandas
from expected import check_events, find_files, read_expected, results_of
from sed_scores_eval import io
from sed_scores_eval.base_modules.scores import validate_score_dataframe
from sed_scores_eval.intersection_based import psds

folder = results_of("dcase")
table = find_files(folder, "*dcase*.tsv", 1)[0]
truth = io.read_ground_truth_events(table)
found = [(onset, offset, word) for rows in truth.values() for onset, offset, word, *_ in rows]
check_events(found, read_expected(folder), table)
n_events = len(found)
folder = results_of("scores")
events = read_expected(folder)
found_words = sorted({each.word for each in events})
scores, truth, durations_s = {}, {}, {}
for path in find_files(folder, "*.tsv"):
    name = path.stem
    read = io.read_sed_scores(path)
    edges_s, words = validate_score_dataframe(read)
    assert set(words) >= set(found_words), f"{path}: {words}"
    scores[name] = read[["onset", "offset", *found_words]]  # PSDS is not defined for a word without truth
    assert np.all(np.diff(edges_s) > 0), f"{path}: times do not rise"
    truth[name] = [(each.onset_s, each.offset_s, each.word) for each in events if each.stem in name]
    durations_s[name] = float(edges_s[-1])
    for each in events:  # where an event is, its word scores above half
        if each.stem in name:
            inside = (edges_s[:-1] >= each.onset_s - 1e-3) & (edges_s[:-1] < each.offset_s)
            assert scores[name][each.word].to_numpy()[inside].max() >= 0.5, f"{path}: {each}"
value, *_ = psds(scores, truth, durations_s, dtc_threshold=0.1, gtc_threshold=0.1, max_efpr=100.0)
assert 0.5 < value <= 1.0, f"PSDS of the scores against their own events is {value}"
for path in sorted(folder.rglob("*.npz")):
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays.files, path
counts = f"{n_events} events, scores of {len(scores)} recordings (PSDS {value:.3f})"
print(f"sed_scores_eval reads {counts}; pandas {pandas.__version__}")
