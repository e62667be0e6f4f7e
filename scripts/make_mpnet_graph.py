"""Write the graph of MPNet as ONNX, without its weights: 50 kB in the package that read the user's model.safetensors.

In: nothing. Out: `data/mpnet.onnx`, written operator by operator. Its inputs are tokens, their positions and what is
added to the attention; every weight is named as in the model's file and given at run time, by `words/mpnet.py`.

Source: Song et al. 2020, "MPNet"; sizes of all-mpnet-base-v2.

    python scripts/make_mpnet_graph.py
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from earwitness.files.paths import DATA_DIR

N_LAYERS, N_HEADS, DIM, INNER = 12, 12, 768, 3072
N_WORDS, N_POSITIONS = 30527, 514
EPSILON = 1e-5
OPSET, IR_VERSION = 23, 11  # the first with Attention, as of the encoders


class _Graph:
    """Nodes and the names of weights."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        out = out or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=out, **attributes))
        return out

    def weight(self, name: str, *shape: int) -> str:
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="model.safetensors")
        self.weights.append(tensor)
        return name

    def linear(self, name: str, rows: str, n_in: int, n_out: int) -> str:
        weight, bias = self.weight(f"{name}.weight", n_out, n_in), self.weight(f"{name}.bias", n_out)
        return self.add("Gemm", rows, weight, bias, transB=1)

    def norm(self, name: str, rows: str, out: str = "") -> str:
        weight, bias = self.weight(f"{name}.weight", DIM), self.weight(f"{name}.bias", DIM)
        return self.add("LayerNormalization", rows, weight, bias, axis=-1, epsilon=EPSILON, out=out)


def write_graph() -> onnx.ModelProto:
    """Return the graph: tokens (N, T), positions (N, T) and attention bias (N, heads, T, T) to features (N, T, D)."""
    graph = _Graph()
    words = graph.weight("embeddings.word_embeddings.weight", N_WORDS, DIM)
    positions = graph.weight("embeddings.position_embeddings.weight", N_POSITIONS, DIM)
    both = graph.add("Add", graph.add("Gather", words, "tokens"), graph.add("Gather", positions, "positions"))
    sizes = graph.add("Shape", both)  # (N, T, D)
    rows = graph.norm("embeddings.LayerNorm", graph.add("Reshape", both, "flat"))  # (N * T, D)
    for layer in range(N_LAYERS):
        name = f"encoder.layer.{layer}"
        qkv = [
            graph.add("Reshape", graph.linear(f"{name}.attention.attn.{part}", rows, DIM, DIM), sizes) for part in "qkv"
        ]
        mixed = graph.add("Attention", *qkv, "bias", q_num_heads=N_HEADS, kv_num_heads=N_HEADS)
        mixed = graph.linear(f"{name}.attention.attn.o", graph.add("Reshape", mixed, "flat"), DIM, DIM)
        rows = graph.norm(f"{name}.attention.LayerNorm", graph.add("Add", rows, mixed))
        inner = graph.add("Gelu", graph.linear(f"{name}.intermediate.dense", rows, DIM, INNER))
        outer = graph.linear(f"{name}.output.dense", inner, INNER, DIM)
        rows = graph.norm(f"{name}.output.LayerNorm", graph.add("Add", rows, outer))
    graph.add("Reshape", rows, sizes, out="features")
    flat = numpy_helper.from_array(np.array([-1, DIM], np.int64), "flat")
    whole, half = TensorProto.INT64, TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info("tokens", whole, ["texts", "tokens"]),
        helper.make_tensor_value_info("positions", whole, ["texts", "tokens"]),
        helper.make_tensor_value_info("bias", half, ["texts", N_HEADS, "tokens", "tokens"]),
    ]
    outputs = [helper.make_tensor_value_info("features", half, ["texts", "tokens", DIM])]
    return helper.make_model(
        helper.make_graph(graph.nodes, "mpnet", inputs, outputs, [*graph.weights, flat]),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="earwitness",
    )


def main() -> None:
    """Write the graph."""
    path = DATA_DIR / "mpnet.onnx"
    path.write_bytes(write_graph().SerializeToString(deterministic=True))
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
