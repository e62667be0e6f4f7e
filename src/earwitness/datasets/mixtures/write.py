"""Mixtures on disk: recordings, recipes, and the table of events by which they are loaded again.

In: `Sources` and `MixSettings`. Out: a folder

    audio/mixture_own_siren_000_<md5>.wav        24-bit, as TUT's
    meta/mixture_recipes_own_siren.yaml          TUT's recipes, which `earwitness meta` reads, too
    meta/event_list_own_siren.csv                TUT's event list, tab-separated
    events.csv                                   the truth; `load_dataset(folder)` reads it
    mix.json                                     settings and folders: the same again makes the same again
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import soundfile

from earwitness.datasets.mixtures.mix import MixSettings, Mixture, Sources, draw_recipes, mix
from earwitness.datasets.mixtures.recipes import Recipe, to_fields, write_recipes
from earwitness.errors import OutputError
from earwitness.files import write_csv, write_errors_reported, write_text
from earwitness.version import __version__

COLUMNS = ("file", "onset_s", "offset_s", "label", "scene", "target", "ebr", "background")


def make_mixtures(
    sources: Sources, settings: MixSettings, out: Path, on_done: Callable[[int, int], None] | None = None
) -> list[Recipe]:
    """Make all mixtures and write them with their recipes and truth; return the recipes.

    Args:
        sources: backgrounds and events.
        settings: how many, how loud, how long, and the seed.
        out: a new or empty folder.
        on_done: called after each mixture with the number done and the number in all.

    Raises:
        AudioError: a source cannot be read.
        DatasetError: the sources do not allow these mixtures.
        OutputError: the folder holds mixtures already, or cannot be written.
    """
    if (out / "events.csv").exists():
        raise OutputError(f"{out}: holds events.csv already; give a new folder, or delete it")
    drawn = draw_recipes(sources, settings)
    n_total = sum(map(len, drawn.values()))
    made: list[tuple[str, Recipe]] = []
    with write_errors_reported(out):
        (out / "audio").mkdir(parents=True, exist_ok=True)
        for label, recipes in drawn.items():
            done = []
            for recipe in recipes:
                mixture = mix(recipe, sources, settings)
                _write_audio(mixture, out / "audio" / recipe.file_name)
                done.append(mixture.recipe)
                if on_done:
                    on_done(len(made) + len(done), n_total)
            _write_meta(done, out / "meta", settings.subset)
            made += [(label, recipe) for recipe in done]
        _write_events(made, out / "events.csv")
        content = {
            "version": __version__,
            "settings": asdict(settings),
            "backgrounds": str(sources.backgrounds_dir),
            "events": str(sources.events_dir),
        }
        write_text(out / "mix.json", json.dumps(content, indent=1) + "\n")
    return [recipe for _, recipe in made]


def _write_audio(mixture: Mixture, path: Path) -> None:
    try:
        soundfile.write(path, mixture.waveform.samples, mixture.waveform.sample_rate_hz, subtype="PCM_24")
    except soundfile.SoundFileError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from error


def _write_meta(recipes: list[Recipe], folder: Path, subset: str) -> None:
    name = f"{subset}_{recipes[0].file_name.removeprefix(f'mixture_{subset}_').rsplit('_', 2)[0]}"
    write_recipes(recipes, folder / f"mixture_recipes_{name}.yaml")
    lines = [str(to_fields(recipe)["annotation_string"]) for recipe in recipes]
    write_text(folder / f"event_list_{name}.csv", "\n".join(lines) + "\n")


def _write_events(made: list[tuple[str, Recipe]], path: Path) -> None:
    rows: list[Sequence[object]] = [COLUMNS]
    for target, recipe in made:
        event = recipe.event
        event_cells = [event.onset_s, event.offset_s, event.label] if event else ["", "", ""]
        ebr = f"{event.ebr_db:g}" if event else ""
        rows.append([f"audio/{recipe.file_name}", *event_cells, recipe.scene, target, ebr, recipe.background_path])
    write_csv(path, rows, line_end="\n")
