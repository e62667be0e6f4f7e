"""The table of formats: what `--format`, the server's downloads and reports offer. A new format is a file and a line.

Of `events.csv`, `scenes.csv` and `tags.csv` a run writes those that its words call for; they need no `--format`.
"""

from __future__ import annotations

from collections.abc import Iterable

from earwitness.results.formats.aoef import AOEF
from earwitness.results.formats.audacity import AUDACITY
from earwitness.results.formats.csv_tables import EVENTS, SCENES, TAGS
from earwitness.results.formats.dcase import DCASE, DCASE_TXT
from earwitness.results.formats.jams import JAMS
from earwitness.results.formats.json_lines import JSON, JSONL
from earwitness.results.formats.kaleidoscope import KALEIDOSCOPE
from earwitness.results.formats.labelstudio import LABEL_STUDIO
from earwitness.results.formats.parquet import PARQUET
from earwitness.results.formats.raven import RAVEN
from earwitness.results.formats.subtitles import SRT, VTT
from earwitness.results.formats.textgrid import TEXTGRID
from earwitness.results.formats.token_scores import SCORES, SCORES_NPZ

CSV_TABLES = {each.run_file: each for each in (EVENTS, SCENES, TAGS)}
FORMATS = {
    each.name: each
    for each in (
        EVENTS,
        JSONL,
        JSON,
        PARQUET,
        DCASE,
        DCASE_TXT,
        AUDACITY,
        RAVEN,
        SCORES,
        SCORES_NPZ,
        VTT,
        SRT,
        JAMS,
        LABEL_STUDIO,
        AOEF,
        KALEIDOSCOPE,
        TEXTGRID,
    )
}
DOWNLOADS = {each.name: each for each in (SCENES, TAGS)} | FORMATS


def needs_scores(names: Iterable[str]) -> bool:
    """Return whether a format among some names writes the scores of each token."""
    return any(FORMATS[name].needs_scores for name in names if name in FORMATS)
