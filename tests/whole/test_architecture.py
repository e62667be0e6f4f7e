"""The layers of folders and their faces, the size of files and functions, names, and where heavy imports may stand."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "earwitness"

# A folder or file imports only from lines below its own.
LAYERS = (
    ("cli",),
    ("server",),
    ("reports", "plots", "live"),
    ("training",),
    ("evaluation",),
    ("archive",),
    ("calibration",),
    ("results",),
    ("recognition", "datasets"),
    ("encoders", "words"),
    ("audio", "files", "metrics", "settings"),
    ("errors", "version", "lazy", "moved", "onnx_runtime"),
)
LAYER_OF = {unit: len(LAYERS) - row for row, units in enumerate(LAYERS) for unit in units}
FOLDERS = [path.parent.name for path in sorted(PACKAGE.glob("*/__init__.py"))]
HEAVY = {
    "torch": {"audio/mel", "encoders/torch_backend", *(f"encoders/m2d/{stem}" for stem in ("model", "checkpoint"))}
    | {"encoders/m2d/export_onnx", "encoders/m2d/clap"},
    "onnx": {"encoders/m2d/export_onnx"},
    "onnxruntime": {"onnx_runtime"},
    "safetensors": {"encoders/m2d/checkpoint"},
    "tokenizers": {"words/mpnet"},
    "transformers": {"encoders/m2d/clap"},
    "matplotlib": {f"plots/{name}" for name in ("figure", "panels", "timeline", "attention")},
    "umap": {"plots/embeddings"},
    "pyarrow": {"results/formats/parquet", "archive/parquet_parts"},
    "duckdb": {"archive/query"},
    "ray": {"archive/index_ray"},
    "fsspec": {"archive/remote_audio"},
    "av": {"audio/read", "server/check_upload", "live/ffmpeg"},
    "sounddevice": {"live/microphone"},
    "paho": {"live/sinks"},
    "yaml": {"datasets/mixtures/recipes"},
    "soundfile": {
        *("audio/read", "datasets/mixtures/write", "reports/sound", "archive/extract"),
        *("server/check_upload", "server/worker", "server/attention"),
    },
    "soxr": {"audio/read"},
    "fastapi": {"server/routes", "server/app", "server/run"},
    "starlette": {f"server/{stem}" for stem in ("security", "metrics", "uploads", "routes", "app")},
    "pydantic": {"server/schemas", "server/routes"},
    "prometheus_client": {"server/metrics"},
    "uvicorn": {"server/run"},
}
IMPORTED_WHERE_USED = {
    *("tokenizers", "transformers", "matplotlib", "umap", "pyarrow", "duckdb", "av", "onnxruntime"),
    *("sounddevice", "paho", "ray", "fsspec"),
}


def python_files() -> list[Path]:
    folders = [ROOT / name for name in ("src", "tests", "scripts", "bench", "sound_datasets")]
    return sorted([*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))])


def package_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node


def type_checking_nodes(tree: ast.Module) -> set[ast.AST]:
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {child for block in blocks for child in ast.walk(block)}


def test_every_folder_and_file_of_the_package_has_its_layer() -> None:
    here = {*FOLDERS, *(path.stem for path in PACKAGE.glob("*.py"))} - {"__init__", "__main__"}
    assert here | {"training"} == set(LAYER_OF) | {"training"}


@pytest.mark.needs("torch")
@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_names_are_imported_from_where_they_are(path: Path) -> None:
    # mypy does not see this: a face answers to any name while it is not run.
    for module, node in imports(parse(path)):
        if isinstance(node, ast.ImportFrom) and module.startswith("earwitness."):
            missing = [alias.name for alias in node.names if not hasattr(importlib.import_module(module), alias.name)]
            assert not missing, f"{path}: {module} has no {', '.join(missing)}"


@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_a_file_imports_only_from_lower_layers_and_through_their_faces(path: Path) -> None:
    unit = name_of(path).split("/")[0]
    if unit in ("__init__", "__main__"):
        return
    for module, _ in imports(parse(path)):
        package, *parts = module.split(".")
        if package != "earwitness":
            continue
        assert parts, f"{path}: imports the whole package"
        if parts[0] != unit:
            assert LAYER_OF[parts[0]] < LAYER_OF[unit], f"{path}: {module} is not below {unit}"
            assert len(parts) == 1, f"{path}: {module} is not the face of {parts[0]}; import from earwitness.{parts[0]}"


@pytest.mark.needs("torch")
@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_a_face_names_the_same_for_types_and_at_run_time(folder: str) -> None:
    path = PACKAGE / folder / "__init__.py"
    face = importlib.import_module(f"earwitness.{folder}".rstrip("."))
    typed = [node for node in type_checking_nodes(parse(path)) if isinstance(node, ast.ImportFrom)]
    modules = {child.stem for child in path.parent.iterdir()}
    for home, name in [(node.module, alias.name) for node in typed for alias in node.names]:
        assert name not in modules, f"{folder}: {name} is a module, too; one hides the other"
        assert getattr(face, name) is getattr(importlib.import_module(home or ""), name)
    with pytest.raises(AttributeError, match="has no attribute 'not_there'"):
        _ = face.not_there


@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_heavy_imports_stay_home(path: Path) -> None:
    tree = parse(path)
    only_for_types = type_checking_nodes(tree)
    for module, node in imports(tree):
        name = module.split(".")[0]
        if node in only_for_types or name not in HEAVY:
            continue
        assert name_of(path) in HEAVY[name], f"{path} imports {name}"
        if name in IMPORTED_WHERE_USED:
            assert node not in tree.body, f"{path} imports {name} at its top"


def test_files_stay_under_400_lines_and_functions_under_60() -> None:
    for path in python_files():
        assert path.read_text(encoding="utf-8").count("\n") < 400, path
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


def test_public_functions_and_classes_have_docstrings() -> None:
    for path in package_files():
        tree = parse(path)
        assert ast.get_docstring(tree), path
        for node in tree.body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            assert not is_public or ast.get_docstring(node), f"{path}: {node.name}"


def test_names_of_public_classes_are_unique_in_the_package() -> None:
    seen: dict[str, Path] = {}
    for path in package_files():
        for node in parse(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert node.name not in seen, f"{node.name} is in {path} and in {seen[node.name]}"
                seen[node.name] = path


# House jargon that standard terms replace; ARCHITECTURE.md has the table.
JARGON = {
    *("told", "tell", "tells", "telling", "heard", "hear", "hears", "hearing", "asked", "question", "questions"),
    *("kept", "spool", "spooled", "piece", "pieces", "stretch", "stretches"),
}
# Fields of files and of HTTP keep their published names.
PUBLISHED = {"heard_until_s", "heard_with", "max_question_kb"}


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_names_use_the_terms_of_the_field(path: Path) -> None:
    for name in names_in(parse(path)):
        words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_")
        assert name in PUBLISHED or not JARGON & set(words), f"{path}: {name}"


def test_importing_any_folder_loads_nothing_heavy() -> None:
    heavy = sorted({*HEAVY, "numpy", "rich.progress"})
    folders = ", ".join(f"earwitness.{folder}" for folder in FOLDERS)
    code = f"import sys, earwitness, earwitness.cli.main, {folders}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.needs("torch")
@pytest.mark.parametrize("path", package_files(), ids=name_of)
def test_what_a_file_takes_from_a_face_is_there(path: Path) -> None:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("earwitness."):
            face = importlib.import_module(str(node.module))
            for alias in node.names:  # a lazy face is Any to mypy inside a function
                assert hasattr(face, alias.name), f"{path}:{node.lineno}: {node.module} has no {alias.name}"
