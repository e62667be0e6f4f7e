"""Makes the graph of the embedded encoder for ONNX Runtime: data/<name>.onnx, which reads the weights beside it.

pip install 'earwitness[torch,onnx]' && python scripts/make_onnx.py
"""

from __future__ import annotations

from earwitness.onnx_export import export_onnx
from earwitness.paths import DATA_DIR
from earwitness.runtime import Compute, load_encoder
from earwitness.zoo import EMBEDDED


def main() -> None:
    """Write the graph."""
    encoder = load_encoder(compute=Compute(runtime="torch", device="cpu"))
    path = export_onnx(encoder, DATA_DIR / f"{EMBEDDED}.onnx", weights=DATA_DIR / f"{EMBEDDED}.safetensors")
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
