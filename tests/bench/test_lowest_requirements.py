"""The lowest versions: one line a package and marker, the highest of its bounds; and a pin for every dependency."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement

from lowest_requirements import find_lowest, list_requirements

ROOT = Path(__file__).parents[2]


def test_the_highest_bound_of_a_package_counts_and_markers_stay() -> None:
    lines = [
        "b>=1.2",
        "a~=2.0",
        "b>=1.10",
        "c",
        "d==3.1",
        "e>=1; python_version < '3.11'",
        "e>=2; python_version >= '3.11'",
    ]
    assert find_lowest([Requirement(each) for each in lines]) == [
        "a==2.0",
        "b==1.10",
        "d==3.1",
        'e==1 ; python_version < "3.11"',
        'e==2 ; python_version >= "3.11"',
    ]


def test_every_dependency_is_pinned() -> None:
    pins = [
        Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] not in ("#", "")
    ]
    pinned = {each.name.lower().replace("_", "-") for each in pins}
    assert all(str(each.specifier).startswith("==") for each in pins)
    for each in list_requirements(ROOT / "pyproject.toml"):
        name = each.name.lower().replace("_", "-")
        if name in ("earwitness", "sed-scores-eval-np2"):  # [conformance] needs an older pandas than [ray]
            continue
        assert name in pinned, f"{each}: not in constraints.txt; run make lock"
