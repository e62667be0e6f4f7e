"""What annotators wrote: labelled events of a file.

In: tables. Out: `LabelledEvent`s by file; a file without events has an empty list.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelledEvent:
    """An event as annotated or estimated: its label, onset and offset in seconds."""

    label: str
    onset_s: float
    offset_s: float
