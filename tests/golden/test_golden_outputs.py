"""What the program puts out is what it has always put out; `make golden` shows and takes over what is to change."""

from __future__ import annotations

from collections.abc import Iterator

import cases_archive  # noqa: F401 (each module of cases puts its own into the table)
import cases_evaluation  # noqa: F401
import cases_long  # noqa: F401
import cases_pictures  # noqa: F401
import cases_published  # noqa: F401
import cases_python  # noqa: F401
import cases_recordings  # noqa: F401
import cases_shared  # noqa: F401
import cases_streams  # noqa: F401
import pytest
from golden_case import CASES, Workspace, working_in
from golden_comparing import EXPECTED_DIR, compare, read_expected
from golden_reading import normalise

pytestmark = pytest.mark.slow

N_SHOWN = 20


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One folder for all cases, which use each other's recordings, store and evaluations."""
    with working_in(tmp_path_factory.mktemp("golden")) as workspace:
        yield workspace


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_the_golden_ones(work: Workspace, name: str) -> None:
    case = CASES[name]
    if case.needs and not case.needs.exists():
        pytest.skip(f"{case.needs} is not here: it holds recordings that cannot be shipped")
    changes = compare(read_expected(name), normalise(case.run(work), work.folder))
    shown = [f"{name}: {each}" for each in changes[:N_SHOWN]]
    more = f"... and {len(changes) - N_SHOWN} more" if len(changes) > N_SHOWN else ""
    assert not changes, "\n".join(["outputs changed (golden -> now):", *shown, more])


def test_every_golden_output_has_its_case() -> None:
    assert {path.stem for path in EXPECTED_DIR.glob("*.json")} == set(CASES)


def test_small_differences_are_none_and_others_are_named() -> None:
    expected = {"columns": ["onset_s", "score", "word"], "rows": [[1.0, 0.5, "dog (0.50)"]]}

    def change(*cells: object) -> list[str]:
        return compare({"events": expected}, {"events": {**expected, "rows": [list(cells)]}})

    assert change(1.16, 0.50009, "dog (0.51)") == []
    assert change(1.2, 0.5, "dog (0.50)") == ["events[0].onset_s: 1.0 -> 1.2"]
    assert change(1.0, 0.5002, "dog (0.50)") == ["events[0].score: 0.5 -> 0.5002"]
    assert change(1.0, 0.5, "cat (0.50)") == ["events[0].word: 'dog (0.50)' -> 'cat (0.50)'"]
    assert change(1.0, None, "dog (0.52)") == [
        "events[0].score: 0.5 -> None",
        "events[0].word: 'dog (0.50)' -> 'dog (0.52)'",
    ]
    assert compare({"a": [1]}, {"b": [1]}) == ["a: [1] -> '(nothing)'", "b: '(nothing)' -> [1]"]
    assert compare([1, 2], [1]) == [": 2 items -> 1"]
    assert compare(True, 1) == [": True -> 1"]
