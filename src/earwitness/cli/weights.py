"""The commands `earwitness weights ...`: list, show, get, verify, convert and find the encoder weights.

In: names of `WEIGHTS`, or files. Out: lines on standard output; weights in the cache. Published weights are fetched
only after their licence has been accepted, once per licence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earwitness.cli.exit_status import download_progress, print_error
from earwitness.cli.options import suggest
from earwitness.errors import WeightsError

if TYPE_CHECKING:
    from earwitness.encoders import LoadedEncoder, WeightsSpec

app = typer.Typer(
    no_args_is_help=True,
    help="List, fetch, check and convert encoder weights. M2D's published ones are NTT's, under NTT's own licence.",
)

Name = Annotated[str, typer.Argument(help="A published name, as 'earwitness weights list' shows it.")]


@app.command(name="list", short_help="List the known encoders.")
def list_weights() -> None:
    """List the known encoders: whether they are here, mAP on AudioSet, tags, rate, and the licence."""
    from earwitness.encoders import WEIGHTS

    width = max(map(len, WEIGHTS))
    print(f"{'name':{width}}  here  mAP    tags  rate   licence")
    for spec in WEIGHTS.values():
        reported = "-" if spec.reported_map is None else f"{spec.reported_map:.3f}"
        licence = spec.licence.partition(":")[0]
        rate = f"{spec.sample_rate_hz // 1000} kHz"
        print(f"{spec.name:{width}}  {_state(spec):4}  {reported:5}  {spec.n_tags or '-':>4}  {rate}  {licence}")


@app.command(short_help="Show all that is known of an encoder.")
def show(name: Name) -> None:
    """Show all that is known of an encoder: origin, size and hash where published, licence, paper, where it lies."""
    from earwitness.encoders import find_weights

    spec = _find_spec(name)
    tags = str(spec.n_tags) if spec.n_tags else "none: gives features, names no sounds"
    lines = {
        "name": spec.name,
        "tags": tags,
        "mAP on AudioSet": spec.reported_map,
        "rate": f"{spec.sample_rate_hz} Hz",
        "norm stats": spec.norm_stats,
        "paper": spec.paper,
        "url": spec.url,
        "zip": f"{spec.zip_bytes} bytes" if spec.zip_bytes else None,
        "zip's sha256": spec.zip_sha256,
        "file": spec.file_name,
        "file's sha256": spec.sha256,
        "lies at": find_weights(spec),
        "licence": spec.licence,
        "commercial use": "allowed" if spec.is_commercial_use_allowed else "not allowed",
    }
    for what, value in lines.items():
        print(f"{what + ':':17}{'not known' if value is None and what != 'lies at' else value or 'not here'}")
    print(_terms(spec), end="")


@app.command(short_help="Fetch published weights and check them.")
def get(
    name: Name,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take it from a file: the published .zip, a .pth or a .safetensors.")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the licence that is shown; needed once per licence.")
    ] = False,
) -> None:
    """Fetch published weights, or take them from a file, check them, and print where they lie.

    A download that was stopped goes on where it stopped.
    """
    from earwitness.encoders import family_of, fetch_weights, take_weights

    def read(path: Path) -> None:
        family_of(path).read(path)

    spec = _find_spec(name)
    _accept(spec, accept_licence)
    if source:
        print(take_weights(spec, source, read))
        return
    with download_progress() as report:
        path = fetch_weights(spec, report)
    read(path)
    print(path)


@app.command(short_help="Hash the weights that are here.")
def verify(
    name: Annotated[
        str | None, typer.Argument(help="A published name. Not given: all that are on this machine.")
    ] = None,
) -> None:
    """Hash the weights that are here and compare; exit status 1 if any is damaged."""
    from earwitness.encoders import WEIGHTS, check_hash, find_weights, locate_weights

    if name:
        locate_weights(_find_spec(name).name)
    n_damaged = 0
    for spec in [_find_spec(name)] if name else WEIGHTS.values():
        path = find_weights(spec)
        if path is None:
            continue
        try:
            print(f"{spec.name}: whole, sha256 {check_hash(spec, path)}")
        except WeightsError as error:
            n_damaged += 1
            print(f"{spec.name}: damaged")
            print_error(f"{error}")
    if n_damaged:
        raise typer.Exit(1)


@app.command(short_help="Write weights as .safetensors.")
def convert(
    name_or_path: Annotated[str, typer.Argument(help="A published name, or the path of a .pth or .safetensors.")],
    out: Annotated[Path, typer.Argument(help="The .safetensors to write.")],
) -> None:
    """Write weights as float32 .safetensors with the encoder's own names, and print where.

    Sizes are read from names, so a file whose name lacks them goes into a folder of the published name.
    """
    from earwitness.encoders import convert_weights, locate_weights

    print(convert_weights(locate_weights(name_or_path), out))
    _remind_of_licence(name_or_path)


@app.command(short_help="Write an encoder as .onnx.")
def export(
    name_or_path: Annotated[
        str, typer.Argument(help="A known name, or the path of a .pth or .safetensors; the embedded encoder if empty.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The .onnx to write; where --runtime onnx looks if not given.")
    ] = None,
    is_onnx: Annotated[bool, typer.Option("--onnx", help="As ONNX; the only form there is.")] = True,
    is_int8: Annotated[bool, typer.Option("--int8", help="Quantise to 8 bits: faster, and nearly the same.")] = False,
    is_attention: Annotated[
        bool,
        typer.Option("--attention", help="Also NAME.attention.onnx, as large again: what 'show attention' needs."),
    ] = False,
) -> None:
    """Write an encoder as .onnx, which machines without torch can run, and print where.

    To use it: earwitness listen street.wav -e siren --runtime onnx, or --encoder FILE.onnx. For int8 set precision.
    """
    from earwitness.encoders import EMBEDDED, attention_path, export_encoder, onnx_path

    name_or_path = name_or_path or EMBEDDED
    encoder = _load(name_or_path)
    path = export_encoder(encoder, out or onnx_path(name_or_path, is_int8=is_int8), is_int8=is_int8)
    print(path)
    if is_attention:
        print(export_encoder(encoder, attention_path(path), is_attention=True))
    _remind_of_licence(name_or_path)


@app.command(name="path")
def print_path(name: Name) -> None:
    """Print where an encoder's weights lie."""
    from earwitness.encoders import locate_weights

    print(locate_weights(_find_spec(name).name))


def _remind_of_licence(name_or_path: str) -> None:
    from earwitness.encoders import identify_weights, locate_weights

    known = identify_weights(locate_weights(name_or_path))
    if known and not known.is_commercial_use_allowed:
        print_error(f"the licence stays: {known.licence}")


def _load(name_or_path: str | Path) -> LoadedEncoder:
    """Return an encoder as it was published: on torch, on the CPU, unrounded."""
    from earwitness.encoders import load_encoder
    from earwitness.settings import EncoderSettings

    return load_encoder(name_or_path, compute=EncoderSettings(runtime="torch", device="cpu", precision="fp32"))


def _find_spec(name: str) -> WeightsSpec:
    from earwitness.encoders import WEIGHTS

    if name not in WEIGHTS:
        raise WeightsError(f"{name}: not a known encoder{suggest(name, WEIGHTS)}; known are: {', '.join(WEIGHTS)}")
    return WEIGHTS[name]


def _state(spec: WeightsSpec) -> str:
    from earwitness.encoders import find_weights

    return "yes" if find_weights(spec) else "-"


def _terms(spec: WeightsSpec) -> str:
    from earwitness.encoders import LICENCE_TERMS

    return f"\n{LICENCE_TERMS[spec.licence]}\n" if spec.licence in LICENCE_TERMS else ""


def _accept(spec: WeightsSpec, is_accepted_now: bool) -> None:
    from earwitness.files import require_acceptance

    command = f"earwitness weights get {spec.name} --accept-licence"
    require_acceptance(spec.name, spec.licence, _terms(spec).strip(), command, is_accepted_now)
