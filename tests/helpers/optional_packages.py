"""A pytest plugin: where torch or another optional package is not installed, what needs it skips and says so.

A file of tests that cannot be imported without the package skips as a whole; a test skips that is marked
`@pytest.mark.needs("torch")`. With the package installed nothing changes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

import pytest


def is_absent(package: str) -> bool:
    """Return whether a package is not installed; nothing is imported."""
    return importlib.util.find_spec(package) is None


class OptionalModule(pytest.Module):
    """A file of tests that skips where it cannot be imported for want of an optional package."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Collect as usual, but skip where torch is missing."""
        try:
            return super().collect()
        except self.CollectError as error:
            cause = error.__cause__
            if isinstance(cause, ModuleNotFoundError) and str(cause.name).partition(".")[0] == "torch":
                pytest.skip(f"{self.path.name} needs torch, which is not installed", allow_module_level=True)
            raise


def pytest_pycollect_makemodule(module_path: object, parent: pytest.Collector) -> pytest.Module | None:
    """Let files of tests skip where torch is absent."""
    return OptionalModule.from_parent(parent, path=module_path) if is_absent("torch") else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that is marked with the name of an absent package."""
    for mark in item.iter_markers("needs"):
        for package in mark.args:
            if is_absent(package):
                pytest.skip(f"needs {package}, which is not installed")
