"""Sound to features and tag logits: the encoders, their weights, and what they run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.encoders.base import Encoded, EncoderSpec, Floats, Output, TagStats, WeightsSpec
    from earwitness.encoders.features import Features, embed
    from earwitness.encoders.load import (
        Compute, LoadedEncoder, choose_encoder, convert_weights, export_encoder, load_encoder, locate_weights,
        onnx_path,
    )  # fmt: skip
    from earwitness.encoders.m2d.clap import compare_embeddings, load_clap, make_prompt
    from earwitness.encoders.onnx_backend import attention_path, count_threads
    from earwitness.encoders.registry import EMBEDDED, LICENCE_TERMS, WEIGHTS, family_of, identify_weights
    from earwitness.encoders.weights_cache import check_hash, fetch_weights, find_weights, take_weights

__getattr__ = load_on_use(__name__)
