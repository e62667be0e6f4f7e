"""Mixtures: the same seed gives the same, the ratio is as asked for, and the truth is where the event is."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from typer.testing import CliRunner, Result

from earwitness.audio.read import load_audio
from earwitness.cli.main import app
from earwitness.datasets.mixtures.mix import MIX_GAIN, MixSettings, Sources, draw_recipes, mix
from earwitness.datasets.mixtures.recipes import Recipe, read_mixture_rows, read_recipes
from earwitness.datasets.mixtures.sources import find_active, read_own_sources, read_tut_sources
from earwitness.datasets.mixtures.write import make_mixtures
from earwitness.datasets.registry import load_dataset
from earwitness.errors import DatasetError, OutputError
from made_sounds import make_noise, make_tone
from results_read import read_rows

RATE_HZ = 16000
SETTINGS = MixSettings(n_per_label=12, length_s=4.0, sample_rate_hz=RATE_HZ, seed=7)


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Give a folder of backgrounds (two scenes, one of another rate, one longer) and one of events (two labels)."""
    backgrounds, events = tmp_path / "backgrounds", tmp_path / "events"
    write(backgrounds / "park" / "1.wav", make_noise(4.0, seed=1))
    write(backgrounds / "tram" / "2.wav", make_noise(4.0, 22050, seed=2), 22050)
    write(backgrounds / "3.wav", 0.5 * make_noise(7.0, seed=3))
    quiet = np.zeros(RATE_HZ // 2, np.float32)
    write(events / "beep" / "1.wav", np.concatenate([quiet, make_tone(0.6), quiet]))
    write(events / "beep" / "2.wav", make_tone(0.3, frequency_hz=900.0))
    write(events / "dog bark" / "1.wav", make_noise(1.1, 32000, seed=4), 32000)
    return backgrounds, events


@pytest.fixture
def sources(folders: tuple[Path, Path]) -> Sources:
    return read_own_sources(*folders)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["mix", *map(str, arguments)])


def measure_ebr_db(path: Path, recipe: Recipe, sources: Sources) -> float:
    """Return the ratio that a written mixture has, from the mixture and the background alone."""
    mixture = load_audio(path, RATE_HZ).samples.astype(np.float64)
    begin = round(recipe.background_start_s * RATE_HZ)
    background = load_audio(sources.backgrounds_dir / recipe.background_path, RATE_HZ).samples
    background = background[begin : begin + len(mixture)].astype(np.float64)
    assert recipe.event
    start, end = round(recipe.event.onset_s * RATE_HZ), round(recipe.event.offset_s * RATE_HZ)
    alone = np.ones(len(mixture), bool)
    alone[start - 2 : end + 2] = False
    gain = (mixture[alone] @ background[alone]) / (background[alone] @ background[alone])
    event = (mixture - gain * background)[start:end]
    return 20 * math.log10(np.sqrt(np.mean(event**2)) / (gain * np.sqrt(np.mean(background[start:end] ** 2))))


def test_the_ratio_of_what_is_written_is_as_asked_for(sources: Sources, tmp_path: Path) -> None:
    recipes = make_mixtures(sources, SETTINGS, tmp_path / "out")
    with_event = [recipe for recipe in recipes if recipe.event]
    assert (len(recipes), len(with_event)) == (24, 12)
    for recipe in with_event:
        assert recipe.event
        path = tmp_path / "out" / "audio" / recipe.file_name
        assert measure_ebr_db(path, recipe, sources) == pytest.approx(recipe.event.ebr_db, abs=0.1)
        assert recipe.event.ebr_db in (-6.0, 0.0, 6.0)


def test_the_ratio_holds_where_the_peak_is_brought_down(sources: Sources, tmp_path: Path) -> None:
    settings = replace(SETTINGS, ebrs_db=(40.0,), event_share=1.0)
    recipes = make_mixtures(sources, settings, tmp_path / "out")
    peaks = []
    for recipe in recipes:
        path = tmp_path / "out" / "audio" / recipe.file_name
        peaks.append(np.abs(load_audio(path, RATE_HZ).samples).max())
        assert measure_ebr_db(path, recipe, sources) == pytest.approx(40.0, abs=0.1)
    assert max(peaks) == pytest.approx(1.0, abs=1e-6)


def test_a_mixture_without_event_is_the_background_at_a_fifth(sources: Sources, tmp_path: Path) -> None:
    recipes = make_mixtures(sources, replace(SETTINGS, event_share=0.0), tmp_path / "out")
    recipe = next(recipe for recipe in recipes if recipe.background_path == "park/1.wav")
    mixture = load_audio(tmp_path / "out" / "audio" / recipe.file_name, RATE_HZ).samples
    background = load_audio(sources.backgrounds_dir / "park" / "1.wav", RATE_HZ).samples
    np.testing.assert_allclose(mixture, MIX_GAIN * background, atol=1e-6)


def test_outside_its_onset_and_offset_nothing_of_an_event_is_there(sources: Sources) -> None:
    for recipes in draw_recipes(sources, SETTINGS).values():
        for recipe in recipes:
            if recipe.event and recipe.event.label == "beep":
                with_event = mix(recipe, sources, SETTINGS).waveform.samples
                without = mix(replace(recipe, event=None), sources, SETTINGS).waveform.samples
                changed = np.flatnonzero(np.abs(with_event - without) > 1e-9) / RATE_HZ
                assert changed[0] == pytest.approx(recipe.event.onset_s, abs=3 / RATE_HZ)
                assert changed[-1] == pytest.approx(recipe.event.offset_s, abs=3 / RATE_HZ)
                assert 0.0 <= recipe.event.onset_s < recipe.event.offset_s <= SETTINGS.length_s


def test_the_same_seed_and_sources_give_the_same_bytes(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        sources = read_own_sources(*folders)
        make_mixtures(sources, replace(SETTINGS, seed=seed, n_per_label=4), tmp_path / name)
    one, two, other = (
        {
            str(path.relative_to(tmp_path / name)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((tmp_path / name).rglob("*"))
            if path.is_file()
        }
        for name in ("one", "two", "other")
    )
    assert one == two
    assert len(one) == 8 + 4 + 2
    assert set(one) != set(other)


def test_recipes_are_written_as_tuts_and_read_back(sources: Sources, tmp_path: Path) -> None:
    recipes = make_mixtures(sources, SETTINGS, tmp_path / "out")
    meta = tmp_path / "out" / "meta"
    assert sorted(path.name for path in meta.iterdir()) == [
        "event_list_own_beep.csv",
        "event_list_own_dog_bark.csv",
        "mixture_recipes_own_beep.yaml",
        "mixture_recipes_own_dog_bark.yaml",
    ]
    back = read_recipes(meta / "mixture_recipes_own_beep.yaml") + read_recipes(
        meta / "mixture_recipes_own_dog_bark.yaml"
    )
    assert back == recipes
    mixtures = read_mixture_rows(meta / "mixture_recipes_own_beep.yaml")
    assert [mixture.mixture_audio_filename for mixture in mixtures] == [recipe.file_name for recipe in recipes[:12]]
    assert {mixture.ebr for mixture in mixtures if not mixture.event_present} == {-math.inf}
    content = yaml.safe_load((meta / "mixture_recipes_own_beep.yaml").read_text())
    with_event = next(each for each in content if each["event_present"])
    assert with_event["annotation_string"].split("\t")[3] == "beep"
    assert "ebr: -.inf" in (meta / "mixture_recipes_own_beep.yaml").read_text()


def test_made_mixtures_are_loaded_with_their_exact_truth(sources: Sources, tmp_path: Path) -> None:
    recipes = make_mixtures(sources, SETTINGS, tmp_path / "out")
    dataset = load_dataset(tmp_path / "out")
    assert [clip.events for clip in dataset.clips] == [recipe.truth for recipe in recipes]
    assert [clip.scene for clip in dataset.clips] == [recipe.scene or None for recipe in recipes]
    assert {clip.conditions["target"] for clip in dataset.clips} == {"beep", "dog bark"}
    assert dataset.event_labels == ("beep", "dog bark")
    assert dataset.notes == ()
    settings = json.loads((tmp_path / "out" / "mix.json").read_text())["settings"]
    assert MixSettings(**{**settings, "ebrs_db": tuple(settings["ebrs_db"])}) == SETTINGS


def test_the_draws_are_those_of_the_description(sources: Sources) -> None:
    settings = replace(SETTINGS, n_per_label=10)
    recipes = draw_recipes(sources, settings)["beep"]
    random = np.random.RandomState(7)
    events = [sources.events[index] for index in random.choice(2, 5)]
    backgrounds = [sources.backgrounds[index].path for index in random.choice(3, 10)]
    flags = random.permutation([1] * 5 + [0] * 5)
    onsets = [(4.0 - (event.end_s - event.start_s)) * random.rand() for event in events]
    ebrs = random.choice([-6, 0, 6], size=5)
    assert [recipe.background_path for recipe in recipes] == backgrounds
    assert [recipe.event is not None for recipe in recipes] == flags.astype(bool).tolist()
    drawn = [(recipe.event.path, recipe.event.onset_s, recipe.event.ebr_db) for recipe in recipes if recipe.event]
    assert drawn == [(event.path, onset, ebr) for event, onset, ebr in zip(events, onsets, ebrs, strict=True)]


def test_an_events_quiet_ends_do_not_count(sources: Sources) -> None:
    first = sources.events[0]
    assert (first.label, first.start_s, first.end_s) == ("beep", 0.5, 1.1)
    assert sources.events[1].start_s == 0.0
    long = np.concatenate([0.05 * make_tone(3.0), make_tone(2.0), 0.05 * make_tone(3.0)])
    assert find_active(long, Path("x.wav"), 1.0)[0] == pytest.approx(3.0, abs=1.01)
    assert find_active(long, Path("x.wav"), 8.0) == pytest.approx((3.0, 5.0), abs=3.0)
    for silent in (np.zeros(RATE_HZ, np.float32), make_tone(0.02)):
        with pytest.raises(DatasetError, match="x.wav: silent or shorter than 0.04 s, so no event; leave it out"):
            find_active(silent, Path("x.wav"))


def test_a_longer_background_is_entered_at_a_drawn_place(sources: Sources) -> None:
    recipes = draw_recipes(sources, SETTINGS)["beep"]
    starts = {recipe.background_start_s for recipe in recipes if recipe.background_path == "3.wav"}
    assert len(starts) > 1
    assert all(0.0 <= start <= 3.0 for start in starts)
    assert {recipe.background_start_s for recipe in recipes if recipe.background_path != "3.wav"} == {0.0}


@pytest.fixture
def tut(tmp_path: Path) -> Path:
    """Give the sources of TUT's development set, in small."""
    root = tmp_path / "tut" / "TUT-rare-sound-events-2017-development" / "data" / "source_data"
    write(root / "bgs" / "audio" / "a001_0_30.wav", make_noise(4.0, seed=1))
    write(root / "events" / "babycry" / "31527.wav", make_tone(3.0))
    (root / "cv_setup").mkdir()
    backgrounds = [{"filepath": f"audio/{name}_0_30.wav", "classname": "cafe/restaurant"} for name in ("a001", "a002")]
    (root / "cv_setup" / "bgs_devtest.yaml").write_text(yaml.safe_dump(backgrounds))
    events = {"babycry": [{"audio_filename": "31527.wav", "segment": [0.5, 1.5]}], "gunshot": []}
    (root / "cv_setup" / "events_devtest.yaml").write_text(yaml.safe_dump(events))
    return tmp_path / "tut"


def test_tuts_own_sources_are_mixed_from_their_lists(tut: Path, tmp_path: Path) -> None:
    result = run("--tut", tut, "-o", tmp_path / "out", "-n", 4, "--length", 4, "--rate", RATE_HZ)
    assert result.exit_code == 0, result.output
    assert "4 mixtures of babycry, 2 with an event" in result.stdout
    recipes = read_recipes(tmp_path / "out" / "meta" / "mixture_recipes_devtest_babycry.yaml")
    event = next(recipe.event for recipe in recipes if recipe.event)
    assert (event.path, event.segment_start_s, event.length_s) == ("babycry/31527.wav", 0.5, 1.0)
    assert {recipe.scene for recipe in recipes} == {"cafe/restaurant"}
    loaded = load_dataset("tut_rare", tmp_path / "out", split="devtest")
    assert [clip.events for clip in loaded.clips] == [recipe.truth for recipe in recipes]


def test_tuts_sources_that_are_not_there_or_not_as_expected_are_told(tut: Path) -> None:
    with pytest.raises(DatasetError, match="no cv_setup/events_evaltest.yaml and bgs_evaltest.yaml; subsets are"):
        read_tut_sources(tut, "evaltest")
    setup = next(tut.rglob("cv_setup"))
    next(tut.rglob("31527.wav")).unlink()
    with pytest.raises(DatasetError, match="1 backgrounds and 0 events of devtest are here; unpack source_data_bgs"):
        read_tut_sources(tut, "devtest")
    for text, reason in {
        "[": "not readable as YAML",
        "a: 1": "holds a dict, expected a list; is it TUT's own",
        "- filepath: a": "an entry without filepath and classname",
    }.items():
        (setup / "bgs_devtest.yaml").write_text(text)
        with pytest.raises(DatasetError, match=f"bgs_devtest.yaml: {reason}"):
            read_tut_sources(tut, "devtest")


def test_the_command_mixes_and_says_so(folders: tuple[Path, Path], tmp_path: Path) -> None:
    backgrounds, events = folders
    options = ("-b", backgrounds, "-e", events, "-o", tmp_path / "out", "--length", 3, "--rate", RATE_HZ)
    result = run(*options, "-n", 2, "--share", 1, "--ebr", -12, "--ebr", 12)
    assert result.exit_code == 0, result.output
    assert "4 mixtures of beep, dog bark, 4 with an event" in result.stdout
    assert {row["ebr"] for row in read_rows(tmp_path / "out" / "events.csv")} <= {"-12", "12"}
    info = soundfile.info(str(next((tmp_path / "out" / "audio").glob("*.wav"))))
    assert (info.subtype, info.frames, info.channels) == ("PCM_24", 3 * RATE_HZ, 1)
    again = run(*options)
    assert again.exit_code == 2
    assert "holds events.csv already; give a new folder" in again.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"n_per_label": 0}, "n_per_label is 0; it must be 1 or more"),
        ({"event_share": 1.5}, "event_share is 1.5; it must be from 0 to 1"),
        ({"ebrs_db": ()}, "it must be one or more numbers"),
        ({"ebrs_db": (math.inf,)}, "it must be one or more numbers"),
        ({"length_s": 0.5}, "length_s is 0.5; it must be 1 or more"),
        ({"sample_rate_hz": 10}, "sample_rate_hz is 10"),
        ({"seed": -1}, "seed is -1"),
        ({"subset": "a/b"}, "subset is 'a/b'; it must be letters and digits"),
    ],
)
def test_settings_out_of_range_are_told(options: dict[str, object], reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        replace(SETTINGS, **options)


def test_sources_that_cannot_be_mixed_are_told(folders: tuple[Path, Path], tmp_path: Path) -> None:
    backgrounds, events = folders
    sources = read_own_sources(backgrounds, events)
    with pytest.raises(DatasetError, match="none of 3 backgrounds lasts 30 s; the longest has 7.00 s: make shorter"):
        draw_recipes(sources, replace(SETTINGS, length_s=30.0))
    with pytest.raises(DatasetError, match="1.wav: the event lasts 1.10 s, a mixture 1 s"):
        draw_recipes(sources, replace(SETTINGS, length_s=1.0))
    with pytest.raises(DatasetError, match="no event in it"):
        draw_recipes(replace(sources, events=()), SETTINGS)
    write(events / "dog_bark" / "1.wav", make_tone())
    with pytest.raises(DatasetError, match="dog bark, dog_bark two make the same file names; rename one"):
        draw_recipes(read_own_sources(backgrounds, events), SETTINGS)
    for folder in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(DatasetError, match="no recording of backgrounds in it"):
            read_own_sources(folder, events)
    write(events / "loose.wav", make_tone())
    with pytest.raises(DatasetError, match="loose.wav: in no folder named by its label; put it into .*LABEL"):
        read_own_sources(backgrounds, events)
    for arguments in (["-b", backgrounds], ["-b", backgrounds, "-e", events, "--tut", tmp_path], []):
        result = run(*arguments, "-o", tmp_path / "out")
        assert result.exit_code == 2
        assert "give --backgrounds and --events, or --tut alone" in result.stderr


def test_what_fails_while_mixing_names_the_file(folders: tuple[Path, Path], tmp_path: Path) -> None:
    backgrounds, events = folders
    sources = read_own_sources(backgrounds, events)
    settings = replace(SETTINGS, event_share=1.0)
    recipe = next(each for each in draw_recipes(sources, settings)["dog bark"] if each.background_path == "park/1.wav")
    write(backgrounds / "park" / "1.wav", np.zeros(4 * RATE_HZ, np.float32))
    with pytest.raises(DatasetError, match="park/1.wav: silent where it is mixed, so no ratio can be set"):
        mix(recipe, sources, settings)
    write(backgrounds / "park" / "1.wav", make_noise(2.0))
    with pytest.raises(DatasetError, match="park/1.wav: has 2.00 s from 0.00 s on, not enough"):
        mix(recipe, sources, settings)
    write(backgrounds / "park" / "1.wav", make_noise(4.0))
    write(events / "dog bark" / "1.wav", make_tone(0.5))
    with pytest.raises(DatasetError, match="it is not the recording that the recipe was made with"):
        mix(recipe, sources, settings)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/out: cannot be written"):
        make_mixtures(sources, settings, tmp_path / "file" / "out")
