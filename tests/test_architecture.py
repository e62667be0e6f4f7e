"""The order of the stages, the size of files and functions, and where heavy imports may stand."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "earwitness"

# Each file imports only from files before it: data flows one way.
ORDER = (
    *("errors", "paths", "version", "settings", "zoo", "licences", "download", "unpacking", "store"),
    *("audio", "windows", "logmel", "spec", "positions", "encoder", "weights", "runtime_torch", "runtime_onnx"),
    *("runtime_shared", "runtime", "onnx_export", "clap"),
    *("tags", "mpnet", "words"),
    *("events", "places", "scenes", "tmrl", "analysis", "recognition", "features", "outputs", "feature_files"),
    *("spectrogram", "attention", "report"),
    *("poisson", "calibration", "recall"),
    *("batch", "meta", "tut_rare"),
    *("cli_options", "cli_archive", "cli_weights", "cli_data", "cli_mix", "cli_embed", "cli_evaluate"),
    *("cli_calibrate", "cli_live", "cli_show", "cli_report", "cli_serve", "cli"),
    *("published", "__init__", "__main__"),
)
# Folders stand around the flow: their files import from the flow, from files before them in their folder, and from
# folders before it; of the flow only the commands, the published ones too, import from folders.
FOLDERS = {
    "evaluation": (
        *("tables", "annotations", "counts", "matching", "event_metrics", "segment_metrics"),
        *("intersection_metrics", "score_curves", "psds", "scene_metrics", "clip_metrics", "intervals", "__init__"),
    ),
    "datasets": (
        *("clips", "packages", "catalogue", "fetch", "tables", "recipes"),
        *("tut_rare", "tut_scenes", "tau_scenes", "desed", "esc50", "bring_your_own", "loading", "checking"),
        *("mixtures", "mixture_sources", "mixture_files", "__init__"),
    ),
    "benchmark": (
        *("measures", "results", "mistakes", "words", "traces", "runs", "tables", "comparing", "drawing", "page"),
        "__init__",
    ),
    "pages": ("png", "view", "scripts", "report_page", "sound", "index_page", "reporting", "__init__"),
    "pictures": (
        *("look", "panels", "timeline", "tags", "attention", "curves", "counts", "embeddings"),
        *("evaluated", "detections", "__init__"),
    ),
    "serving": (
        *("limits", "problems", "names", "kept", "containers", "worker", "spool", "recordings", "workers"),
        *("security", "metrics", "uploads", "attending", "answers", "schemas", "service", "routes", "api"),
        *("serve", "__init__"),
    ),
    "archive": (
        *("quantise", "start_times", "hearing", "parts", "catalogue", "part_store", "indexing", "merging"),
        *("remote_files", "hearing_anywhere", "remote_store", "engine_ray"),
        *("selecting", "hours", "asking", "answers", "heat", "heat_panels", "answer_page"),
        *("similar", "tag_store", "__init__"),
    ),
    "live": (
        *("pieces", "pcm", "media", "microphone", "sources", "reconnecting", "waiting", "clock", "privacy"),
        *("telling", "stretches", "listening", "keeping", "lines", "sinks", "__init__"),
    ),
}
IN_FOLDERS = [(folder, stem) for folder, stems in FOLDERS.items() for stem in stems]
HEAVY = {
    "torch": {"logmel", "encoder", "weights", "onnx_export", "clap", "runtime_torch"},
    "onnx": {"onnx_export"},
    "onnxruntime": {"runtime_onnx"},
    "safetensors": {"weights"},
    "sentence_transformers": {"mpnet"},
    "transformers": {"clap", "mpnet"},
    "matplotlib": {f"pictures/{name}" for name in ("look", "panels", "timeline", "attention")},
    "umap": {"pictures/embeddings"},
    "pyarrow": {"outputs", "feature_files", "archive/parts"},
    "duckdb": {"archive/selecting"},
    "ray": {"archive/engine_ray"},
    "fsspec": {"archive/remote_files"},
    "av": {"audio", "serving/containers", "live/media"},
    "sounddevice": {"live/microphone"},
    "paho": {"live/sinks"},
    "yaml": {"meta", "datasets/recipes", "datasets/mixture_sources"},
    "soundfile": {
        *("audio", "datasets/mixture_files", "pages/sound", "archive/hearing"),
        *("serving/containers", "serving/worker", "serving/attending"),
    },
    "soxr": {"audio"},
    "fastapi": {"serving/routes", "serving/api", "serving/serve"},
    "starlette": {f"serving/{stem}" for stem in ("security", "metrics", "uploads", "routes", "api")},
    "pydantic": {"serving/schemas", "serving/routes"},
    "prometheus_client": {"serving/metrics"},
    "uvicorn": {"serving/serve"},
}
IMPORTED_WHERE_USED = {
    *("sentence_transformers", "transformers", "matplotlib", "umap", "pyarrow", "duckdb", "av", "onnxruntime"),
    *("sounddevice", "paho", "ray", "fsspec"),
}


def python_files() -> list[Path]:
    folders = [ROOT / name for name in ("src", "tests", "scripts", "bench", "sound_datasets")]
    return sorted([*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))])


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node


def type_checking_nodes(tree: ast.Module) -> set[ast.AST]:
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {child for block in blocks for child in ast.walk(block)}


def test_every_source_file_has_its_place_in_the_flow() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(ORDER)
    assert {path.parent.name for path in PACKAGE.glob("*/*.py")} == set(FOLDERS)
    for folder, stems in FOLDERS.items():
        assert {path.stem for path in (PACKAGE / folder).rglob("*.py")} == set(stems)


@pytest.mark.parametrize("stem", ORDER)
def test_a_stage_imports_only_from_stages_before_it(stem: str) -> None:
    tree = ast.parse((PACKAGE / f"{stem}.py").read_text())
    only_for_types = type_checking_nodes(tree)
    before = ORDER[: ORDER.index(stem)]
    for module, node in imports(tree):
        if module.split(".")[0] == "earwitness" and node not in only_for_types:
            used = module.split(".")[1] if "." in module else "__init__"
            if used in FOLDERS:
                assert stem.startswith("cli") or stem == "published", (
                    f"{stem} imports {used}, which stands around the flow"
                )
            else:
                assert used in before, f"{stem} imports {used}, which comes after it"


@pytest.mark.parametrize(("folder", "stem"), IN_FOLDERS)
def test_a_folder_imports_from_the_flow_and_from_its_own_files_in_order(folder: str, stem: str) -> None:
    tree = ast.parse((PACKAGE / folder / f"{stem}.py").read_text())
    before = FOLDERS[folder][: FOLDERS[folder].index(stem)]
    folders_before = list(FOLDERS)[: list(FOLDERS).index(folder)]
    for module, _ in imports(tree):
        package, *used = module.split(".")
        if package == "earwitness" and used[:1] == [folder]:
            assert used[-1] in before, f"{folder}/{stem} imports {used[-1]}, which comes after it"
        elif package == "earwitness":
            assert used, f"{folder}/{stem} imports the whole package"
            assert used[0] in (*ORDER, *folders_before), f"{folder}/{stem} imports {used[0]}, another folder"
            assert not used[0].startswith("cli"), f"{folder}/{stem} imports {used[0]}, a command"


@pytest.mark.parametrize("stem", [*ORDER, *(f"{folder}/{stem}" for folder, stem in IN_FOLDERS)])
def test_heavy_imports_stay_home(stem: str) -> None:
    tree = ast.parse((PACKAGE / f"{stem}.py").read_text())
    only_for_types = type_checking_nodes(tree)
    for module, node in imports(tree):
        name = module.split(".")[0]
        if node in only_for_types or name not in HEAVY:
            continue
        assert stem in HEAVY[name], f"{stem} imports {name}"
        if name in IMPORTED_WHERE_USED:
            assert node not in tree.body, f"{stem} imports {name} at its top"


def test_files_stay_under_400_lines_and_functions_under_60() -> None:
    for path in python_files():
        text = path.read_text()
        assert text.count("\n") < 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


def test_public_functions_and_classes_have_docstrings() -> None:
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            assert not is_public or ast.get_docstring(node), f"{path}: {node.name}"


def test_importing_the_package_and_the_command_loads_nothing_heavy() -> None:
    heavy = sorted({*HEAVY, "numpy", "rich.progress"})
    code = f"import sys, earwitness, earwitness.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
