"""Golden outputs of the four published commands, over a small folder laid out like TUT Rare Sound Events."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
from golden_case import ROOT, SHARED, Workspace, case
from golden_reading import figures_kept, read_folder, read_table
from golden_sounds import cut_demo, make_noise, write

MIXTURES = Path("source_datasets/eval/data/mixture_data/evaltest/0123abcd")
CRY, BREAK = "mixture_evaltest_babycry_000_aa.wav", "mixture_evaltest_glassbreak_001_bb.wav"
RECIPES = """\
- {mixture_audio_filename: %s, bg_classname: city_center, bg_path: audio/1.wav, ebr: 6.0, event_present: true,
   event_class: %s, event_length_seconds: 1.5}
"""
SCRIPTS = ("generate_labels_event.py", "generate_labels_env.py", "visualize.py")
FOLDERS = {"generate_labels_event.py": "event", "generate_labels_env.py": "env", "visualize.py": "graph"}


def run_script(script: str, *options: str) -> list[str]:
    """Run one of the repository's scripts in this process and return what it prints."""
    before, printed = sys.argv, io.StringIO()
    sys.argv = [script, *options]
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            runpy.run_path(str(ROOT / script), run_name="__main__")
    finally:
        sys.argv = before
    return [" ".join(line.split()) for line in printed.getvalue().splitlines()]


def make_data(_: Workspace) -> Path:
    """Lay out a mixture that is a sound of the demo and one that is noise, with their recipes."""
    cut_demo(str(MIXTURES / "audio" / BREAK), 13.5, 17.5)
    write(str(MIXTURES / "audio" / CRY), np.concatenate([make_noise(2.0, 1), np.zeros(16000)]))
    write("source_datasets/eval/data/source_data/bgs/audio/1.wav", make_noise(1.0, 2))
    for event, name in (("babycry", CRY), ("glassbreak", BREAK)):
        path = MIXTURES / "meta" / f"mixture_recipes_evaltest_{event}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(RECIPES % (name, event))
    return Path("source_datasets")


@case("published_recipes")
def convert_recipes(work: Workspace) -> Any:
    """`yaml2csv.py`: the recipes as one table."""
    data = work.once("tut", make_data)
    script = "sound_datasets/rare_sound_event/meta/yaml2csv.py"
    run_script(script, "--data_dir", str(data), "--out", "recipes.csv")
    work.run("meta", data, "--out", "meta_by_command.csv")
    return {"script": read_table(Path("recipes.csv")), "command": read_table(Path("meta_by_command.csv"))}


@case("published_commands")
def run_published(work: Workspace) -> Any:
    """Events, scenes and pictures of made-up mixtures, by both methods."""
    data = work.once("tut", make_data)
    return {method: _run_all(str(data), method) for method in ("tmrl", "earwitness")}


@case("published_commands_tut", needs=SHARED / "tut")
def run_published_on_tut(work: Workspace) -> Any:
    """Events and scenes of a real mixture."""
    name = "mixture_evaltest_glassbreak_000_c711628a46aab5b1032e19b003bf78d7.wav"
    for path in (SHARED / "tut" / "audio" / name, *(SHARED / "tut" / "meta").glob("*.yaml")):
        link = Path("tut", path.parent.name, path.name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return _run_all("tut", "tmrl", SCRIPTS[:2])


def _run_all(data_dir: str, method: str, scripts: tuple[str, ...] = SCRIPTS) -> dict[str, Any]:
    found = {}
    for script in scripts:
        folders = [f"--{name}_dir={data_dir}_{method}_{name}" for name in ("graph", "event", "env", "log")]
        with figures_kept() as figures:
            printed = run_script(script, "--data_dir", data_dir, "--method", method, *folders)
        folder = Path(f"{data_dir}_{method}_{FOLDERS[script]}")
        pictures = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
        found[script] = {**read_folder(folder), "printed": printed, "pictures": pictures, "figures": figures}
    return found
