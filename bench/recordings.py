"""What the defaults reach on real recordings: ESC-10 zero-shot, and six mixtures of TUT Rare Sound Events.

In: the folders of both. Out: printed tables.

    python bench/recordings.py --esc10 ../shared/data/esc10 --tut ../shared/data/tut   # half a minute
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import earwitness
from earwitness.audio.read import find_audio
from earwitness.encoders.load import LoadedEncoder

TUT_WORDS = {"babycry": "baby cry", "glassbreak": "glass break", "gunshot": "gunshot"}
TUT_SCENES = [
    *("beach", "bus", "cafe/restaurant", "car", "city_center", "forest_path", "grocery_store", "home", "library"),
    *("metro_station", "office", "park", "residential_area", "train", "tram"),
]


@dataclass(frozen=True)
class Esc10Result:
    """How many clips of each folder got their own folder's name as the best of all folder names."""

    n_right: dict[str, int]
    n_clips: dict[str, int]

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy over all clips."""
        return sum(self.n_right.values()) / sum(self.n_clips.values())


@dataclass(frozen=True)
class TutResult:
    """One mixture: the error of the true event's onset in seconds (None: not found), and what else was raised."""

    name: str
    truth: str
    onset_error_s: float | None
    false_alarms: list[str]
    scene: str
    scene_rank: int


def run_esc10(folder: Path, encoder: LoadedEncoder) -> Esc10Result:
    """Classify every clip by the names of the folders; underscores are all that is changed in them."""
    words = sorted(each.name for each in folder.iterdir() if each.is_dir())
    n_right, n_clips = dict.fromkeys(words, 0), dict.fromkeys(words, 0)
    for clip in find_audio([folder]):
        n_clips[clip.parent.name] += 1
        n_right[clip.parent.name] += earwitness.classify(clip, words, encoder=encoder)[0].word == clip.parent.name
    return Esc10Result(n_right, n_clips)


def run_tut(folder: Path, encoder: LoadedEncoder, settings: earwitness.Settings | None = None) -> Iterator[TutResult]:
    """Listen to the mixtures for the three words and the fifteen scenes, and hold them against the metadata."""
    with (folder / "meta" / "event_list_evaltest_total.csv").open(newline="") as file:
        truth = {row[0]: row[1:4] for row in csv.reader(file)}
    with (folder / "meta" / "meta.csv").open(newline="") as file:
        scene_of = {row["mixture_audio_filename"]: row["bg_classname"] for row in csv.DictReader(file)}
    for path in find_audio([folder / "audio"]):
        onset_s, _, label = truth[path.name]
        recognition = earwitness.recognize(path, list(TUT_WORDS.values()), TUT_SCENES, settings, encoder)
        error_s, others = None, []
        for event in recognition.events:
            is_hit = bool(label) and event.word == TUT_WORDS[label] and abs(event.onset_s - float(onset_s)) <= 1.0
            if is_hit and error_s is None:
                error_s = event.onset_s - float(onset_s)
            else:
                others.append(f"{event.word} at {event.onset_s:.2f}")
        ranked = [each.scene for each in recognition.scenes]
        scene = scene_of[path.name]
        yield TutResult(path.name, label, error_s, others, scene, ranked.index(scene) + 1)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--esc10", type=Path, help="folder of ESC-10: a folder of clips for each class")
    parser.add_argument("--tut", type=Path, help="folder with audio/ and meta/ of TUT Rare Sound Events mixtures")
    parser.add_argument("--method", default="earwitness", help="for --tut: earwitness or tmrl")
    options = parser.parse_args()
    encoder = earwitness.load_encoder()
    if options.esc10:
        result = run_esc10(options.esc10, encoder)
        for word, n_clips in result.n_clips.items():
            print(f"{word:16s} {result.n_right[word]:3d} of {n_clips}")
        print(f"top-1 accuracy {result.accuracy:.4f} over {sum(result.n_clips.values())} clips")
    if options.tut:
        results = list(run_tut(options.tut, encoder, earwitness.Settings(method=options.method)))
        for each in results:
            found = "missed" if each.onset_error_s is None else f"onset {each.onset_error_s:+.2f} s"
            detected = found if each.truth else "no event"
            alarms = "; ".join(each.false_alarms) or "-"
            print(f"{each.name[17:35]:18s} {each.truth or '-':10s} {detected:14s} false alarms: {alarms}")
            print(f"{'':18s} scene {each.scene}: rank {each.scene_rank} of {len(TUT_SCENES)}")
        n_true = sum(bool(each.truth) for each in results)
        n_found = sum(each.onset_error_s is not None for each in results)
        n_alarms = sum(len(each.false_alarms) for each in results)
        n_top3 = sum(each.scene_rank <= 3 for each in results)
        print(
            f"events {n_found} of {n_true} within 1 s, {n_alarms} false alarms; true scene in the first three: {n_top3}"
        )


if __name__ == "__main__":
    main()
