"""M2D-CLAP: recordings and texts as points of one space, so that any description can be compared with any sound.

In: windows (W, S) at the encoder's rate, and texts. Out: embeddings (W, D) and (N, D), not normalised; the cosine
between them says how well a text describes a sound. The weights of 2024 project the mean over all tokens and need
GTE-base for texts; those of 2025 look at all tokens through a learned query and carry their own BERT. The text model
and its tokenizer come from a folder that the user names, else from the Hugging Face cache; no network is used.

Source: Niizumi et al., "M2D-CLAP", Interspeech 2024, arXiv:2406.02032, and IEEE Access 2025, arXiv:2503.22104.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from earwitness.encoders.load import check_weights, locate_weights
from earwitness.encoders.m2d.checkpoint import (
    HEAD_DIM,
    LARGEST_DEPTH,
    LARGEST_WIDTH,
    build_encoder,
    fill_module,
    infer_spec,
    read_state_dict,
    rename_keys,
)
from earwitness.encoders.m2d.model import Block, M2DModel
from earwitness.errors import AudioError, MissingExtraError, WeightsError, WordError
from earwitness.files import find_snapshots

if TYPE_CHECKING:
    from transformers import BertModel

Embeddings = npt.NDArray[np.float32]
State = dict[str, torch.Tensor]

BATCH_WINDOWS, BATCH_TEXTS = 8, 64
LONGEST_TEXT = 512  # tokens; BERT has no positions beyond, so that longer texts are cut

# What M2D-CLAP's files hold besides the encoder, renamed to the names here. 2024: `audio_proj.0`, `audio_proj.2`; 2025:
# everything but the text encoder under `backbone.`; fine-tuned from CLAP: the projection under the encoder's prefix.
PART_RENAMES = (
    (r"^module\.ar\.runtime\.backbone\.(?=audio_proj|text_proj)", ""),
    (r"^backbone\.(?=audio_proj|text_proj)", ""),
    (r"^text_encoder\.text_encoder\.", "text_encoder."),
)
# Numbers 0, 1, 2, ... that older transformers saved, and BERT's layer on [CLS], which M2D-CLAP does not use.
TEXT_KEYS_NOT_USED = re.compile(r"^(embeddings\.position_ids$|pooler\.)")


@dataclass(frozen=True)
class TextModel:
    """A text model that M2D-CLAP was trained with: where it is published, what is needed of it, how it is read."""

    name: str
    repositories: tuple[str, ...]
    needs_weights: bool
    pooling: Literal["mean", "cls"]

    @property
    def how_to_get(self) -> str:
        """What the user can do to have it."""
        files = "tokenizer.json tokenizer_config.json vocab.txt" + " model.safetensors" * self.needs_weights
        return (
            f"fetch it once with 'hf download {self.repositories[0]} {files}', "
            "or give a folder that holds these files as text_model"
        )


GTE_BASE = TextModel("GTE-base", ("thenlper/gte-base",), needs_weights=True, pooling="mean")
BERT_INSIDE = TextModel(
    "BERT's tokenizer", ("google-bert/bert-base-uncased", "bert-base-uncased"), needs_weights=False, pooling="cls"
)


@dataclass(frozen=True, eq=False)
class Clap:
    """M2D-CLAP ready to use; the text encoder is read when the first text comes.

    Attributes:
        encoder: the audio encoder.
        audio_proj: from its tokens (W, N, D) to audio embeddings (W, D).
        text_proj: from text features to text embeddings, where the weights have it.
        text_state: the weights of the text encoder that came with the file; empty if there was none.
        text_model: the folder of text model or tokenizer that the user named.
        path: the file of the weights.
        sha256: its hash, in hex.
    """

    encoder: M2DModel
    audio_proj: MeanProjection | SemanticProjection
    text_proj: nn.Module
    text_state: State
    text_model: Path | None
    path: Path
    sha256: str

    def embed_audio(self, windows: npt.NDArray[np.float32]) -> Embeddings:
        """Return the embeddings (W, D) float32, not normalised, of windows (W, S) at the encoder's rate.

        Every frame counts: as in M2D, an incomplete last patch is padded.

        Raises:
            AudioError: there are no windows, or they are too short to have a spectrum.
        """
        if windows.ndim != 2 or not len(windows):
            raise AudioError(f"windows of shape {windows.shape}: give an array (W, S) of at least one window")
        samples = torch.from_numpy(np.require(windows, np.float32, ["C", "W"]))
        with torch.inference_mode():
            embedded = [
                self.audio_proj(self.encoder.flat_features(self.encoder.log_mel(batch)))
                for batch in torch.split(samples, BATCH_WINDOWS)
            ]
        return torch.cat(embedded).numpy()

    def embed_text(self, texts: Sequence[str]) -> Embeddings:
        """Return the embeddings (N, D) float32, not normalised, of texts; what exceeds 512 tokens is cut off.

        Raises:
            WordError: there is no text, or one is empty.
            MissingExtraError: transformers, the text model or its tokenizer is not there; the message says what to do.
            WeightsError: the text model does not fit.
        """
        if isinstance(texts, str) or not len(texts):
            raise WordError(f"{texts!r}: give a list of at least one text")
        for text in texts:
            if not isinstance(text, str) or not text.strip():
                raise WordError(f"{text!r} is no text: give words, such as 'dog can be heard'")
        with torch.inference_mode():
            embedded = [
                self.text_proj(self.text_encoder.encode(texts[start : start + BATCH_TEXTS]))
                for start in range(0, len(texts), BATCH_TEXTS)
            ]
        return torch.cat(embedded).numpy()

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """The text encoder, read on first use.

        Raises:
            MissingExtraError, WeightsError: see `embed_text`.
        """
        known = BERT_INSIDE if self.text_state else GTE_BASE
        if known is GTE_BASE and isinstance(self.audio_proj, SemanticProjection):
            raise WeightsError(f"{self.path}: its text encoder is missing (text_encoder.*), and no other one fits")
        text_encoder = _load_text_encoder(known, self.text_model, self.text_state, self.path)
        layers = [layer.in_features for layer in self.text_proj.modules() if isinstance(layer, nn.Linear)]
        wanted, width = [*layers, self.encoder.spec.embed_dim][0], text_encoder.model.config.hidden_size
        if wanted != width:
            raise WeightsError(f"{self.path}: needs text features of width {wanted}, but the text model's is {width}")
        return text_encoder


def load_clap(name_or_path: str | Path, *, text_model: str | Path | None = None, commercial_only: bool = False) -> Clap:
    """Load M2D-CLAP by name, or from a .pth or .safetensors file in a folder of its published name.

    Args:
        name_or_path: a name of `WEIGHTS`, or the path of a file.
        text_model: a folder with GTE-base (weights of 2024) or with BERT's tokenizer (2025); without it the Hugging
            Face cache is searched, once the first text comes.
        commercial_only: refuse weights whose licence does not allow commercial use, or is not known.

    Raises:
        WeightsError: unknown name, missing or damaged file, wrong hash, not M2D-CLAP, keys or shapes that do not fit,
            or a licence that is not wanted.
    """
    _, path, sha256 = check_weights(name_or_path, locate_weights, commercial_only=commercial_only)
    state = read_state_dict(path)
    audio, text, text_state = _split_parts(state)
    if not audio and not text:
        raise WeightsError(
            f"{path}: not M2D-CLAP: it holds neither audio_proj nor text_proj; "
            "choose weights whose name begins with m2d_clap"
        )
    encoder_state = rename_keys(state)
    encoder = build_encoder(encoder_state, infer_spec(encoder_state, path))
    return Clap(
        encoder,
        _build_audio_projection(audio, encoder.spec.embed_dim, f"{path}: audio_proj"),
        _build_text_projection(text, encoder.spec.embed_dim, f"{path}: text_proj"),
        text_state,
        None if text_model is None else Path(text_model),
        path,
        sha256,
    )


def compare_embeddings(audio: Embeddings, text: Embeddings) -> Embeddings:
    """Return the cosine similarities (W, N) in [-1, 1] of audio embeddings (W, D) and text embeddings (N, D).

    Raises:
        ValueError: the embeddings are not of the same width.
    """
    if audio.ndim != 2 or text.ndim != 2 or audio.shape[1] != text.shape[1]:
        raise ValueError(f"embeddings of shapes {audio.shape} and {text.shape}: give (W, D) and (N, D)")
    least = np.finfo(np.float32).tiny
    audio = audio / np.maximum(np.linalg.norm(audio, axis=1, keepdims=True), least)
    text = text / np.maximum(np.linalg.norm(text, axis=1, keepdims=True), least)
    return np.asarray(audio @ text.T, dtype=np.float32)


def make_prompt(label: str) -> str:
    """Return the sentence that M2D-CLAP compares sounds with for a label: "dog_bark" is "dog bark can be heard"."""
    return f"{' '.join(label.replace('_', ' ').split())} can be heard"


class MeanProjection(nn.Sequential):
    """Projects the mean over all tokens, as in 2024: (W, N, D) -> (W, D); without layers, it is that mean."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        embedded: torch.Tensor = super().forward(tokens.mean(dim=1))  # type: ignore[no-untyped-call]
        return embedded


class SemanticProjection(nn.Module):
    """A learned query attends to all tokens, as in 2025: (W, N, D) -> (W, D), the query's place in the last block."""

    def __init__(self, dim: int, depth: int, mlp_ratio: int) -> None:
        super().__init__()
        self.sem_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.sem_blocks = nn.ModuleList(Block(dim, 1, mlp_ratio, eps=1e-5) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-5)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = torch.cat([self.sem_token.expand(len(tokens), -1, -1), tokens], dim=1)  # (W, 1 + N, D)
        for block in self.sem_blocks:
            tokens = block(tokens)
        return self.norm(tokens[:, 0])  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """BERT or a model of its shape, with its tokenizer; `pooling` says what a text's features are."""

    model: BertModel
    tokenizer: Any
    pooling: Literal["mean", "cls"]

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Return features (N, D): the mean over a text's tokens, or the place of [CLS], in the last hidden state."""
        n_tokens = min(LONGEST_TEXT, self.model.config.max_position_embeddings)
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, max_length=n_tokens, return_tensors="pt")
        hidden: torch.Tensor = self.model(**tokens).last_hidden_state  # (N, tokens, D)
        if self.pooling == "cls":
            return hidden[:, 0]
        is_attended = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)  # (N, tokens, 1)
        mean: torch.Tensor = (hidden * is_attended).sum(dim=1) / is_attended.sum(dim=1)
        return mean


def _split_parts(state: State) -> tuple[State, State, State]:
    """Return what belongs to the audio projection, the text projection and the text encoder, without prefix."""
    parts: dict[str, State] = {"audio_proj": {}, "text_proj": {}, "text_encoder": {}}
    for key, tensor in state.items():
        for pattern, replacement in PART_RENAMES:
            key = re.sub(pattern, replacement, key)
        part, _, rest = key.partition(".")
        if part in parts and not (part == "text_encoder" and TEXT_KEYS_NOT_USED.match(rest)):
            parts[part][rest] = tensor
    return parts["audio_proj"], parts["text_proj"], parts["text_encoder"]


def _build_audio_projection(state: State, dim: int, where: str) -> MeanProjection | SemanticProjection:
    if not state:
        return MeanProjection()
    with torch.device("meta"):
        if any(key.startswith("sem_") for key in state):
            (hidden_dim,) = _read_shape(state, "sem_blocks.0.mlp.fc1.bias", 1, where)
            depth = _count_layers(state, "sem_blocks.")
            projection: MeanProjection | SemanticProjection = SemanticProjection(dim, depth, max(1, hidden_dim // dim))
        else:
            projection = MeanProjection(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
    fill_module(projection, state, where)
    return projection


def _build_text_projection(state: State, dim: int, where: str) -> nn.Module:
    if not state:
        return nn.Identity()
    with torch.device("meta"):
        if "weight" in state:
            n_in = _read_shape(state, "weight", 2, where)[1]
            projection: nn.Module = nn.Linear(n_in, dim)
        else:
            n_in = _read_shape(state, "2.weight", 2, where)[1]
            projection = nn.Sequential(nn.Linear(n_in, n_in), nn.ReLU(), nn.Linear(n_in, dim))
    fill_module(projection, state, where)
    return projection


def _load_text_encoder(known: TextModel, named: Path | None, state: State, path: Path) -> TextEncoder:
    """Return the text encoder with the weights `state` of `path`, else with those in its folder.

    transformers' own loading is not used for weights: it goes on without tensors that are missing, and may load
    float16 where M2D-CLAP was trained with float32.
    """
    try:
        from transformers import BertConfig, BertModel, BertTokenizerFast  # type: ignore[attr-defined]
    except ImportError as error:
        raise MissingExtraError("M2D-CLAP reads texts with transformers: pip install 'earwitness[clap]'") from error
    folder = _find_text_model(known, named)
    if known.needs_weights:
        path = folder / "model.safetensors"
        state = {key: each for key, each in read_state_dict(path).items() if not TEXT_KEYS_NOT_USED.match(key)}
    where = f"{path}: text encoder"
    config = BertConfig(**_infer_text_sizes(state, where))
    model = BertModel(config, add_pooling_layer=False)
    fill_module(model, state, where)
    try:
        tokenizer = BertTokenizerFast.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # a damaged tokenizer can end in any exception of transformers, tokenizers and json
        reason = str(error).split("\n", 1)[0][:200]
        raise WeightsError(f"{folder}: its tokenizer cannot be read ({reason}); {known.how_to_get}") from error
    if len(tokenizer) != config.vocab_size:
        raise WeightsError(
            f"{folder}: the tokenizer knows {len(tokenizer)} parts of words, the text encoder of {path} "
            f"{config.vocab_size}: they do not belong together; {known.how_to_get}"
        )
    return TextEncoder(model, tokenizer, known.pooling)


def _find_text_model(known: TextModel, named: Path | None) -> Path:
    """Return the folder of a text model, or of a tokenizer if no more is needed: the named one, else in the cache."""
    for folder in [named] if named else find_snapshots(*known.repositories):
        has_tokenizer = (folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file()
        if has_tokenizer and (not known.needs_weights or (folder / "model.safetensors").is_file()):
            return folder
    if named:
        weights = "model.safetensors, or no " * known.needs_weights
        raise WeightsError(f"{named}: holds no {weights}tokenizer.json or vocab.txt; {known.how_to_get}")
    raise MissingExtraError(f"{known.name} is not on this machine; {known.how_to_get}")


def _infer_text_sizes(state: State, where: str) -> dict[str, Any]:
    """Return BertConfig's sizes, read from the tensors; what no tensor says (GELU, epsilon 1e-12) is BERT's."""
    vocab_size, dim = _read_shape(state, "embeddings.word_embeddings.weight", 2, where)
    if dim % HEAD_DIM or not 0 < dim <= LARGEST_WIDTH:
        raise WeightsError(f"{where}: {dim} numbers wide; BERT's width is a multiple of {HEAD_DIM}")
    return {
        "vocab_size": vocab_size,
        "hidden_size": dim,
        "num_attention_heads": dim // HEAD_DIM,
        "num_hidden_layers": _count_layers(state, "encoder.layer."),
        "intermediate_size": _read_shape(state, "encoder.layer.0.intermediate.dense.bias", 1, where)[0],
        "max_position_embeddings": _read_shape(state, "embeddings.position_embeddings.weight", 2, where)[0],
        "type_vocab_size": _read_shape(state, "embeddings.token_type_embeddings.weight", 2, where)[0],
    }


def _read_shape(state: State, key: str, n_dims: int, where: str) -> tuple[int, ...]:
    shape = tuple(state[key].shape) if key in state else None
    if shape is None or len(shape) != n_dims:
        raise WeightsError(f"{where}: {key} is missing" if shape is None else f"{where}: {key} has the shape {shape}")
    return shape


def _count_layers(state: State, prefix: str) -> int:
    """Return how many layers `prefix` has: numbers that skip one show as missing keys later."""
    return min(LARGEST_DEPTH, len({key.removeprefix(prefix).split(".")[0] for key in state if key.startswith(prefix)}))
