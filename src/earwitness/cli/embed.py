"""The command `earwitness embed`: the encoder's features, or M2D-CLAP's embeddings, of many recordings in one file.

In: recordings. Out: an .npz or .parquet; with texts also, for each recording, the text that describes it best.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earwitness.cli.options import (
    HOW_WORDS,
    N_AT_ONCE,
    CommercialOnly,
    Device,
    Encoder,
    Paths,
    Runtime,
    SettingsFile,
    ShowProgress,
    choose_compute,
    choose_settings,
    errors_reported,
    exit_with,
    open_recordings,
    read_words,
    show_name,
)
from earwitness.errors import SettingsError, WeightsError
from earwitness.version import __version__

if TYPE_CHECKING:
    from earwitness.encoders import Features
    from earwitness.settings import Settings

Embed = Callable[[Path, Callable[[float], None]], "Features"]


def embed(
    paths: Paths,
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npz or .parquet to write.")] = Path("features.npz"),
    per: Annotated[
        Literal["clip", "window", "frame", "clap"],
        typer.Option(help="A row for each clip, window or token in time ('frame'); or M2D-CLAP's for each clip."),
    ] = "clip",
    texts: Annotated[
        list[str], typer.Option("--texts", "-t", help=f"For 'clap': a description to compare with; {HOW_WORDS}")
    ] = [],  # noqa: B006 (typer copies it)
    text_model: Annotated[
        Path | None, typer.Option(help="For 'clap': folder of the text model; the Hugging Face cache if not given.")
    ] = None,
    window: Annotated[float | None, typer.Option(help="Seconds of a window.")] = None,
    hop: Annotated[float | None, typer.Option(help="Seconds between windows.")] = None,
    is_trimmed: Annotated[
        bool, typer.Option("--trim", help="Drop what does not fill a patch instead of padding it as M2D does.")
    ] = False,
    settings: SettingsFile = None,
    encoder: Encoder = None,
    commercial_only: CommercialOnly = False,
    runtime: Runtime = None,
    device: Device = None,
    progress: ShowProgress = "auto",
) -> None:
    """Write the encoder's features of recordings, to train on, compare or search by.

    Columns: file (in an .npz: files), start_s, end_s, features. In Python: numpy.load("features.npz")["features"].
    """
    with errors_reported(), open_recordings(paths) as sources:
        from earwitness.results import FeatureFile, process_each

        if texts and per != "clap":
            raise SettingsError("--texts needs --per clap, and an M2D-CLAP encoder")
        chosen = choose_settings(
            settings, **choose_compute(encoder, commercial_only, runtime, device), window_s=window, hop_s=hop
        )
        if per == "clap":
            process, show, run = _prepare_clap(chosen, read_words(texts) if texts else [], text_model)
        else:
            process, show, run = _prepare_encoder(chosen, per, is_trimmed)
        run = {"version": __version__, "per": per, **run, "settings": chosen.to_dict()}
        n_failed = n_rows = 0
        with FeatureFile(out, run) as file:
            for outcome in process_each(sources, process, progress, N_AT_ONCE):
                name = show_name(outcome.source)
                if outcome.result is None:
                    n_failed += 1
                    print(outcome.reason.replace(str(outcome.source), name), file=sys.stderr)
                    continue
                file.add(name, outcome.result)
                n_rows += len(outcome.result.values)
                show(name, outcome.result)
        if n_rows:
            print(f"{n_rows} rows of {len(sources) - n_failed} recordings -> {out}", file=sys.stderr)
        exit_with(n_failed, len(sources), None)


def _prepare_encoder(
    settings: Settings, per: Literal["clip", "window", "frame"], is_trimmed: bool
) -> tuple[Embed, Callable[[str, Features], None], dict[str, Any]]:
    """Return what embeds a recording, what prints of it (nothing), and what to note in the file."""
    from earwitness.encoders import choose_encoder
    from earwitness.encoders import embed as embed_recording

    loaded = choose_encoder(settings)

    def process(source: Path, report: Callable[[float], None]) -> Features:
        return embed_recording(source, per, settings, loaded, is_trimmed=is_trimmed, on_progress=report)

    run = {"encoder": loaded.spec.name, "weights_sha256": loaded.sha256, "is_trimmed": is_trimmed}
    run["computed_on"] = loaded.backend.computed_on
    return process, lambda name, features: None, run


def _prepare_clap(
    settings: Settings, texts: list[str], text_model: Path | None
) -> tuple[Embed, Callable[[str, Features], None], dict[str, Any]]:
    """Return what embeds a recording with M2D-CLAP, what prints the text that suits it best, and what to note."""
    import numpy as np

    from earwitness.audio import load_audio
    from earwitness.encoders import Features, compare_embeddings, load_clap

    if not settings.encoder:
        raise WeightsError("--per clap needs an M2D-CLAP encoder: give --encoder; 'earwitness weights list' shows them")
    clap = load_clap(settings.encoder, text_model=text_model, commercial_only=settings.commercial_only)
    text_embeddings = clap.embed_text(texts) if texts else None

    def process(source: Path, _: Callable[[float], None]) -> Features:
        waveform = load_audio(source, clap.encoder.spec.sample_rate_hz)
        return Features(clap.embed_audio(waveform.samples[None]), np.zeros(1), np.array([waveform.duration_s]))

    def show(name: str, features: Features) -> None:
        if text_embeddings is not None:
            similarities = compare_embeddings(features.values, text_embeddings)[0]  # (texts,)
            best = int(similarities.argmax())
            print(f"{name}\t{texts[best]}\t{similarities[best]:.3f}")

    run: dict[str, Any] = {"encoder": clap.encoder.spec.name, "weights_sha256": clap.sha256, "texts": texts}
    if text_embeddings is not None:
        run["text_embeddings"] = [[float(value) for value in row] for row in text_embeddings]
    return process, show, run
