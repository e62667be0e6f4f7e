"""An encoder ready to use, on torch or on ONNX Runtime.

In: a name of `WEIGHTS` or a path, and how to compute. Out: `LoadedEncoder`, which turns windows into features and tag
logits for any number of threads, with the sha256 of its weights and, where they are known, its `TagStats`. Neither
torch nor ONNX Runtime is imported before it is chosen, so either suffices.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from earwitness.audio import FRAMES_PER_S
from earwitness.encoders.base import Backend, EncoderSpec, Floats, TagStats
from earwitness.encoders.batching import SharedBackend
from earwitness.encoders.registry import EMBEDDED, WEIGHTS, WeightsSpec
from earwitness.encoders.weights_cache import check_hash, find_weights, weights_dir
from earwitness.errors import MissingExtraError, SettingsError, WeightsError
from earwitness.files import hash_file
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.encoders.m2d.model import Encoder

RuntimeName = Literal["auto", "torch", "onnx"]
ONNX_SUFFIX = ".onnx"


@dataclass(frozen=True)
class Compute:
    """How an encoder computes; "auto" and 0 take what suits the machine.

    Attributes:
        runtime: "torch" or "onnx"; automatic is torch where it is installed.
        device: "cpu", "cuda" or "cuda:N"; automatic is the GPU where torch finds one. Only for torch.
        precision: "fp32"; "bf16" for torch, "int8" for ONNX Runtime; automatic is bf16 on a GPU, else fp32.
        is_compiled: compile the encoder with torch.compile: a minute at first, faster after. Only for torch.
        n_threads: threads of the CPU; 0 follows OMP_NUM_THREADS and the cores that this process may use.
    """

    runtime: RuntimeName = "auto"
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    is_compiled: bool = False
    n_threads: int = 0


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder ready to use, with where its weights came from."""

    backend: Backend
    sha256: str
    tag_stats: TagStats | None = None
    known: WeightsSpec | None = None

    @property
    def spec(self) -> EncoderSpec:
        """The encoder's sizes and conventions."""
        return self.backend.spec

    @property
    def batch(self) -> int:
        """The number of windows that it likes to be given at once."""
        return self.backend.batch

    @property
    def model(self) -> Encoder:
        """The torch module.

        Raises:
            WeightsError: the encoder runs on ONNX Runtime and has none.
        """
        backend = self.backend.backend if isinstance(self.backend, SharedBackend) else self.backend
        model: Encoder | None = getattr(backend, "model", None)
        if model is None:
            raise WeightsError(f"{self.spec.name} runs on ONNX Runtime; this needs torch: choose --runtime torch")
        return model

    def token_features(self, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        """Return features (W, T, D), one row per token in time, of windows (W, S) at the encoder's rate.

        `is_trimmed` drops the frames that do not fill a patch instead of padding them as M2D does.
        """
        return self.backend.features(windows, is_trimmed=is_trimmed)

    def token_logits(self, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        """Return tag logits (W, T, C) of windows (W, S) at the encoder's rate; see `token_features`.

        Raises:
            WeightsError: the encoder has no tag head.
        """
        if not self.spec.n_tags:
            raise WeightsError(
                f"{self.spec.name} has no tag head, so it cannot name sounds; choose a fine-tuned (AS-FT) encoder"
            )
        return self.backend.logits(windows, is_trimmed=is_trimmed)

    def attention(self, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        """Return with what weights tokens look at each other (W, layers, heads, N, N), in windows (W, S) of one unit.

        Each row sums to 1. Tokens are the class token, then the grid: the lowest band's in time, then the next band's;
        so band b at column t of T is token 1 + b * T + t. See `token_features` for `is_trimmed`.

        Raises:
            SettingsError: a window is longer than what the encoder sees at once.
            WeightsError: on ONNX Runtime, the encoder has no graph for attention beside it.
        """
        n_frames = self.spec.count_frames(1 + windows.shape[1] * FRAMES_PER_S // self.spec.sample_rate_hz, is_trimmed)
        if n_frames > self.spec.unit_frames:
            raise SettingsError(
                f"windows of {windows.shape[1] / self.spec.sample_rate_hz:g} s: attention is of one unit of "
                f"{self.spec.name}, at most {self.spec.unit_s:g} s; choose a shorter window"
            )
        return self.backend.attention(windows, is_trimmed=is_trimmed)


def load_encoder(
    name_or_path: str | Path | None = None, *, commercial_only: bool = False, compute: Compute | None = None
) -> LoadedEncoder:
    """Load an encoder by name or from a .safetensors, .pth or .onnx file; without an argument the embedded one.

    Args:
        name_or_path: a name of `WEIGHTS`, or the path of a file.
        commercial_only: refuse weights whose licence does not allow commercial use, or is not known.
        compute: runtime, device, precision and threads.

    Raises:
        WeightsError: unknown name, weights that are not here, missing or damaged file, wrong hash, keys or shapes
            that do not fit, or a licence that is not wanted.
        MissingExtraError: neither torch nor ONNX Runtime is installed, or not the one that is wanted.
        SettingsError: the device or precision is not to be had.
    """
    compute, name_or_path = compute or Compute(), name_or_path or EMBEDDED
    known = WEIGHTS.get(str(name_or_path)) or identify_weights(Path(name_or_path))
    check_licence(known, name_or_path, commercial_only=commercial_only)
    runtime = _choose_runtime(compute, name_or_path)
    try:
        if runtime == "onnx":
            path = locate_onnx(name_or_path, compute)
            sha256 = hash_file(path)
        else:
            path = locate_weights(name_or_path)
            sha256 = check_hash(known, path) if known else hash_file(path)
    except OSError as error:
        raise WeightsError(f"{name_or_path}: cannot be read ({error})") from error
    if runtime == "onnx":
        from earwitness.encoders.onnx_backend import OnnxBackend

        on_onnx = OnnxBackend(path, compute.n_threads)
        return LoadedEncoder(SharedBackend(on_onnx), sha256, on_onnx.tag_stats, known)
    from earwitness.encoders.m2d.checkpoint import read_encoder
    from earwitness.encoders.torch_backend import TorchBackend

    model = read_encoder(path)
    on_torch = TorchBackend(model, compute.device, compute.precision, compute.is_compiled, compute.n_threads)
    return LoadedEncoder(SharedBackend(on_torch), sha256, _read_tag_stats(path), known)


def choose_encoder(settings: Settings, encoder: LoadedEncoder | None = None) -> LoadedEncoder:
    """Return the encoder that settings ask for, or the given one if its licence suits them.

    Raises:
        WeightsError, MissingExtraError, SettingsError: see `load_encoder`.
    """
    if encoder is None:
        compute = Compute(
            settings.runtime, settings.device, settings.precision, settings.compile_encoder, settings.n_threads
        )
        return load_encoder(settings.encoder, commercial_only=settings.commercial_only, compute=compute)
    check_licence(encoder.known, encoder.spec.name, commercial_only=settings.commercial_only)
    return encoder


def locate_weights(name_or_path: str | Path) -> Path:
    """Return the file of weights that are here, by name or path.

    Raises:
        WeightsError: it is neither a file nor a known name, or the weights of that name have not been fetched.
    """
    known = WEIGHTS.get(str(name_or_path))
    path = find_weights(known) if known else Path(name_or_path)
    if known and known.url and (path is None or not path.is_file()):
        raise WeightsError(
            f"{known.name}: not here yet. Its licence is: {known.licence}. "
            f"To fetch it: earwitness weights get {known.name} --accept-licence"
        )
    if path is None or not path.is_file():
        raise WeightsError(f"{name_or_path}: neither a file nor a known encoder; known are: {', '.join(WEIGHTS)}")
    return path


def locate_onnx(name_or_path: str | Path, compute: Compute) -> Path:
    """Return the exported file of weights, by their name or path, or by its own path.

    Raises:
        WeightsError: it is not here.
    """
    if Path(name_or_path).suffix == ONNX_SUFFIX:
        return locate_weights(name_or_path)
    known = WEIGHTS.get(str(name_or_path))
    path = onnx_path(name_or_path, is_int8=compute.precision == "int8")
    if known and not path.is_file() and (cached := find_weights(known)):
        path = cached.with_name(path.name)
    if not path.is_file():
        int8 = " --int8" if compute.precision == "int8" else ""
        raise WeightsError(
            f"{path}: not here; make it where torch is installed: earwitness weights export {name_or_path} --onnx{int8}"
        )
    return path


def onnx_path(name_or_path: str | Path, *, is_int8: bool = False) -> Path:
    """Return where an exported encoder is kept: a known one in the cache, another one beside its weights."""
    suffix = f".int8{ONNX_SUFFIX}" if is_int8 else ONNX_SUFFIX
    known = WEIGHTS.get(str(name_or_path))
    if known:
        return weights_dir(known) / f"{known.name}{suffix}"
    return Path(name_or_path).with_name(Path(name_or_path).stem + suffix)


def identify_weights(path: Path) -> WeightsSpec | None:
    """Return what is known of a file of weights by its name or its folder's; None if neither is a known name."""
    return WEIGHTS.get(path.name.partition(".")[0]) or WEIGHTS.get(path.absolute().parent.name)


def check_licence(known: WeightsSpec | None, name: str | Path, *, commercial_only: bool) -> None:
    """Refuse weights that may not be used commercially, where only such are wanted.

    Raises:
        WeightsError: the licence does not allow commercial use, or nothing says that it does.
    """
    if commercial_only and not (known and known.is_commercial_use_allowed):
        licence = known.licence if known else "nothing is known of its licence"
        raise WeightsError(
            f"{name}: not for commercial use ({licence}); choose another encoder, such as the embedded one, "
            "or leave out --commercial-only (commercial_only in settings)"
        )


def _choose_runtime(compute: Compute, name_or_path: str | Path) -> Literal["torch", "onnx"]:
    """Return what to compute on; imports nothing."""
    is_onnx_file = Path(name_or_path).suffix == ONNX_SUFFIX
    has_torch, has_onnx = (importlib.util.find_spec(name) is not None for name in ("torch", "onnxruntime"))
    if is_onnx_file and compute.runtime == "torch":
        raise SettingsError(f"{name_or_path}: an .onnx file needs runtime 'onnx', not 'torch'")
    wants_onnx = compute.runtime == "onnx" or is_onnx_file or (compute.runtime == "auto" and not has_torch)
    if wants_onnx and not has_onnx:
        what = "runtime 'onnx' needs ONNX Runtime" if has_torch else "there is nothing to compute on"
        raise MissingExtraError(f"{what}: pip install onnxruntime")
    if not wants_onnx and not has_torch:
        raise MissingExtraError("runtime 'torch' needs torch: pip install 'earwitness[torch]'")
    if wants_onnx and (compute.device not in ("auto", "cpu") or compute.precision == "bf16" or compute.is_compiled):
        raise SettingsError("runtime 'onnx' computes on the CPU in fp32 or int8; for a GPU or bf16 choose 'torch'")
    if not wants_onnx and compute.precision == "int8":
        raise SettingsError("precision 'int8' needs runtime 'onnx'")
    return "onnx" if wants_onnx else "torch"


def _read_tag_stats(path: Path) -> TagStats | None:
    stats_path = path.with_suffix(".tag_stats.npz")
    if not stats_path.is_file():
        return None
    with np.load(stats_path) as stats:
        return TagStats(mean=stats["mean"], std=stats["std"])
