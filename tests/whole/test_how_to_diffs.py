"""The diffs of the how-to pages apply to the tree as it is, and what they add works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from demo_recording import make_recording

ROOT = Path(__file__).parents[2]
DATA = "earwitness/data"  # linked, not copied: it has 30 MB
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not there, which applies the diffs")


@pytest.fixture
def street(tmp_path: Path) -> Path:
    path = tmp_path / "street.wav"
    soundfile.write(path, make_recording()[0], 16000)
    return path


def apply_diff(page: str, folder: Path) -> Path:
    """Return a copy of `src` below a folder with the diff of a how-to page in it."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("data", "__pycache__", "*.egg-info"))
    (folder / "src" / DATA).symlink_to(ROOT / "src" / DATA)
    found = re.search(r"```diff\n(.*?)^```", (ROOT / "docs/how-to" / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    outside = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    command = ["git", "apply", "-"]
    done = subprocess.run(command, input=found[1], cwd=folder, text=True, capture_output=True, env=outside)
    assert done.returncode == 0, done.stderr
    return folder / "src"


def run(source: Path, *arguments: str | Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run([sys.executable, *arguments], text=True, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_of_the_page_runs(street: Path, tmp_path: Path) -> None:
    source = apply_diff("add-a-command.md", tmp_path)
    name, start_s = run(source, "-m", "earwitness", "loudest", street).strip().split("\t")
    assert name == str(street)
    assert 0 <= int(start_s) < 30


def test_the_output_format_of_the_page_is_written(street: Path, tmp_path: Path) -> None:
    source = apply_diff("add-an-output-format.md", tmp_path)
    command = ("-m", "earwitness", "listen", street, "--events", "dog bark", "--format", "sonic", "--out")
    run(source, *command, tmp_path / "out")
    text = (tmp_path / "out" / "sonic" / "street.regions.csv").read_text()
    assert re.fullmatch(r"[\d.]+,[\d.]+,dog bark\n", text.replace("\r\n", "\n"))
    help_text = run(source, "-c", "from earwitness.cli.options import FORMAT_NAMES; print(FORMAT_NAMES)")
    assert help_text.strip().endswith("sonic")


def test_the_data_set_of_the_page_is_loaded(street: Path, tmp_path: Path) -> None:
    source = apply_diff("add-a-data-set.md", tmp_path)
    (tmp_path / "kitchen" / "audio").mkdir(parents=True)
    shutil.copy(street, tmp_path / "kitchen" / "audio" / "one.wav")
    rows = "file,label,split\none.wav,kettle,test\ntwo.wav,tap,train\n"
    (tmp_path / "kitchen" / "kitchen.csv").write_text(rows)
    code = (
        "import sys; from earwitness.datasets import load_dataset; data = load_dataset('kitchen', sys.argv[1]);"
        "print(len(data.clips), data.event_labels, data.missing, data.notes[0])"
    )
    assert run(source, "-c", code, tmp_path / "kitchen") == (
        "1 ('kettle', 'tap') ('two.wav',) kitchen: 1 of 600 published recordings are here; missing are two.wav; "
        "the tables here do not name 598 others\n"
    )
