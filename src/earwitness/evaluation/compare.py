"""Two evaluations of the same files: by how much each number differs, and whether chance could do that.

In: two folders of results. Out: a `Change` for each number that both have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.evaluation.measures import METRICS, N_GROUPS, N_RESAMPLES, Measure
from earwitness.evaluation.results import SavedResults
from earwitness.metrics import Difference, bootstrap_difference, find_rare_class, jackknife_difference

N_NAMED = 3
ABOUT = ("method", "encoder", "weights_sha256", "settings", "words", "version")  # what may differ


@dataclass(frozen=True)
class Change:
    """A number of both, and its difference, first less second, with the interval and p value of the paired bootstrap.

    For mAP they are those of the paired jackknife.
    """

    measure: str
    name: str
    title: str
    is_higher_better: bool
    first: float
    second: float
    difference: Difference

    @property
    def better(self) -> str:
        """Which is better, "first" or "second"; "" where the interval holds 0, so that chance could do it."""
        if not (self.difference.low > 0 or self.difference.high < 0):
            return ""
        return "first" if (self.difference.low > 0) == self.is_higher_better else "second"


def compare_results(first: SavedResults, second: SavedResults) -> list[Change]:
    """Return the change of each number that both have.

    Raises:
        AnnotationError: the data sets, the files or the truth differ; the message names which.
    """
    names = [str(each.about.get("dataset")) for each in (first, second)]
    if names[0] != names[1]:
        raise AnnotationError(
            f"{first.folder} is of {names[0]}, {second.folder} of {names[1]}; compare results of one data set"
        )
    kinds = [kind for kind in first.measures if kind in second.measures]
    if not kinds:
        raise AnnotationError(f"{first.folder} and {second.folder} share no measure; evaluate both the same way")
    changes = []
    for kind in kinds:
        _refuse_other_files(first, second, kind)
        one, two = _bring_together(first.measures[kind], second.measures[kind])
        n_files = len(one.files)
        classes = [find_rare_class(file) for file in one.files]
        strata = classes if kind == "rare" and all(classes) else None  # as many of each class as there are
        for spec in (each for each in METRICS[kind] if each.fits(one, two)):
            metric, other = spec.make(one), spec.make(two)
            if spec.is_ranking:
                difference = jackknife_difference(n_files, metric, other, n_groups=N_GROUPS)
            else:
                difference = bootstrap_difference(n_files, metric, other, N_RESAMPLES, strata=strata)
            whole = np.ones(n_files)
            values = metric(whole), other(whole)
            changes.append(Change(kind, spec.name, spec.title, spec.is_higher_better, *values, difference))
    return changes


def find_differences(first: SavedResults, second: SavedResults) -> list[str]:
    """Return what of encoder, settings and words differs, a sentence each."""
    one, two = (_flatten({name: each.about.get(name) for name in ABOUT}) for each in (first, second))
    return [
        f"{name}: {one.get(name)} and {two.get(name)}"
        for name in sorted({*one, *two})
        if one.get(name) != two.get(name)
    ]


def _refuse_other_files(first: SavedResults, second: SavedResults, kind: str) -> None:
    one, two = first.measures[kind], second.measures[kind]
    for here, other, folder in ((one, two, first.folder), (two, one, second.folder)):
        only = sorted(set(here.files) - set(other.files))
        if only:
            named = ", ".join(only[:N_NAMED]) + (", ..." if len(only) > N_NAMED else "")
            raise AnnotationError(
                f"{len(only)} files are in {folder} only ({kind}): {named}; evaluate both on the same files"
            )


def _bring_together(one: Measure, two: Measure) -> tuple[Measure, Measure]:
    """Return both with the files and labels of the first, in its order.

    Raises:
        AnnotationError: the truth of a file differs.
    """
    labels = tuple(dict.fromkeys((*one.labels, *two.labels)))
    one, two = _lay_out(one, one.files, labels), _lay_out(two, one.files, labels)
    differs = np.flatnonzero((one.counts[..., 0] != two.counts[..., 0]).any(axis=1))
    if differs.size:
        raise AnnotationError(
            f"{one.files[differs[0]]}: its truth is not the same in both ({one.kind}); evaluate both on one annotation"
        )
    return one, two


def _lay_out(measure: Measure, files: tuple[str, ...], labels: tuple[str, ...]) -> Measure:
    row_of = {file: row for row, file in enumerate(measure.files)}
    rows = [row_of[file] for file in files]
    counts = np.zeros((len(files), len(labels) + 1, measure.counts.shape[2]), dtype=np.int64)
    places = [labels.index(label) for label in measure.labels]
    counts[:, places] = measure.counts[rows][:, :-1]
    counts[:, -1] = measure.counts[rows][:, -1]
    values = None if measure.values is None else measure.values[rows]
    if values is not None and measure.kind == "clips":
        values = np.zeros((len(files), len(labels)))
        values[:, places] = measure.values[rows]  # type: ignore[index]
    return replace(measure, files=files, labels=labels, counts=counts, values=values)


def _flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
