"""The table of formats: what `--format`, the server's downloads and reports offer. A new format is a file and a line.

Of `events.csv`, `scenes.csv` and `tags.csv` a run writes those that its words call for; they need no `--format`.
"""

from __future__ import annotations

from earwitness.results.formats.audacity import AUDACITY
from earwitness.results.formats.csv_tables import EVENTS, SCENES, TAGS
from earwitness.results.formats.dcase import DCASE
from earwitness.results.formats.json_lines import JSON, JSONL
from earwitness.results.formats.parquet import PARQUET
from earwitness.results.formats.raven import RAVEN

CSV_TABLES = {each.run_file: each for each in (EVENTS, SCENES, TAGS)}
FORMATS = {
    each.name: each
    for each in (
        EVENTS,
        JSONL,
        JSON,
        PARQUET,
        DCASE,
        AUDACITY,
        RAVEN,
    )
}
DOWNLOADS = {each.name: each for each in (SCENES, TAGS)} | FORMATS
