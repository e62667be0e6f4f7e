"""The example notebook: its cells run in order, and the file holds them with their outputs."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from make_notebook import CELLS, NOTEBOOK_PATH


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for IPython's `Image`, which CI does without; give the names of the pictures shown."""
    names: list[str] = []
    display = types.ModuleType("IPython.display")
    display.Image = names.append  # type: ignore[attr-defined]
    package = types.ModuleType("IPython")
    package.version_info = (9, 0)  # type: ignore[attr-defined]  # matplotlib asks
    package.get_ipython = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return names


@pytest.mark.slow
def test_the_notebooks_cells_run_in_order(
    shown: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, cell in enumerate(each for each in CELLS if not each.startswith("#")):
        exec(compile(cell, f"cell {number}", "exec"), names)
    said = capsys.readouterr().out
    assert "dog bark" in said
    assert "of what the encoder looked at" in said
    assert [Path(name).stat().st_size > 10_000 for name in shown] == [True]
    assert "street.wav" in (tmp_path / "street.html").read_text(encoding="utf-8")


def test_the_notebook_holds_these_cells_and_their_outputs() -> None:
    notebook = json.loads(NOTEBOOK_PATH.read_text(encoding="utf-8"))
    assert ["".join(cell["source"]) for cell in notebook["cells"]] == list(CELLS), (
        "run: python scripts/make_notebook.py"
    )
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in code)
    assert not any(output["output_type"] == "error" for cell in code for output in cell["outputs"])
