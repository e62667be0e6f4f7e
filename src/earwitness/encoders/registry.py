"""The families of encoders, and all weights that earwitness knows by name.

In: a name or a path. Out: its `Family`, and what is known of the weights before anything is fetched or read.
A new family is a folder with a `Family` of its own and one line in `FAMILIES`.
"""

from __future__ import annotations

from pathlib import Path

from earwitness.encoders.base import EncoderSpec, Family, WeightsSpec
from earwitness.encoders.m2d import M2D
from earwitness.encoders.m2d.published import EMBEDDED as EMBEDDED

FAMILIES = (M2D,)
WEIGHTS: dict[str, WeightsSpec] = {spec.name: spec for family in FAMILIES for spec in family.weights}
LICENCE_TERMS: dict[str, str] = {name: terms for family in FAMILIES for name, terms in family.licences.items()}


def family_of(path: Path) -> Family:
    """Return the family of a file of weights; where none matches the first one, which says what it expects."""
    return next((family for family in FAMILIES if family.match(path)), FAMILIES[0])


def family_of_spec(spec: EncoderSpec) -> Family:
    """Return the family of an encoder."""
    return next(family for family in FAMILIES if isinstance(spec, family.spec))


def identify_weights(path: Path) -> WeightsSpec | None:
    """Return what is known of a file of weights by its name or its folder's; None if neither is a known name."""
    return WEIGHTS.get(path.name.partition(".")[0]) or WEIGHTS.get(path.absolute().parent.name)
