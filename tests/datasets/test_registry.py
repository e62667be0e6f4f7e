"""Each data set's published layout, in small, and any part of it, become clips with their truth."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.datasets.base import as_word, note_missing
from earwitness.datasets.mixtures.recipes import read_recipes
from earwitness.datasets.registry import DATASETS, load_dataset
from earwitness.errors import AudioError, DatasetError
from earwitness.metrics.annotations import LabelledEvent

HASH = "20b255387a2d0cddc0a3dff5014875e7"
EVENT = """
  ebr: {ebr}
  event_class: {label}
  event_length_seconds: 1.5
  event_path: {label}/1.wav
  event_present: true
  event_start_in_mixture_seconds: 10.25
  scaling_factor: 0.5
  segment_end_seconds: 2.5
  segment_start_seconds: 1.0"""


def write_audio(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(800, np.float32), 8000)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_recipes(path: Path, label: str, names: list[str]) -> None:
    """Write recipes; every second mixture has an event."""
    text = ""
    for index, name in enumerate(names):
        event = EVENT.format(ebr=-6.0, label=label) if index % 2 else "\n  ebr: -.inf\n  event_present: false"
        text += f"- annotation_string: {name}\n  bg_classname: cafe/restaurant\n  bg_path: audio/a001_0_30.wav"
        text += f"{event}\n  mixture_audio_filename: {name}\n"
    write_text(path, text)


@pytest.fixture
def tut_rare(tmp_path: Path) -> Path:
    root = tmp_path / "tut" / "TUT-rare-sound-events-2017-development" / "data"
    for split in ("devtrain", "devtest"):
        folder = root / "mixture_data" / split / HASH
        for label in ("babycry", "gunshot"):
            names = [f"mixture_{split}_{label}_{number:03d}_ab.wav" for number in (37, 38, 39)]
            write_recipes(folder / "meta" / f"mixture_recipes_{split}_{label}.yaml", label, names)
            write_audio(*(folder / "audio" / name for name in names))
    write_audio(root / "source_data" / "bgs" / "audio" / "a001_0_30.wav")
    return tmp_path / "tut"


def test_rare_events_have_their_event_scene_ratio_and_target(tut_rare: Path) -> None:
    dataset = load_dataset("tut_rare", tut_rare, split="devtrain")
    assert [clip.path.name[:29] for clip in dataset.clips][:3] == [
        f"mixture_devtrain_babycry_0{n}_" for n in (37, 38, 39)
    ]
    clip = dataset.clips[1]
    assert clip.events == (LabelledEvent("babycry", 10.25, 11.75),)
    assert clip.scene == "cafe/restaurant"
    expected = {"split": "devtrain", "target": "babycry", "background": "audio/a001_0_30.wav", "ebr": "-6"}
    assert clip.conditions == expected
    assert dataset.clips[0].events == ()
    assert "ebr" not in dataset.clips[0].conditions
    assert dataset.event_labels == ("babycry", "glassbreak", "gunshot")
    assert len(dataset.scene_labels) == 15
    assert dataset.notes == ("devtrain: 6 of 1491 published recordings are here",)
    assert dataset.n_absent == 1485


def test_the_patch_of_june_2017_drops_mixtures_that_hold_the_target_unannotated(tut_rare: Path) -> None:
    dataset = load_dataset("tut_rare", tut_rare, split="devtest")
    numbers = [clip.path.name.split("_")[2:4] for clip in dataset.clips]
    assert numbers == [["babycry", "037"], ["babycry", "039"], *(["gunshot", f"0{n}"] for n in (37, 38, 39))]
    assert dataset.notes[0] == "devtest: 1 mixtures are dropped by the patch of June 2017"
    old = next(tut_rare.rglob("mixture_devtest_babycry_038_ab.wav"))
    old.rename(old.with_name(f"{old.name}_old_dontuse"))
    assert load_dataset("tut_rare", tut_rare, split="devtest").clips == dataset.clips


@pytest.mark.parametrize("separator", ["\t", ","])
def test_an_event_list_serves_where_the_recipes_are_missing(tmp_path: Path, separator: str) -> None:
    rows = [
        "mixture_evaltest_gunshot_000_a.wav",
        separator.join(["mixture_evaltest_gunshot_001_b.wav", "1.5", "2", "gunshot"]),
    ]
    write_text(tmp_path / "event_list_evaltest_gunshot.csv", "\n".join(rows) + "\n")
    write_audio(*(tmp_path / row.split(separator)[0] for row in rows))
    dataset = load_dataset("tut_rare", tmp_path)
    assert [clip.events for clip in dataset.clips] == [(), (LabelledEvent("gunshot", 1.5, 2.0),)]
    assert any("scene and ratio are not known" in note for note in dataset.notes)
    write_text(tmp_path / "event_list_evaltest_gunshot.csv", rows[1].replace("1.5", "late"))
    with pytest.raises(DatasetError, match=r"event_list_evaltest_gunshot\.csv:1: onset 'late' and offset '2' must be"):
        load_dataset("tut_rare", tmp_path)


def test_recordings_without_recipes_and_recipes_without_recordings_are_told(tut_rare: Path) -> None:
    next(tut_rare.rglob("mixture_recipes_devtrain_babycry.yaml")).unlink()
    next(tut_rare.rglob("mixture_devtrain_gunshot_037_ab.wav")).unlink()
    dataset = load_dataset("tut_rare", tut_rare, split="devtrain")
    assert dataset.notes == (
        "devtrain: babycry is left out: mixture_recipes_devtrain_babycry.yaml is missing",
        "devtrain: 2 of 1491 published recordings are here; missing are mixture_devtrain_gunshot_037_ab.wav; "
        "the tables here do not name 1488 others",
    )
    assert dataset.missing == ("mixture_devtrain_gunshot_037_ab.wav",)
    next(tut_rare.rglob("mixture_recipes_devtrain_gunshot.yaml")).write_text("- {")
    with pytest.raises(AudioError, match="mixture_recipes_devtrain_gunshot.yaml: not a file of mixture recipes"):
        load_dataset("tut_rare", tut_rare, split="devtrain")


@pytest.fixture
def tut_scenes(tmp_path: Path) -> Path:
    root = tmp_path / "scenes" / "TUT-acoustic-scenes-2017-development"
    write_text(root / "meta.txt", "audio/b020_90_100.wav\tbeach\tb020\naudio/a1_0_10.wav\thome\na.wav\ttram\n")
    write_text(root / "evaluation_setup" / "fold1_evaluate.txt", "audio/b020_90_100.wav\tbeach\n")
    write_text(root / "evaluation_setup" / "fold2_test.txt", "audio/a1_0_10.wav\n")
    write_text(root / "evaluation_setup" / "fold2_train.txt", "audio/b020_90_100.wav\tbeach\n")
    write_audio(root / "audio" / "b020_90_100.wav", root / "audio" / "a1_0_10.wav")
    other = tmp_path / "scenes" / "TUT-acoustic-scenes-2017-evaluation"
    write_text(other / "evaluation_setup" / "evaluate.txt", "audio/1.wav\tlibrary\n")
    write_text(other / "evaluation_setup" / "test.txt", "audio/1.wav\n")
    write_audio(other / "audio" / "1.wav")
    return tmp_path / "scenes"


def test_tut_scenes_have_their_scene_fold_and_location(tut_scenes: Path) -> None:
    dataset = load_dataset("tut_scenes", tut_scenes)
    details = [
        (clip.scene, clip.fold, clip.conditions.get("location"), clip.conditions["split"]) for clip in dataset.clips
    ]
    assert details == [
        ("beach", 1, "b020", "development"),
        ("home", 2, "a1", "development"),
        ("library", None, None, "evaluation"),
    ]
    assert dataset.clips[0].events is None
    assert dataset.missing == ("a.wav",)
    assert [clip.scene for clip in load_dataset("tut_scenes", tut_scenes, fold=2).clips] == ["home"]
    assert [clip.scene for clip in load_dataset("tut_scenes", tut_scenes, split="evaluation").clips] == ["library"]
    with pytest.raises(DatasetError, match="no clip of fold 4; there are 1, 2"):
        load_dataset("tut_scenes", tut_scenes, fold=4)


def test_scenes_that_are_not_published_are_none_and_told(tut_scenes: Path) -> None:
    next(tut_scenes.rglob("evaluate.txt")).unlink()
    dataset = load_dataset("tut_scenes", tut_scenes, split="evaluation")
    assert dataset.clips[0].scene is None
    assert "evaluation: 1 clips have no scene: meta.txt does not give it" in dataset.notes


@pytest.fixture
def tau_scenes(tmp_path: Path) -> Path:
    root = tmp_path / "tau" / "TAU-urban-acoustic-scenes-2020-mobile-development"
    names = ["airport-lisbon-1000-40000-a.wav", "tram-vienna-7-2-s5.wav", "bus-paris-1-1-s2.wav"]
    rows = [f"audio/{name}\t{name.split('-')[0]}\tx-1\t{name[:-4].split('-')[-1]}" for name in names]
    write_text(root / "meta.csv", "filename\tscene_label\tidentifier\tsource_label\n" + "\n".join(rows))
    write_text(root / "evaluation_setup" / "fold1_train.csv", f"filename\tscene_label\naudio/{names[0]}\tairport\n")
    write_text(root / "evaluation_setup" / "fold1_evaluate.csv", f"filename\tscene_label\naudio/{names[1]}\ttram\n")
    write_audio(*(root / "audio" / name for name in names))
    return tmp_path / "tau"


def test_tau_scenes_have_city_device_and_split(tau_scenes: Path) -> None:
    dataset = load_dataset("tau_scenes", tau_scenes)
    assert [clip.scene for clip in dataset.clips] == ["airport", "tram", "bus"]
    assert dataset.clips[0].conditions == {
        "city": "lisbon", "device": "a", "devices": "real", "location": "1000", "split": "train"
    }  # fmt: skip
    assert [clip.conditions["devices"] for clip in dataset.clips] == ["real", "unseen", "seen"]
    assert [clip.conditions["split"] for clip in dataset.clips] == ["train", "test", "unused"]
    assert [clip.fold for clip in dataset.clips] == [None, 1, None]
    assert [clip.scene for clip in load_dataset("tau_scenes", tau_scenes, split="test").clips] == ["tram"]
    assert dataset.notes == ("development: 3 of 23035 published recordings are here",)


def test_tau_tables_that_do_not_fit_are_told_with_their_line(tau_scenes: Path) -> None:
    table = next(tau_scenes.rglob("meta.csv"))
    whole = table.read_text()
    table.write_text(whole + "\naudio/tram.wav\ttram\tx\ta\n")
    write_audio(table.parent / "audio" / "tram.wav")
    with pytest.raises(DatasetError, match=r"meta\.csv:5: 'tram\.wav' is not named scene-city"):
        load_dataset("tau_scenes", tau_scenes)
    table.write_text("a\tb\n")
    with pytest.raises(DatasetError, match=r"no clip of it below .*meta\.csv with the columns .*data get tau_scenes"):
        load_dataset("tau_scenes", tau_scenes)


@pytest.fixture
def desed(tmp_path: Path) -> Path:
    root = tmp_path / "desed" / "dataset"
    head = "filename\tonset\toffset\tevent_label\n"
    rows = "Y1_0_10.wav\t0.0\t2.5\tSpeech\nY1_0_10.wav\t3\t10.0\tFrying\nY2_0_10.wav\t\t\t\n3_5_15.wav\t1\t2\tDog\n"
    write_text(root / "metadata" / "eval" / "public.tsv", head + rows)
    write_text(root / "metadata" / "validation" / "validation.tsv", head + "Y9_0_10.wav\t1\t2\tCat\n")
    write_audio(*(root / "audio" / "eval" / "public" / name for name in ("Y1_0_10.wav", "Y2_0_10.wav", "Y3_5_15.wav")))
    return tmp_path / "desed"


def test_desed_has_events_and_clips_without(desed: Path) -> None:
    dataset = load_dataset("desed", desed, split="public")
    assert [clip.events for clip in dataset.clips] == [
        (LabelledEvent("Speech", 0.0, 2.5), LabelledEvent("Frying", 3.0, 10.0)),
        (),
        (LabelledEvent("Dog", 1.0, 2.0),),
    ]
    assert len(dataset.event_labels) == 10
    both = load_dataset("desed", desed)
    assert both.missing == ("Y9_0_10.wav",)
    with pytest.raises(DatasetError, match="no clip of it below .*missing are Y9_0_10.wav.*earwitness data get desed"):
        load_dataset("desed", desed, split="validation")


def test_desed_tables_that_do_not_fit_are_told_with_their_line(desed: Path) -> None:
    table = next(desed.rglob("public.tsv"))
    whole = table.read_text()
    for row, reason in {
        "a.wav\t3\t2\tDog": "4: an event from 3 to 2 s; it must end after it begins",
        "a.wav\t1\t2\tMusic": "4: 'Music' is no class of DESED",
        "a.wav\t1\t2\t": "4: an event from 1 to 2 s without a label",
        "a.wav\t1\t2\tDog\tCat": "4: 5 cells, but the header has 4",
    }.items():
        table.write_text(whole.replace("Y2_0_10.wav\t\t\t", row))
        with pytest.raises(DatasetError, match=rf"public\.tsv:{reason}"):
            load_dataset("desed", desed, split="public")
    table.write_text("filename\tonset\n")
    with pytest.raises(
        DatasetError, match=r"public\.tsv:1: no column offset, event_label; the header is filename, onset"
    ):
        load_dataset("desed", desed, split="public")
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"public\.tsv: not readable as a table"):
        load_dataset("desed", desed, split="public")


@pytest.fixture
def esc50(tmp_path: Path) -> Path:
    root = tmp_path / "esc50" / "ESC-50-master"
    rows = ["1-100-A-0.wav,1,0,dog,True,100,A", "5-2-B-49.wav,5,49,hand_saw,False,2,B", "2-9-A-0.wav,2,0,cow,False,9,A"]
    write_text(root / "meta" / "esc50.csv", "filename,fold,target,category,esc10,src_file,take\n" + "\n".join(rows))
    write_audio(root / "audio" / "1-100-A-0.wav", root / "audio" / "5-2-B-49.wav")
    return tmp_path / "esc50"


def test_esc50_has_labels_and_folds_and_esc10_is_a_part_of_it(esc50: Path) -> None:
    dataset = load_dataset("esc50", esc50)
    assert [(clip.labels, clip.fold) for clip in dataset.clips] == [({"dog"}, 1), ({"hand_saw"}, 5)]
    assert dataset.event_labels == ("cow", "dog", "hand_saw")
    assert dataset.missing == ("2-9-A-0.wav",)
    assert "esc50: nothing of fold 2, 3, 4 is here" in dataset.notes
    part = load_dataset("esc10", esc50)
    assert (len(part.clips), part.event_labels) == (1, ("dog",))
    assert [clip.labels for clip in load_dataset("esc50", esc50, fold=5).clips] == [{"hand_saw"}]
    table = next(esc50.rglob("esc50.csv"))
    table.write_text(table.read_text().replace("wav,5", "wav,6"))
    with pytest.raises(DatasetError, match=r"esc50\.csv:3: the fold is '6'; it must be 1 to 5"):
        load_dataset("esc50", esc50)


def test_esc10_in_folders_named_by_class_has_labels_and_folds(tmp_path: Path) -> None:
    write_audio(
        tmp_path / "001 - Dog bark" / "1-100032-A.wav", tmp_path / "rain" / "3-7-B.wav", tmp_path / "x" / "y.wav"
    )
    dataset = load_dataset("esc10", tmp_path)
    assert [(clip.labels, clip.fold) for clip in dataset.clips] == [({"dog_bark"}, 1), ({"rain"}, 3)]


def test_what_is_not_there_is_told_with_the_way_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_DATA", str(tmp_path))
    for name in DATASETS:
        with pytest.raises(DatasetError, match=rf"{name}: no folder {tmp_path}.*run 'earwitness data get {name}'"):
            load_dataset(name)
        with pytest.raises(DatasetError, match=rf"{name}: no clip of it below .*data get {name}"):
            load_dataset(name, tmp_path)
        with pytest.raises(DatasetError, match=rf"{name}: no split 'later'"):
            load_dataset(name, tmp_path, split="later")
    with pytest.raises(DatasetError, match="urbansound: neither a known data set .* nor a folder or table of yours"):
        load_dataset("urbansound")


def test_a_data_set_is_found_in_the_data_folder(esc50: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_DATA", str(esc50.parent))
    assert len(load_dataset("esc50").clips) == 2
    monkeypatch.delenv("EARWITNESS_DATA")
    monkeypatch.setenv("EARWITNESS_CACHE", str(esc50.parent / "cache"))
    with pytest.raises(DatasetError, match="cache/data/esc50"):
        load_dataset("esc50")


def test_labels_become_words() -> None:
    labels = ["babycry", "glassbreak", "gunshot", "Alarm_bell_ringing", "cafe/restaurant", "dog bark"]
    words = ["baby cry", "glass break", "gunshot", "alarm bell ringing", "cafe/restaurant", "dog bark"]
    assert list(map(as_word, labels)) == words


def test_a_note_names_three_of_what_is_missing() -> None:
    assert note_missing("x", 2, 2, []) is None
    note = note_missing("x", 9, 2, ["a", "b", "c", "d"])
    assert note == (
        "x: 2 of 9 published recordings are here; missing are a, b, c and 1 more; the tables here do not name 3 others"
    )


@pytest.mark.slow
def test_the_six_real_mixtures_are_loaded_and_all_recipes_in_time(shared: Path) -> None:
    folder = shared / "data" / "tut"
    dataset = load_dataset("tut_rare", folder, split="evaltest")
    assert len(dataset.clips) == 6
    assert [clip.conditions["target"] for clip in dataset.clips if clip.events] == ["babycry", "glassbreak", "gunshot"]
    assert (dataset.n_absent, len(dataset.missing)) == (1494, 1494)
    begin = time.perf_counter()
    recipes = [recipe for path in sorted((folder / "meta").glob("*.yaml")) for recipe in read_recipes(path)]
    assert time.perf_counter() - begin < 3.0
    assert (len(recipes), sum(recipe.event is not None for recipe in recipes)) == (1500, 750)
    assert {recipe.scene for recipe in recipes} == set(dataset.scene_labels)


def test_the_real_folds_of_esc10_are_loaded(shared: Path) -> None:
    dataset = load_dataset("esc10", shared / "data" / "esc10")
    assert len(dataset.clips) == 240
    assert len(dataset.event_labels) == 10
    assert len(load_dataset("esc10", shared / "data" / "esc10", fold=2).clips) == 80
    assert dataset.notes[1] == "esc10: nothing of fold 4, 5 is here"
