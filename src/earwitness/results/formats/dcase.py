"""DCASE's tables of events: file, onset, offset and label between tabs, with a header as .tsv and without as .txt.

With a header (sed_scores_eval, psds_eval, pandas) a file without events is a row with empty cells, as DESED has it;
without (sed_eval, dcase_util) it is its name alone.
"""

from __future__ import annotations

from earwitness.results.formats.base import PLAIN, TSV, Format, RecordingResult, join_cells, show_time


def _list_events(result: RecordingResult) -> str:
    return _list_rows(result) or join_cells(result.path.name, "", "", "")


def _list_bare_events(result: RecordingResult) -> str:
    return _list_rows(result) or join_cells(result.path.name)


def _list_rows(result: RecordingResult) -> str:
    name = result.path.name
    return "".join(join_cells(name, show_time(e.onset_s), show_time(e.offset_s), e.word) for e in result.events)


DCASE = Format(
    name="dcase",
    title="DCASE tables of events, with a header as .tsv and without as .txt",
    suffix=".dcase.tsv",
    media_type=TSV,
    rows=_list_events,
    head=join_cells("filename", "onset", "offset", "event_label"),
    run_file="events_dcase.tsv",
    also=("dcase_txt",),
)
DCASE_TXT = Format(
    name="dcase_txt",
    title="DCASE table of events without a header",
    suffix=".dcase.txt",
    media_type=PLAIN,
    rows=_list_bare_events,
    run_file="events_dcase.txt",
)
