"""The commands `earwitness show ...`: pictures of a recording, of an evaluation, of a folder of recordings.

In: a recording, a folder that `earwitness evaluate` wrote, or recordings. Out: a PNG, SVG or PDF, and its path on
standard output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earwitness.cli.exit_status import end
from earwitness.cli.options import Events, encoder_options, list_option, takes, takes_recordings, words_option
from earwitness.cli.recordings import GivenRecordings, show_name
from earwitness.errors import AnnotationError, SettingsError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.metrics import LabelledEvent
    from earwitness.plots import Query

app = typer.Typer(
    no_args_is_help=True, help="Draw pictures: PNG, SVG or PDF by the suffix of --out. Needs the extra [plot]."
)

Recording = Annotated[Path, typer.Argument(help="A recording.")]
Folder = Annotated[Path, typer.Argument(help="A folder that 'earwitness evaluate' wrote.")]
Points = Annotated[
    list[str],
    list_option("--point", "-p", help="Seen from SECOND or SECOND,HZ; repeat it. That of --at if not given."),
]
TagNames = Annotated[list[str], words_option("--tags", "-t", help="AudioSet tags to draw")]


def _out(what: str) -> Any:
    return typer.Option("--out", "-o", help=f"The picture to write; {what} if not given.")


@app.command(short_help="A recording: spectrogram, events and reference, tags.")
@encoder_options
@takes("method")
def spectrogram(
    recording: Recording,
    settings: Settings,
    events: Events,
    ref: Annotated[
        Path | None, typer.Option(help="Table of reference events (CSV or TSV), drawn under those that were detected.")
    ] = None,
    out: Annotated[Path | None, _out("NAME.png here")] = None,
) -> None:
    """Draw a recording on one axis of seconds: spectrogram, events, and the strongest tags.

    For example: earwitness show spectrogram street.wav -e siren,thunder --ref truth.tsv -o street.svg
    """
    from earwitness.audio import measure_duration
    from earwitness.encoders import choose_encoder
    from earwitness.plots import check_picture_path, draw_timeline, import_figure, recognize_timeline, save_picture

    import_figure()
    path = check_picture_path(out or Path(f"{recording.stem}.png"))
    reference = _read_reference(ref, recording) if ref else []
    loaded = choose_encoder(settings)
    recognition, timeline = recognize_timeline(recording, events, settings, loaded)
    total_s = measure_duration(recording) or recognition.duration_s
    print(save_picture(draw_timeline(recognition, timeline, reference, total_s), path))


@app.command(short_help="What the encoder attends to.")
@encoder_options
@takes("window_s")
def attention(
    recording: Recording,
    settings: Settings,
    points: Points,
    at: Annotated[float | None, typer.Option(help="Second in the middle of the window; the loudest moment.")] = None,
    is_cls: Annotated[bool, typer.Option("--cls", help="Seen from the class token, too.")] = False,
    view: Annotated[
        Literal["rollout", "mean", "heads", "layers"],
        typer.Option(help="All layers rolled out, the mean over heads, each head, or each layer."),
    ] = "rollout",
    layer: Annotated[int, typer.Option(help="For 'mean' and 'heads': 0 is the first, -1 the last.")] = -1,
    out: Annotated[Path | None, _out("NAME.attention.png here")] = None,
) -> None:
    """Draw where in a window, at which times and frequencies, the encoder takes its content from.

    For example: earwitness show attention street.wav --at 12.5 --point 12.5,1000 --view heads
    """
    from earwitness.encoders import choose_encoder
    from earwitness.plots import (
        Query,
        check_picture_path,
        choose_panels,
        draw_attention,
        import_figure,
        read_attended,
        save_picture,
    )

    import_figure()
    path = check_picture_path(out or Path(f"{recording.stem}.attention.png"))
    queries = [_read_point(point) for point in points]
    if at is None and queries:
        at = queries[0].time_s
    loaded = choose_encoder(settings)
    attended = read_attended(recording, at, settings, loaded)
    queries = queries or ([] if is_cls and at is None else [Query(attended.time_s)])
    panels = choose_panels(attended, view, [*queries, *([Query()] if is_cls else [])], layer)
    print(save_picture(draw_attention(attended, panels, recording.name, view, loaded.spec.name, layer), path))


@app.command(short_help="Tags over time.")
@encoder_options
@takes("window_s")
def tags(
    recording: Recording,
    settings: Settings,
    names: TagNames,
    n_tags: Annotated[int, typer.Option("--top", min=1, max=100, help="How many of the strongest to draw.")] = 15,
    out: Annotated[Path | None, _out("NAME.tags.png here")] = None,
) -> None:
    """Draw the scores of tags over time under the spectrogram, of the first ten minutes at most.

    For example: earwitness show tags street.wav --top 20
    """
    from earwitness.encoders import choose_encoder
    from earwitness.plots import check_picture_path, draw_tags, import_figure, read_timeline, save_picture

    import_figure()
    path = check_picture_path(out or Path(f"{recording.stem}.tags.png"))
    loaded = choose_encoder(settings)
    timeline = read_timeline(recording, settings, loaded)
    title = f"{recording.name}: tags over time"
    figure = draw_tags(timeline, title, settings, loaded.spec.name, names, n_tags)
    print(save_picture(figure, path))


def _measure(names: str) -> Any:
    return typer.Option(help=f"{names}; the first that is there.")


@app.command(short_help="ROC curves of an evaluation.")
def roc(
    folder: Folder,
    measure: Annotated[str, _measure("'events', 'scenes' or 'clips'")] = "",
    out: Annotated[Path, _out("roc.png here")] = Path("roc.png"),
) -> None:
    """Draw how well scores separate a label's recordings from the others, a curve for each label."""
    from earwitness.plots import draw_curves

    _save(lambda: draw_curves(folder, "roc", measure), out)


@app.command(short_help="Precision-recall curves of an evaluation.")
def pr(
    folder: Folder,
    measure: Annotated[str, _measure("'events', 'scenes' or 'clips'")] = "",
    out: Annotated[Path, _out("pr.png here")] = Path("pr.png"),
) -> None:
    """Draw precision against recall of recordings, a curve for each label."""
    from earwitness.plots import draw_curves

    _save(lambda: draw_curves(folder, "pr", measure), out)


@app.command(short_help="What was taken for what in an evaluation.")
def confusion(
    folder: Folder,
    measure: Annotated[str, _measure("'scenes', 'top1' or 'rare'")] = "",
    out: Annotated[Path, _out("confusion.png here")] = Path("confusion.png"),
) -> None:
    """Draw the confusion matrix of scenes, of zero-shot labels, or of the classes of TUT Rare Sound Events."""
    from earwitness.plots import draw_saved_confusion

    _save(lambda: draw_saved_confusion(folder, measure), out)


@app.command(short_help="Actual and predicted counts of an evaluation.")
def distribution(
    folder: Folder,
    measure: Annotated[str, _measure("A measure of results.json")] = "",
    out: Annotated[Path, _out("distribution.png here")] = Path("distribution.png"),
) -> None:
    """Draw how often each label is there and how often it was answered, side by side."""
    from earwitness.plots import draw_saved_distribution

    _save(lambda: draw_saved_distribution(folder, measure), out)


@app.command(short_help="A map of recordings by how they sound.")
@takes_recordings
@encoder_options
def embeddings(
    recordings: GivenRecordings,
    settings: Settings,
    labels: Annotated[
        Path | None, typer.Option(help="Table of file and label for the colours; names of folders if not given.")
    ] = None,
    projection: Annotated[
        Literal["pca", "umap"], typer.Option(help="Principal components, or UMAP (needs umap-learn).")
    ] = "pca",
    out: Annotated[Path, _out("embeddings.png here")] = Path("embeddings.png"),
) -> None:
    """Draw recordings as points, close together where they sound alike to the encoder.

    For example: earwitness show embeddings sounds/ --out map.svg
    """
    import numpy as np

    from earwitness.encoders import choose_encoder, embed
    from earwitness.plots import LEAST, check_picture_path, draw_embeddings, import_figure, project, save_picture
    from earwitness.results import ErrorFile
    from earwitness.version import __version__

    import_figure()
    check_picture_path(out)
    if len(recordings.paths) < LEAST:
        raise SettingsError(f"{len(recordings.paths)} recordings: a map needs at least {LEAST}")
    groups = _read_groups(labels, list(map(show_name, recordings.paths)))
    loaded = choose_encoder(settings)
    tally, errors = recordings.tally(), ErrorFile(out)
    tally.takers.append(errors)
    embedded = dict(tally.each(lambda path, _: embed(path, "clip", settings, loaded)))
    values = np.concatenate([each.values for each in embedded.values()] or [np.zeros((0, 1), np.float32)])
    places, axis_names = project(values, projection)
    names, group_names = [Path(name).stem for name in embedded], [groups[name] for name in embedded]
    how = "Principal components" if projection == "pca" else "UMAP"
    caption = (
        f"{how} of features per clip ({values.shape[1]} numbers, mean over time); colours by "
        f"{'label' if labels else 'folder'}; encoder {loaded.spec.name}; earwitness {__version__}."
    )
    title = f"{len(embedded)} recordings by how they sound"
    print(save_picture(draw_embeddings(places, axis_names, names, group_names, title, caption), out))
    end(tally.failures, errors.path)


def _save(draw: Callable[[], Any], out: Path) -> None:
    from earwitness.plots import check_picture_path, save_picture

    check_picture_path(out)
    print(save_picture(draw(), out))


def _read_point(text: str) -> Query:
    from earwitness.plots import Query

    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 2 or not all(map(math.isfinite, numbers)):
        raise SettingsError(f"--point {text}: give SECOND or SECOND,HZ, such as 12.5 or 12.5,1000")
    return Query(numbers[0], numbers[1] if len(numbers) == 2 else None)


def _read_reference(table: Path, recording: Path) -> list[LabelledEvent]:
    """Return a recording's events in a table.

    Raises:
        AnnotationError: the table is broken, or does not name the recording.
    """
    from earwitness.metrics import read_events

    files = read_events(table)
    found = [name for name in files if Path(name).name == recording.name]
    if len(found) != 1:
        what = f"names {recording.name} {len(found)} times" if found else f"does not name {recording.name}"
        raise AnnotationError(f"{table} {what} among its {len(files)} files; give it once, with or without a folder")
    return files[found[0]]


def _read_groups(labels: Path | None, names: list[str]) -> dict[str, str]:
    """Return the group of each recording: its label in a table, else the name of its folder."""
    if labels is None:
        return {name: Path(name).absolute().parent.name for name in names}
    from earwitness.metrics import read_scenes

    known = {Path(name).name: label for name, label in read_scenes(labels).items()}
    missing = [Path(name).name for name in names if Path(name).name not in known]
    if missing:
        raise AnnotationError(
            f"{labels}: {len(missing)} of {len(names)} recordings have no label; the first: {missing[0]}"
        )
    return {name: known[Path(name).name] for name in names}
