"""The command `earwitness embed`: the encoder's features, or M2D-CLAP's embeddings, of many recordings in one file.

In: recordings. Out: an .npz or .parquet; with texts also, for each recording, the text that describes it best.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earwitness.cli.exit_status import end
from earwitness.cli.options import encoder_options, takes, takes_recordings, words_option
from earwitness.cli.recordings import GivenRecordings
from earwitness.errors import SettingsError, WeightsError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.encoders import Features
    from earwitness.results import RunRecord


@dataclass(frozen=True)
class _Embedder:
    """What embeds a recording, what the file says of it, and what is printed of a recording's features."""

    embed: Callable[[Path, Callable[[float], None]], Features]
    record: RunRecord
    describe: Callable[[Features], str] = lambda features: ""


@takes_recordings
@encoder_options
@takes("window_s", "hop_s")
def embed(
    recordings: GivenRecordings,
    settings: Settings,
    texts: Annotated[list[str], words_option("--texts", "-t", help="For 'clap': a description to compare with")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npz or .parquet to write.")] = Path("features.npz"),
    per: Annotated[
        Literal["clip", "window", "frame", "clap"],
        typer.Option(help="A row for each clip, window or token in time ('frame'); or M2D-CLAP's for each clip."),
    ] = "clip",
    text_model: Annotated[
        Path | None, typer.Option(help="For 'clap': folder of the text model; the Hugging Face cache if not given.")
    ] = None,
    is_trimmed: Annotated[
        bool, typer.Option("--trim", help="Drop what does not fill a patch instead of padding it as M2D does.")
    ] = False,
) -> None:
    """Write the encoder's features of recordings, to train on, compare or search by.

    Columns: file (in an .npz: files), start_s, end_s, features. In Python: numpy.load("features.npz")["features"].
    """
    from earwitness.results import ErrorFile, FeatureFile

    if texts and per != "clap":
        raise SettingsError("--texts needs --per clap, and an M2D-CLAP encoder")
    embedder = (
        _prepare_clap(settings, texts, text_model) if per == "clap" else _prepare_encoder(settings, per, is_trimmed)
    )
    tally, errors, n_rows, n_done = recordings.tally(), ErrorFile(out), 0, 0
    tally.takers.append(errors)
    with FeatureFile(out, {"per": per, **embedder.record.to_dict()}) as file:
        for name, features in tally.each(embedder.embed):
            file.add(name, features)
            n_rows, n_done = n_rows + len(features.values), n_done + 1
            if line := embedder.describe(features):
                print(f"{name}\t{line}")
    if n_rows and not recordings.is_quiet:
        print(f"{n_rows} rows of {n_done} recordings -> {out}", file=sys.stderr)
    end(tally.failures, errors.path)


def _prepare_encoder(settings: Settings, per: Literal["clip", "window", "frame"], is_trimmed: bool) -> _Embedder:
    from earwitness.encoders import choose_encoder
    from earwitness.encoders import embed as embed_recording
    from earwitness.results import RunRecord

    loaded = choose_encoder(settings)

    def process(source: Path, report: Callable[[float], None]) -> Features:
        return embed_recording(source, per, settings, loaded, is_trimmed=is_trimmed, on_progress=report)

    return _Embedder(process, RunRecord.of(loaded, settings, is_trimmed=is_trimmed))


def _prepare_clap(settings: Settings, texts: list[str], text_model: Path | None) -> _Embedder:
    import numpy as np

    from earwitness.audio import load_audio
    from earwitness.encoders import Features, compare_embeddings, load_clap
    from earwitness.results import RunRecord

    if not settings.encoder:
        raise WeightsError("--per clap needs an M2D-CLAP encoder: give --encoder; 'earwitness weights list' shows them")
    clap = load_clap(settings.encoder, text_model=text_model, commercial_only=settings.commercial_only)
    text_embeddings = clap.embed_text(texts) if texts else None

    def process(source: Path, _: Callable[[float], None]) -> Features:
        waveform = load_audio(source, clap.encoder.spec.sample_rate_hz)
        return Features(clap.embed_audio(waveform.samples[None]), np.zeros(1), np.array([waveform.duration_s]))

    def describe(features: Features) -> str:
        if text_embeddings is None:
            return ""
        similarities = compare_embeddings(features.values, text_embeddings)[0]  # (texts,)
        best = int(similarities.argmax())
        return f"{texts[best]}\t{similarities[best]:.3f}"

    about: dict[str, Any] = {"texts": texts}
    if text_embeddings is not None:
        about["text_embeddings"] = [[float(value) for value in row] for row in text_embeddings]
    return _Embedder(process, RunRecord(clap.encoder.spec.name, clap.sha256, "", settings, about), describe)
