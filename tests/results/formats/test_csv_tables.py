"""CSV: the evidence of an event in one cell."""

from __future__ import annotations

from earwitness.results.formats.csv_tables import format_evidence
from made_recognitions import BARK, DOG


def test_evidence_is_tag_similarity_and_score() -> None:
    assert format_evidence([BARK, DOG]) == "Bark|0.910|0.500; Dog|0.800|0.250"
    assert format_evidence([]) == ""
