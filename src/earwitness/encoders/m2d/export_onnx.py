"""An encoder as an ONNX file: the power spectrum of one unit in, features and tag logits per token out.

In: an `M2DModel`. Out: a file of standard ONNX (opset 23, no contributed operators), fp32 or int8, that holds the
encoder's spec and the value to pad with. The graph is written operator by operator: half the nodes of a traced one,
free of the shapes of an example input, and without onnxscript. Needs torch and onnx, not ONNX Runtime.

Source: the ONNX operator set; int8 as in ONNX Runtime's quantize-dequantize format: weights per output channel with
7 bits, since products of 8-bit pairs overflow on processors with AVX2 but no VNNI; activations per tensor with fixed
ranges, so that what a window gives does not depend on the other windows of its batch.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from earwitness.audio import compute_log_mel, mel_filters
from earwitness.encoders.load import LoadedEncoder
from earwitness.encoders.m2d.model import M2DModel
from earwitness.encoders.m2d.run_onnx import ATTENTION, FEATURES, FRAME_LOGITS, LOGITS, N_PAD, POWER
from earwitness.encoders.m2d.spec import M2DSpec
from earwitness.encoders.onnx_backend import SPEC, TAG_STATS, WEIGHTS_NAME, WEIGHTS_SHA256
from earwitness.errors import WeightsError
from earwitness.files import hash_file, write_errors_reported, written_whole

Array = npt.NDArray[Any]
Shape = list[str | int]
Ranges = dict[str, tuple[float, float]]  # of the inputs of linear layers, by the layers' names

OPSET, IR_VERSION = 23, 11  # the first with Attention; int8 runs from ONNX Runtime 1.24 on, fp32 from 1.23
LARGEST_WEIGHT = 63  # 2 * 63 * 255 fits into 16 bits, 2 * 127 * 255 does not
RANGE_PERCENT = 99.99  # of activations are inside the ranges; the head's, in fp32, have none
N_CALIBRATION = 32  # windows


def export_onnx(
    encoder: LoadedEncoder,
    out: Path,
    *,
    is_int8: bool = False,
    weights: Path | None = None,
    is_attention: bool = False,
) -> Path:
    """Write an encoder as .onnx; return where it is. It replaces a file only when it is whole.

    Args:
        encoder: an encoder on torch, in fp32 on the CPU.
        out: the file to write.
        is_int8: quantise the linear layers of the blocks; patches, attention, norms and head stay fp32.
        weights: the .safetensors of this encoder in `out`'s folder; what it holds is then read from there at run time
            and not written again. Only for fp32.
        is_attention: write the second graph of the encoder, whose only output is its attention weights; its place is
            `onnx_backend.attention_path`. Only for fp32.

    Raises:
        WeightsError: the file cannot be written, or does not belong to `weights`.
    """
    model: M2DModel = encoder.model
    spec = model.spec
    if out.suffix != ".onnx" or (is_attention and is_int8) or (weights and (is_int8 or weights.parent != out.parent)):
        raise WeightsError(f"{out}: export writes .onnx, beside the weights it refers to; choose another name")
    ranges = measure_ranges(model, make_calibration(spec)) if is_int8 else {}
    state = {name: each.numpy() for name, each in model.state_dict().items()}
    graph = _Graph(state, ranges, weights)
    shapes = _write_attention(graph, spec) if is_attention else _write_encoder(graph, spec)
    float_info = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT)
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            spec.name,
            [
                float_info(POWER, shape=["windows", "frames", spec.mel.n_fft // 2 + 1]),
                helper.make_tensor_value_info(N_PAD, TensorProto.INT64, [1]),
            ],
            [float_info(name, shape=shape) for name, shape in shapes.items()],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="earwitness",
    )
    helper.set_model_props(proto, _describe(encoder, weights))
    with write_errors_reported(out, WeightsError), written_whole(out) as scratch:
        scratch.write_bytes(proto.SerializeToString(deterministic=True))
        try:
            onnx.checker.check_model(str(scratch), full_check=True)
        except onnx.checker.ValidationError as error:
            raise WeightsError(f"{out}: not valid ONNX ({error}); install the tested versions of onnx") from error
    return out


def _describe(encoder: LoadedEncoder, weights: Path | None) -> dict[str, str]:
    """Return what the file says of itself, as `OnnxBackend` reads it."""
    described = {SPEC: json.dumps(dataclasses.asdict(encoder.spec))}
    if encoder.tag_stats is not None:
        stats = [each for each in dataclasses.astuple(encoder.tag_stats) if each is not None]
        described[TAG_STATS] = json.dumps([[float(value) for value in each] for each in stats])
    if weights is not None:
        described |= {WEIGHTS_NAME: weights.name, WEIGHTS_SHA256: hash_file(weights)}
    return described


def _write_encoder(graph: _Graph, spec: M2DSpec) -> dict[str, Shape]:
    """Write the whole encoder; return its outputs and their shapes.

    Tokens are column by column, unlike in `M2DModel`: attention does not mind, and features need no reordering.
    """
    dim, (n_bands, n_columns) = spec.embed_dim, spec.grid
    tokens = _write_patches(graph, spec)
    for i in range(spec.depth):
        tokens = _write_block(graph, f"blocks.{i}", tokens, spec.n_heads)
    tokens = _write_layer_norm(graph, "norm", tokens)
    tokens = graph.add("Slice", tokens, _ints(1), _ints(1 + n_bands * n_columns), _ints(1))  # without the cls token
    if spec.bands == "mean":
        grid = graph.add("Reshape", tokens, _ints(0, -1, n_bands, dim))
        graph.add("ReduceMean", grid, _ints(2), keepdims=0, out=FEATURES)
    else:
        graph.add("Reshape", tokens, _ints(0, -1, spec.feature_dim), out=FEATURES)
    if not spec.n_tags:
        return {FEATURES: ["windows", "tokens", spec.feature_dim]}
    mean, variance = graph.weights["head_norm.running_mean"], graph.weights["head_norm.running_var"]
    centred = graph.add("Sub", FEATURES, mean)
    standardised = graph.add("Mul", centred, 1 / np.sqrt(variance + np.float32(1e-5)))
    heads = {"head": LOGITS} | ({"frame_head": FRAME_LOGITS} if spec.has_frame_head else {})
    for name, out in heads.items():
        _write_linear(graph, name, standardised, out=out)
    logits: Shape = ["windows", "tokens", spec.n_tags]
    return {FEATURES: ["windows", "tokens", spec.feature_dim], **dict.fromkeys(heads.values(), logits)}


def _write_attention(graph: _Graph, spec: M2DSpec) -> dict[str, Shape]:
    """Write the encoder as far as its last attention, with all weights (W, layers, heads, N, N) as the output.

    Tokens are column by column, as in `_write_encoder`.
    """
    tokens, weights = _write_patches(graph, spec), []
    for i in range(spec.depth):
        name = f"blocks.{i}"
        qkv = _write_qkv(graph, name, tokens)
        weights.append(graph.add("Unsqueeze", _write_weights(graph, qkv[0], qkv[1], spec), _ints(1)))
        if i + 1 < spec.depth:
            tokens = _write_block(graph, name, tokens, spec.n_heads, qkv)
    graph.add("Concat", *weights, axis=1, out=ATTENTION)
    return {ATTENTION: ["windows", spec.depth, spec.n_heads, "tokens", "tokens"]}


def _write_weights(graph: _Graph, query: str, key: str, spec: M2DSpec) -> str:
    """Write softmax(q k / sqrt(head_dim)): (W, heads, N, N) of queries and keys (W, N, embed)."""
    head_dim = spec.embed_dim // spec.n_heads
    shape = _ints(0, 0, spec.n_heads, head_dim)
    query = graph.add("Transpose", graph.add("Reshape", query, shape), perm=[0, 2, 1, 3])
    key = graph.add("Transpose", graph.add("Reshape", key, shape), perm=[0, 2, 3, 1])
    scaled = graph.add("Mul", graph.add("MatMul", query, key), np.array(head_dim**-0.5, np.float32))
    return graph.add("Softmax", scaled, axis=-1)


def _write_patches(graph: _Graph, spec: M2DSpec) -> str:
    """Write power (W, F, bins) to tokens (W, 1 + T * bands, embed), the cls token first, positions added."""
    weights, dim, (n_bands, n_columns) = graph.weights, spec.embed_dim, spec.grid
    mean, std = weights["norm_stats"]
    mel = graph.add("MatMul", POWER, mel_filters(spec.mel).T)
    log_mel = graph.add("Log", graph.add("Add", mel, np.array(spec.mel.floor, np.float32)))  # (W, F, M)
    normal = graph.add("Div", graph.add("Sub", log_mel, mean), std)
    padded = graph.add("Pad", normal, graph.add("Concat", _ints(0, 0, 0, 0), N_PAD, _ints(0), axis=0))
    normal = graph.add("Unsqueeze", graph.add("Transpose", padded, perm=[0, 2, 1]), _ints(1))  # (W, 1, M, F)
    patch = [spec.patch_bands, spec.patch_frames]
    kernel, bias = weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"]
    patches = graph.add("Conv", normal, kernel, bias, kernel_shape=patch, strides=patch)
    patches = graph.add("Transpose", patches, perm=[0, 3, 2, 1])  # (W, T, bands, embed)
    places = weights["pos_embed"][:, 1:].reshape(1, n_bands, n_columns, dim).swapaxes(1, 2)
    n_tokens = graph.add("Shape", patches, start=1, end=2)
    patches = graph.add("Add", patches, graph.add("Slice", places, _ints(0), n_tokens, _ints(1)))
    n_windows = graph.add("Shape", patches, start=0, end=1)
    cls_token = weights["cls_token"] + weights["pos_embed"][:, :1]
    cls = graph.add("Expand", cls_token, graph.add("Concat", n_windows, _ints(1, dim), axis=0))
    return graph.add("Concat", cls, graph.add("Reshape", patches, _ints(0, -1, dim)), axis=1)


def _write_block(graph: _Graph, name: str, tokens: str, n_heads: int, qkv: list[str] | None = None) -> str:
    """Write one transformer block, as `Block` computes it; `qkv`: its queries, keys and values if written already."""
    qkv = qkv or _write_qkv(graph, name, tokens)
    mixed = graph.add("Attention", *qkv, q_num_heads=n_heads, kv_num_heads=n_heads)
    tokens = graph.add("Add", tokens, _write_linear(graph, f"{name}.attn.proj", mixed))
    hidden = _write_linear(graph, f"{name}.mlp.fc1", _write_layer_norm(graph, f"{name}.norm2", tokens))
    return graph.add("Add", tokens, _write_linear(graph, f"{name}.mlp.fc2", graph.add("Gelu", hidden)))


def _write_qkv(graph: _Graph, name: str, tokens: str) -> list[str]:
    """Write queries, keys and values, each (W, N, embed), head after head."""
    return graph.split(_write_linear(graph, f"{name}.attn.qkv", _write_layer_norm(graph, f"{name}.norm1", tokens)), 3)


def _write_layer_norm(graph: _Graph, name: str, tokens: str) -> str:
    weight, bias = graph.weights[f"{name}.weight"], graph.weights[f"{name}.bias"]
    return graph.add("LayerNormalization", tokens, weight, bias, axis=-1, epsilon=1e-6)


def _write_linear(graph: _Graph, name: str, inputs: str, out: str = "") -> str:
    """Write a linear layer, quantised where its range is known."""
    bias = graph.weights[f"{name}.bias"]
    if name not in graph.ranges:
        return graph.add("Add", graph.add("MatMul", inputs, graph.transpose(f"{name}.weight")), bias, out=out)
    weight = graph.weights[f"{name}.weight"].T
    scale, zero = _fit_activations(*graph.ranges[name])
    inputs = graph.add("QuantizeLinear", inputs, scale, zero)
    inputs = graph.add("DequantizeLinear", inputs, scale, zero)
    scales = (np.abs(weight).max(axis=0) / LARGEST_WEIGHT).clip(1e-12).astype(np.float32)  # (outputs,)
    dequantised = graph.add(
        "DequantizeLinear", np.rint(weight / scales).astype(np.int8), scales, np.zeros(len(scales), np.int8), axis=1
    )
    return graph.add("Add", graph.add("MatMul", inputs, dequantised), bias, out=out)


def _fit_activations(low: float, high: float) -> tuple[Array, Array]:
    """Return the scale and zero point that spread [low, high] over 8 bits."""
    scale = np.float32((high - low) / 255)
    return np.array(scale), np.array(np.rint(-low / scale), np.uint8)


class _Graph:
    """Nodes and constants of an ONNX graph, as they are written."""

    def __init__(self, weights: dict[str, Array], ranges: Ranges, weights_path: Path | None) -> None:
        self.weights, self.ranges = weights, ranges
        self.weights_path, self.places = weights_path, _locate_tensors(weights_path) if weights_path else {}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple[Any, ...], onnx.TensorProto] = {}

    def add(self, kind: str, *inputs: str | Array, out: str = "", **attributes: Any) -> str:
        """Write a node; return its output's name. Arrays become constants."""
        out = out or f"{kind}_{len(self.nodes)}"
        names = [each if isinstance(each, str) else self._keep(np.asarray(each)) for each in inputs]
        self.nodes.append(helper.make_node(kind, names, [out], name=out, **attributes))
        return out

    def split(self, name: str, n_parts: int) -> list[str]:
        """Write a split of the last axis; return the parts' names."""
        parts = [f"{name}_part_{i}" for i in range(n_parts)]
        self.nodes.append(helper.make_node("Split", [name], parts, name=parts[0], axis=-1, num_outputs=n_parts))
        return parts

    def transpose(self, name: str) -> str | Array:
        """Return a matrix turned round, for a product: written, or read from the weights file at run time."""
        if name not in self.places:
            return self.weights[name].T
        assert self.weights_path is not None
        offset, length = self.places[name]
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT16, dims=self.weights[name].shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", self.weights_path.name), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.constants[(name,)] = tensor
        return self.add("Transpose", self.add("Cast", name, to=TensorProto.FLOAT), perm=[1, 0])

    def _keep(self, array: Array) -> str:
        """Return the name of a constant. What float16 holds exactly is stored so: half the file, the same numbers."""
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self.constants:
            name, half = f"constant_{len(self.constants)}", _halve(array)
            self.constants[key] = numpy_helper.from_array(np.ascontiguousarray(array if half is None else half), name)
            if half is not None:
                self.add("Cast", name, to=TensorProto.FLOAT, out=f"{name}_wide")
        name = self.constants[key].name
        return f"{name}_wide" if self.constants[key].data_type == TensorProto.FLOAT16 else name


def _halve(array: Array) -> Array | None:
    """Return a large float32 array as float16 if that loses nothing."""
    if array.dtype != np.float32 or array.size < 1024:
        return None
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else None


def _locate_tensors(path: Path) -> dict[str, tuple[int, int]]:
    """Return offset and length in bytes of each float16 tensor of a .safetensors file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    return {
        name: (8 + size + each["data_offsets"][0], each["data_offsets"][1] - each["data_offsets"][0])
        for name, each in header.items()
        if each.get("dtype") == "F16"
    }


def _ints(*values: int) -> Array:
    return np.array(values, np.int64)


def measure_ranges(model: M2DModel, log_mel: torch.Tensor) -> Ranges:
    """Return the range of the inputs of each linear layer of the blocks, over log-mel (W, 1, M, F)."""
    ranges: Ranges = {}
    with torch.inference_mode(), _observe(model, ranges):
        for batch in torch.split(log_mel, 8):
            model.token_features(batch)
    return ranges


@contextmanager
def _observe(model: M2DModel, ranges: Ranges) -> Iterator[None]:
    """Widen `ranges` by what the linear layers of the blocks are given; they always include 0."""

    def widen(name: str, _: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        low, high = np.percentile(inputs[0][:, ::3].numpy(), (100 - RANGE_PERCENT, RANGE_PERCENT))
        known_low, known_high = ranges.get(name, (0.0, 0.0))
        ranges[name] = min(known_low, float(low)), max(known_high, float(high))

    hooks = [
        layer.register_forward_pre_hook(partial(widen, f"blocks.{name}"))
        for name, layer in model.blocks.named_modules()
        if isinstance(layer, nn.Linear)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def make_calibration(spec: M2DSpec, seed: int = 0) -> torch.Tensor:
    """Return log-mel (W, 1, M, F) of sounds made up to be varied: noises, tones, sweeps, clicks, chords and rumbles."""
    random, rate = np.random.default_rng(seed), spec.sample_rate_hz
    n_samples = (spec.unit_frames - 1) * spec.mel.hop
    make = (_make_noise, _make_tone, _make_sweep, _make_clicks, _make_chord, _make_rumble)
    levels = 10 ** random.uniform(-3, -0.3, N_CALIBRATION)
    sounds = [level * make[i % len(make)](random, n_samples, rate) for i, level in enumerate(levels)]
    return compute_log_mel(torch.from_numpy(np.clip(sounds, -1, 1).astype(np.float32)), spec.mel)


def _make_noise(random: np.random.Generator, n_samples: int, rate: int) -> Array:
    return 0.3 * random.standard_normal(n_samples)


def _make_tone(random: np.random.Generator, n_samples: int, rate: int) -> Array:
    return np.sin(2 * np.pi * random.uniform(60, 4000) * np.arange(n_samples) / rate)


def _make_sweep(random: np.random.Generator, n_samples: int, rate: int) -> Array:
    return np.sin(2 * np.pi * np.cumsum(np.geomspace(100, 7000, n_samples)) / rate)


def _make_clicks(random: np.random.Generator, n_samples: int, rate: int) -> Array:
    decay = np.exp(-np.arange(800) / 100) * random.standard_normal(800)
    clicks = np.zeros(n_samples)
    clicks[random.integers(0, n_samples, 40)] = 1
    return np.convolve(clicks, decay, "same")


def _make_chord(random: np.random.Generator, n_samples: int, rate: int) -> Array:
    time_s = np.arange(n_samples) / rate
    pitches_hz = random.uniform(80, 300, 11)
    tones = [np.sin(2 * np.pi * hz * n * time_s) / n for n, hz in enumerate(pitches_hz, start=1)]
    is_on = np.sin(2 * np.pi * random.uniform(0.5, 5) * time_s) > 0
    chord: Array = 0.3 * np.sum(tones, axis=0) * is_on
    return chord


def _make_rumble(random: np.random.Generator, n_samples: int, rate: int) -> Array:
    walk = np.cumsum(random.standard_normal(n_samples))
    walk -= np.linspace(walk[0], walk[-1], n_samples)
    rumble: Array = walk / np.abs(walk).max()
    return rumble
