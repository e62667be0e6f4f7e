"""M2D, the masked modeling duo: its transformer, log-mel, checkpoints, ONNX graphs and M2D-CLAP."""

from earwitness.encoders.base import Family, on_use
from earwitness.encoders.m2d.published import LICENCES, PUBLISHED
from earwitness.encoders.m2d.spec import M2DSpec, parse_name

M2D = Family(
    name="m2d",
    weights=PUBLISHED,
    licences=LICENCES,
    spec=M2DSpec,
    match=lambda path: parse_name(path) is not None,
    read=on_use("earwitness.encoders.m2d.checkpoint", "read_encoder"),
    convert=on_use("earwitness.encoders.m2d.checkpoint", "convert_weights"),
    export=on_use("earwitness.encoders.m2d.export_onnx", "export_onnx"),
    run=on_use("earwitness.encoders.m2d.run_onnx", "run"),
    attend=on_use("earwitness.encoders.m2d.run_onnx", "attend"),
)
