"""The benchmark's material: recipes of mixtures and of sounds that last, on recordings made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.errors import DatasetError
from earwitness.evaluation.benchmark.material import (
    RATE_HZ,
    SIDE_S,
    add_event,
    cut_event,
    list_ambience,
    list_clips,
    list_speech_music,
    make_lasting,
    make_mixtures,
    read_words,
)

WORDS = """word\tfalse_alarms\tmixtures\tlasting\tesc_classes\tloops_left_out
siren\tyes\tyes\tyes\tsiren\tstreet|city
scream\tyes\tno\tno\t\t
"""


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """A folder of the benchmark's layout: two loops, a clip of fold 3, speech."""
    random = np.random.default_rng(0)
    (tmp_path / "words_events.tsv").write_text(WORDS)
    for name in ("esc10/rain", "esc50/siren", "background", "speech_music"):
        (tmp_path / name).mkdir(parents=True)
    tone = 0.3 * np.sin(np.arange(5 * RATE_HZ) / 3)
    tone[: 2 * RATE_HZ] = 0
    for name in ("3-1-A.ogg", "1-2-A.ogg"):
        soundfile.write(tmp_path / "esc50" / "siren" / name, tone, RATE_HZ)
    for name in ("street.ogg", "wood.ogg"):
        soundfile.write(tmp_path / "background" / name, 0.01 * random.standard_normal(30 * RATE_HZ), RATE_HZ)
    (tmp_path / "background" / "recordings.csv").write_text(
        "file,source,original,duration_s\nstreet.ogg,A,a,30\nwood.ogg,B,b,30\n"
    )
    (tmp_path / "speech_music" / "recordings.csv").write_text(
        "file,kind,duration_s\nspeech_01.ogg,speech,9\nspeech_03.ogg,speech,9\nmusic_05.ogg,music,9\n"
    )
    return tmp_path


def test_lists_are_read_by_fold_source_and_part(material: Path) -> None:
    siren, scream = read_words(material)
    assert (siren.word, siren.is_for_lasting, siren.classes) == ("siren", True, ("siren",))
    assert siren.may_be_in("City_1.ogg")
    assert not scream.may_be_in("City_1.ogg")
    assert [clip.fold for clip in list_clips(material, "esc50", (3,))] == [3]
    assert [each.source for each in list_ambience(material)] == ["A", "B"]
    assert [each.path.name for each in list_speech_music(material, "tune")] == ["speech_01.ogg", "music_05.ogg"]
    assert [each.path.name for each in list_speech_music(material, "report")] == ["speech_03.ogg"]
    with pytest.raises(DatasetError, match="words_events.tsv: not there"):
        read_words(material / "esc50")


def test_mixtures_hold_the_event_where_they_say_and_never_on_a_loop_that_may_hold_it(material: Path) -> None:
    siren = read_words(material)[0]
    made = list(make_mixtures(material, [siren], list_ambience(material), (3,), seed=5))
    again = list(make_mixtures(material, [siren], list_ambience(material), (3,), seed=5))
    assert len(made) == 12
    assert sum(each.onset_s is None for each in made) == 3
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(made, again, strict=True))
    for each in made:
        assert len(each.samples) == 20 * RATE_HZ
        if each.onset_s is not None and each.offset_s is not None:
            assert each.onset_s >= 1
            assert each.offset_s - each.onset_s <= 2.01


def test_an_event_is_the_loudest_two_seconds_at_the_wanted_ratio() -> None:
    clip = np.zeros(5 * RATE_HZ, np.float32)
    clip[RATE_HZ : 2 * RATE_HZ] = 0.5
    event = cut_event(clip)
    assert len(event) == pytest.approx(RATE_HZ, abs=RATE_HZ // 20)
    bed = 0.02 * np.random.default_rng(1).standard_normal(4 * RATE_HZ).astype(np.float32)
    mixed = add_event(bed, event, RATE_HZ, 6.0)
    added = mixed[RATE_HZ : RATE_HZ + len(event)] - bed[RATE_HZ : RATE_HZ + len(event)]
    ratio = np.sqrt(np.mean(added**2) / np.mean(bed[RATE_HZ : RATE_HZ + len(event)] ** 2))
    assert 20 * np.log10(ratio) == pytest.approx(6.0, abs=0.1)


def test_lasting_sounds_are_without_silence_between_backgrounds(material: Path) -> None:
    siren = read_words(material)[0]
    made = list(make_lasting(material, [siren], list_ambience(material), (3,), seed=5))
    assert [len(each.samples) / RATE_HZ for each in made] == [50, 50, 90, 90]
    first = made[0].samples
    side, inside = round(SIDE_S * RATE_HZ), round(20 * RATE_HZ)
    assert made[0].onset_s == SIDE_S
    power = np.square(first[side : side + inside]).reshape(-1, RATE_HZ // 5).mean(axis=1)
    assert power.min() > 1.3 * np.square(first[:side]).mean()
