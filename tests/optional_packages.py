"""A pytest plugin: where torch or Ray is not installed, what needs it skips and says so.

A file of tests that cannot be imported without it skips as a whole; a test that imports it, or asks for what needs it,
skips by itself. With the package installed nothing changes: a test that fails, fails.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Generator, Iterator

import pytest

from earwitness.errors import MissingExtraError

ABSENT = {
    name for name in ("torch", "ray", "sentence_transformers", "transformers") if not importlib.util.find_spec(name)
}


def find_absent(error: BaseException | None) -> str | None:
    """Return the name of the absent package that an error, or what caused it, is about."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] in ABSENT:
            return str(error.name).partition(".")[0]
        extra = re.search(r"earwitness\[(\w+)\]", str(error)) if isinstance(error, MissingExtraError) else None
        if extra and {"mpnet": "sentence_transformers", "clap": "transformers"}.get(extra[1], extra[1]) in ABSENT:
            return extra[1]
        error = error.__cause__ or error.__context__
    return None


class OptionalModule(pytest.Module):
    """A file of tests that skips where it cannot be imported for want of an absent package."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        try:
            yield from super().collect()
        except self.CollectError as error:
            if absent := find_absent(error):
                pytest.skip(f"needs {absent}, which is not installed", allow_module_level=True)
            raise


def pytest_pycollect_makemodule(module_path: object, parent: pytest.Collector) -> pytest.Module | None:
    """Let files of tests skip, where a package is absent."""
    return OptionalModule.from_parent(parent, path=module_path) if ABSENT else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Skip a test that asks for an absent package."""
    try:
        return (yield)
    except Exception as error:
        if absent := find_absent(error):
            pytest.skip(f"needs {absent}, which is not installed")
        raise
