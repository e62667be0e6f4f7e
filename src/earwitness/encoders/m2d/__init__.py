"""M2D, the masked modeling duo: its transformer, log-mel, checkpoints, ONNX graphs and M2D-CLAP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwitness.encoders.base import Family, Floats, Output
from earwitness.encoders.m2d import run_onnx
from earwitness.encoders.m2d.published import LICENCES, PUBLISHED
from earwitness.encoders.m2d.spec import M2DSpec, parse_name

if TYPE_CHECKING:
    from earwitness.encoders.m2d.model import M2DModel


def _read(path: Path) -> M2DModel:
    from earwitness.encoders.m2d.checkpoint import read_encoder

    return read_encoder(path)


def _convert(path: Path, out: Path) -> Path:
    from earwitness.encoders.m2d.checkpoint import convert_weights

    return convert_weights(path, out)


def _export(*arguments: Any, **options: Any) -> Path:
    from earwitness.encoders.m2d.export_onnx import export_onnx

    return export_onnx(*arguments, **options)


M2D = Family(
    name="m2d",
    weights=PUBLISHED,
    licences=LICENCES,
    match=lambda path: parse_name(path) is not None,
    read=_read,
    convert=_convert,
    export=_export,
    spec=M2DSpec,
    run=run_onnx.run,
    attend=run_onnx.attend,
)
