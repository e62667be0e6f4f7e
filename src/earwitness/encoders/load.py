"""An encoder ready to use, on torch or on ONNX Runtime.

In: a name of `WEIGHTS` or a path, and how to compute. Out: `LoadedEncoder`, which turns windows into features and tag
logits for any number of threads, with the sha256 of its weights and, where they are known, its `TagStats`. Neither
torch nor ONNX Runtime is imported before it is chosen, so either suffices.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from earwitness.encoders.base import Encoded, Encoder, EncoderSpec, Floats, Output, TagStats, WeightsSpec
from earwitness.encoders.batching import SharedBackend
from earwitness.encoders.registry import EMBEDDED, WEIGHTS, family_of, family_of_spec, identify_weights
from earwitness.encoders.weights_cache import check_hash, find_weights, weights_dir
from earwitness.errors import MissingExtraError, SettingsError, WeightsError
from earwitness.files import hash_file
from earwitness.settings import EncoderSettings

ONNX_SUFFIX = ".onnx"


class Compute(EncoderSettings):
    """Deprecated name of `EncoderSettings`, which calls `is_compiled` `compile_encoder`; it goes in version 0.3."""

    def __init__(self, *values: Any, **options: Any) -> None:
        message = "earwitness.Compute is deprecated: use earwitness.EncoderSettings (is_compiled is compile_encoder)"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        names = ("runtime", "device", "precision", "compile_encoder", "n_threads")
        if "is_compiled" in options:
            options["compile_encoder"] = options.pop("is_compiled")
        super().__init__(**dict(zip(names, values, strict=False)), **options)


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder ready to use, with where its weights came from."""

    backend: Encoder
    sha256: str
    tag_stats: TagStats | None = None
    known: WeightsSpec | None = None

    @property
    def spec(self) -> EncoderSpec:
        """The encoder's sizes."""
        return self.backend.spec

    @property
    def batch(self) -> int:
        """The number of windows to give at once."""
        return self.backend.batch

    @property
    def model(self) -> Any:
        """The family's torch module; see `TorchModel`.

        Raises:
            WeightsError: the encoder runs on ONNX Runtime and has none.
        """
        backend = self.backend.backend if isinstance(self.backend, SharedBackend) else self.backend
        model: Any = getattr(backend, "model", None)
        if model is None:
            raise WeightsError(f"{self.spec.name} runs on ONNX Runtime; this needs torch: choose --runtime torch")
        return model

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool = True) -> Encoded:
        """Return the outputs that are wanted of windows (W, S) at the encoder's rate.

        `is_trimmed` drops the end of a window that does not fill a token, instead of padding it.

        Raises:
            WeightsError: logits are wanted of an encoder without a tag head.
        """
        if not self.spec.n_tags and set(wanted) != {"features"}:
            raise WeightsError(
                f"{self.spec.name} has no tag head, so it cannot name sounds; choose a fine-tuned (AS-FT) encoder"
            )
        return self.backend.encode(windows, wanted, is_trimmed=is_trimmed)

    def token_features(self, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        """Return features (W, T, D), one row per token in time; see `encode`."""
        return self._encode("features", windows, is_trimmed)

    def token_logits(self, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        """Return tag logits (W, T, C), one row per token in time; see `encode`."""
        return self._encode("token_logits", windows, is_trimmed)

    def window_logits(self, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        """Return tag logits (W, C) of whole windows; see `encode`."""
        return self._encode("window_logits", windows, is_trimmed)

    def _encode(self, output: Output, windows: Floats, is_trimmed: bool) -> Floats:
        rows: Floats = getattr(self.encode(windows, [output], is_trimmed=is_trimmed), output)
        return rows

    def attention(self, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        """Return with what weights tokens look at each other (W, layers, heads, N, N), in windows (W, S) of one unit.

        Each row sums to 1. Tokens are the class token, then the grid: the lowest band's in time, then the next band's;
        so band b at column t of T is token 1 + b * T + t. See `encode` for `is_trimmed`.

        Raises:
            SettingsError: a window is longer than what the encoder sees at once.
            WeightsError: the network has no attention; on ONNX Runtime, there is no graph for it beside the encoder's.
        """
        if not self.spec.is_one_unit(windows.shape[1], is_trimmed=is_trimmed):
            raise SettingsError(
                f"windows of {windows.shape[1] / self.spec.sample_rate_hz:g} s: attention is of one unit of "
                f"{self.spec.name}, at most {self.spec.unit_s:g} s; choose a shorter window"
            )
        return self.backend.attention(windows, is_trimmed=is_trimmed)


def load_encoder(
    name_or_path: str | Path | None = None, *, commercial_only: bool = False, compute: EncoderSettings | None = None
) -> LoadedEncoder:
    """Load an encoder by name or from a .safetensors, .pth or .onnx file; without an argument the embedded one.

    Args:
        name_or_path: a name of `WEIGHTS`, or the path of a file; without it, what `compute` names.
        commercial_only: refuse weights whose licence does not allow commercial use, or is not known.
        compute: runtime, device, precision and threads.

    Raises:
        WeightsError: unknown name, weights that are not here, missing or damaged file, wrong hash, keys or shapes
            that do not fit, or a licence that is not wanted.
        MissingExtraError: neither torch nor ONNX Runtime is installed, or not the one that is wanted.
        SettingsError: the device or precision is not to be had.
    """
    compute = compute or EncoderSettings()
    name_or_path = name_or_path or compute.encoder or EMBEDDED
    is_onnx = _choose_runtime(compute, name_or_path) == "onnx"
    find = partial(locate_onnx, compute=compute) if is_onnx else locate_weights
    known, path, sha256 = check_weights(name_or_path, find, commercial_only=commercial_only or compute.commercial_only)
    if is_onnx:
        from earwitness.encoders.onnx_backend import OnnxBackend

        on_onnx = OnnxBackend(path, compute.n_threads)
        return LoadedEncoder(SharedBackend(on_onnx), sha256, on_onnx.tag_stats, known)
    from earwitness.encoders.torch_backend import TorchBackend

    on_torch = TorchBackend(
        family_of(path).read(path), compute.device, compute.precision, compute.compile_encoder, compute.n_threads
    )
    return LoadedEncoder(SharedBackend(on_torch), sha256, _read_tag_stats(path), known)


def choose_encoder(settings: EncoderSettings, encoder: LoadedEncoder | None = None) -> LoadedEncoder:
    """Return the encoder that settings name, or the given one if its licence suits them.

    Raises:
        WeightsError, MissingExtraError, SettingsError: see `load_encoder`.
    """
    if encoder is None:
        return load_encoder(compute=settings)
    check_licence(encoder.known, encoder.spec.name, commercial_only=settings.commercial_only)
    return encoder


def export_encoder(encoder: LoadedEncoder, out: Path, **options: Any) -> Path:
    """Write an encoder as .onnx, as its family does; see `encoders.m2d.export_onnx.export_onnx` for the options."""
    return family_of_spec(encoder.spec).export(encoder, out, **options)


def convert_weights(path: Path, out: Path) -> Path:
    """Write weights as float32 .safetensors, as their family does; return where they are.

    Raises:
        WeightsError: the weights are not usable, or `out` cannot be written.
    """
    return family_of(path).convert(path, out)


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


def locate_onnx(name_or_path: str | Path, compute: EncoderSettings) -> Path:
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
    """Return where an exported encoder lies: a known one in the cache, another one beside its weights."""
    suffix = f".int8{ONNX_SUFFIX}" if is_int8 else ONNX_SUFFIX
    known = WEIGHTS.get(str(name_or_path))
    if known:
        return weights_dir(known) / f"{known.name}{suffix}"
    return Path(name_or_path).with_name(Path(name_or_path).stem + suffix)


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


def check_weights(
    name_or_path: str | Path, find: Callable[[str | Path], Path], *, commercial_only: bool
) -> tuple[WeightsSpec | None, Path, str]:
    """Return what is known of weights, the path that `find` gives for them and its sha256; check licence and hash.

    Raises:
        WeightsError: the licence is not wanted, or the file is not here, cannot be read or has another hash.
    """
    known = WEIGHTS.get(str(name_or_path)) or identify_weights(Path(name_or_path))
    check_licence(known, name_or_path, commercial_only=commercial_only)
    try:
        path = find(name_or_path)
        return known, path, check_hash(known, path) if known and path.suffix != ONNX_SUFFIX else hash_file(path)
    except OSError as error:
        raise WeightsError(f"{name_or_path}: cannot be read ({error})") from error


def _choose_runtime(compute: EncoderSettings, name_or_path: str | Path) -> Literal["torch", "onnx"]:
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
    if wants_onnx and (compute.device not in ("auto", "cpu") or compute.precision == "bf16" or compute.compile_encoder):
        raise SettingsError("runtime 'onnx' computes on the CPU in fp32 or int8; for a GPU or bf16 choose 'torch'")
    if not wants_onnx and compute.precision == "int8":
        raise SettingsError("precision 'int8' needs runtime 'onnx'")
    return "onnx" if wants_onnx else "torch"


def _read_tag_stats(path: Path) -> TagStats | None:
    stats_path = path.with_suffix(".tag_stats.npz")
    if not stats_path.is_file():
        return None
    with np.load(stats_path) as stats:
        names = ("mean", "std", "frame_mean", "frame_std", "clip_mean")
        return TagStats(*(stats.get(name) for name in names))
