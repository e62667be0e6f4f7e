"""AudioSet's tags: the names of what encoders score.

Source: the 527 classes of AudioSet (Gemmeke et al. 2017), in the order of their sorted ids (mids), as M2D's heads use
them.
"""

from __future__ import annotations

import csv
from functools import lru_cache

from earwitness.files import DATA_DIR


@lru_cache(maxsize=1)
def tag_names() -> tuple[str, ...]:
    """Return the 527 tag names in the order of the encoder's head."""
    with (DATA_DIR / "tags.csv").open(newline="", encoding="utf-8") as file:
        return tuple(row["name"] for row in csv.DictReader(file))
