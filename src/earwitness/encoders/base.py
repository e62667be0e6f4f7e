"""What an encoder is: its sizes, what it computes, where its weights come from, and what a family of encoders brings.

In: windows (W, S) float32 in [-1, 1] at the encoder's rate. Out: `Encoded`, features and tag logits. A family is a
folder beside this file; its `Family` stands in `registry.FAMILIES`, and nothing outside its folder knows its network,
its log-mel front end, its names of files or the order of its tags.
"""

from __future__ import annotations

import abc
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from earwitness.errors import WeightsError

if TYPE_CHECKING:
    import torch


Floats = npt.NDArray[np.float32]
Output = Literal["features", "token_logits", "window_logits"]


@dataclass(frozen=True)
class EncoderSpec(abc.ABC):
    """Sizes of one encoder; each family has its own subclass.

    Attributes:
        name: the published name, or that of the file.
        sample_rate_hz: the rate of the windows that it takes.
        n_tags: tags of the head; 0 without one.
    """

    name: str
    sample_rate_hz: int = 16000
    n_tags: int = 0

    @property
    @abc.abstractmethod
    def feature_dim(self) -> int:
        """Width D of the feature of one token."""

    @property
    @abc.abstractmethod
    def token_s(self) -> float:
        """Seconds between tokens."""

    @property
    @abc.abstractmethod
    def unit_s(self) -> float:
        """Seconds of the longest window that is encoded as a whole."""

    @abc.abstractmethod
    def token_starts_s(self, n_samples: int, *, is_trimmed: bool) -> npt.NDArray[np.float64]:
        """Return when each token (T,) of so many samples begins, in seconds; see `Encoder.encode` for `is_trimmed`."""

    def is_one_unit(self, n_samples: int, *, is_trimmed: bool) -> bool:
        """Say whether a window of so many samples is encoded as a whole."""
        return n_samples <= round(self.unit_s * self.sample_rate_hz)

    def segment_samples(self, n_units: int) -> tuple[int, int]:
        """Return (hop, length) in samples of segments that, encoded one by one, have the tokens of the whole."""
        n_samples = n_units * round(self.unit_s * self.sample_rate_hz)
        return n_samples, n_samples

    @property
    def attention_edges_hz(self) -> npt.NDArray[np.float64]:
        """Edges (bands + 1,) in Hz of the bands that attention weights are of.

        Raises:
            WeightsError: the network has no attention.
        """
        raise self._without_attention()

    def count_attention_weights(self, window_s: float) -> int:
        """Return the number of attention weights (layers x heads x N x N) of a window.

        Raises:
            WeightsError: the network has no attention.
        """
        raise self._without_attention()

    def _without_attention(self) -> WeightsError:
        return WeightsError(f"{self.name}: this network has no attention; choose an encoder that is a transformer")


@dataclass(frozen=True)
class TagStats:
    """Mean and standard deviation (C,) of each tag's logit over varied audio.

    Attributes:
        mean, std: of the logits of windows.
        token_mean, token_std: of the logits of tokens; None where the encoder has one head for both.
        clip_mean: of the logits of isolated clips, for which `mean` is too high; None where it is not known.
    """

    mean: np.ndarray
    std: np.ndarray
    token_mean: np.ndarray | None = None
    token_std: np.ndarray | None = None
    clip_mean: np.ndarray | None = None

    @property
    def of_tokens(self) -> TagStats:
        """The statistics of the logits of tokens."""
        if self.token_mean is None or self.token_std is None:
            return self
        return TagStats(self.token_mean, self.token_std)


@dataclass(frozen=True)
class Encoded:
    """What an encoder makes of windows; None where it was not wanted.

    Attributes:
        features: (W, T, D), a row for each token.
        token_logits: (W, T, C), tag logits of each token: what sounds now, where the encoder has a head for it.
        window_logits: (W, C), tag logits of each window: what sounds anywhere in it.
    """

    features: Floats | None = None
    token_logits: Floats | None = None
    window_logits: Floats | None = None


class Encoder(Protocol):
    """What computes, on whatever runtime.

    Attributes:
        spec: the encoder's sizes.
        batch: the number of windows to give at once.
        n_at_once: the number of threads that may compute at the same time.
        computed_on: runtime, device and precision, for people and for the record.
    """

    spec: EncoderSpec
    batch: int
    n_at_once: int
    computed_on: str

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool) -> Encoded:
        """Return the outputs that are wanted of windows (W, S).

        `is_trimmed` drops the end of a window that does not fill a token, instead of padding it.
        """

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return attention weights (W, layers, heads, N, N) of windows of at most a unit."""


class TorchModel(Protocol):
    """A family's network, a `torch.nn.Module`; `TorchBackend` makes an `Encoder` of it."""

    @property
    def spec(self) -> EncoderSpec:
        """The encoder's sizes."""

    def to(self, device: torch.device) -> Any:
        """Move the network to a device and return it, as every module does."""

    def encode(
        self, windows: torch.Tensor, wanted: Sequence[Output], *, is_trimmed: bool
    ) -> dict[Output, torch.Tensor]:
        """Return the wanted outputs of windows (W, S) on the network's device; see `Encoder.encode`."""

    def attend(self, windows: torch.Tensor, *, is_trimmed: bool) -> torch.Tensor:
        """Return attention weights (W, layers, heads, N, N); a network without attention raises `WeightsError`."""

    def to_bf16(self) -> None:
        """Compute in bfloat16 from now on, where that does no harm."""

    def compile_blocks(self) -> None:
        """Compile what repeats, with torch.compile."""


@dataclass(frozen=True)
class WeightsSpec:
    """What is known of one set of weights before it is read; None where it is not known.

    Attributes:
        name: the published name, which is that of the folder.
        licence: its name, a key of `LICENCE_TERMS` where it must be accepted before fetching.
        is_commercial_use_allowed: whether the licence allows commercial use.
        paper: where the weights are described.
        file_name: the weights file inside the folder.
        sha256: of the weights file, in hex.
        url: of the published zip; None where the weights are shipped.
        zip_bytes, zip_sha256: size and sha256 of that zip.
        n_tags: tags of the head; 0 without one.
        sample_rate_hz: the rate of the windows that the encoder takes.
        norm_stats: where mean and standard deviation of the log-mel come from; the default is the family's.
        reported_map: mAP on AudioSet's evaluation set in [0, 1], as its authors report it for this very file.
    """

    name: str
    licence: str
    is_commercial_use_allowed: bool
    paper: str
    file_name: str | None = None
    sha256: str | None = None
    url: str | None = None
    zip_bytes: int | None = None
    zip_sha256: str | None = None
    n_tags: int = 0
    sample_rate_hz: int = 16000
    norm_stats: Literal["in the file", "default", "in the file, else default"] = "in the file, else default"
    reported_map: float | None = None


def on_use(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that is imported when it is first called."""
    return lambda *arguments, **options: getattr(importlib.import_module(module), name)(*arguments, **options)


@dataclass(frozen=True)
class Family:
    """Encoders of one kind. Importing it loads neither torch nor ONNX Runtime; `on_use` does so for its functions.

    Attributes:
        name: of the folder, and of the family in exported files.
        weights: the published ones.
        licences: the terms that are shown before weights are fetched, by the licence's name.
        match: says whether a file of weights is of this family, by names or content.
        read: reads weights as a network in evaluation mode.
        convert: writes weights as .safetensors; returns where they are.
        export: writes an encoder as .onnx; returns where it is.
        spec: its kind of `EncoderSpec`, made of the values that an exported file states.
        run: runs an exported file: (session, spec, wanted, windows (W, S), is_trimmed=) to the wanted outputs (W, ...).
        attend: (session, spec, windows, is_trimmed=) to attention weights; None where the networks have none.
    """

    name: str
    weights: tuple[WeightsSpec, ...]
    licences: Mapping[str, str]
    match: Callable[[Path], bool]
    read: Callable[[Path], TorchModel]
    convert: Callable[[Path, Path], Path]
    export: Callable[..., Path]
    spec: type[EncoderSpec]
    run: Callable[..., list[Floats]]
    attend: Callable[..., Floats] | None = None
