"""Makes the graphs of the embedded encoder for ONNX Runtime, which read the weights beside them: data/<name>.onnx for
features and tags, data/<name>.attention.onnx for attention.

pip install 'earwitness[torch,onnx]' && python scripts/make_onnx.py
"""

from __future__ import annotations

from earwitness.encoders.load import load_encoder
from earwitness.encoders.m2d.export_onnx import export_onnx
from earwitness.encoders.onnx_backend import attention_path
from earwitness.encoders.registry import EMBEDDED
from earwitness.files.paths import DATA_DIR
from earwitness.settings import EncoderSettings


def main() -> None:
    """Write the graphs."""
    encoder = load_encoder(compute=EncoderSettings(runtime="torch", device="cpu"))
    weights, graph = (DATA_DIR / f"{EMBEDDED}{suffix}" for suffix in (".safetensors", ".onnx"))
    for path, is_attention in ((graph, False), (attention_path(graph), True)):
        export_onnx(encoder, path, weights=weights, is_attention=is_attention)
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
