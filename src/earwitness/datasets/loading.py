"""The former place of `load_dataset`; it goes with the next minor version."""

import warnings

from earwitness.datasets.registry import load_dataset

__all__ = ["load_dataset"]

warnings.warn(
    "import load_dataset from earwitness.datasets, not from earwitness.datasets.loading",
    DeprecationWarning,
    stacklevel=2,
)
