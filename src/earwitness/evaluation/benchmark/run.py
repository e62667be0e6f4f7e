"""One run of the benchmark: tasks to a version of earwitness, answers to rows.

In: the folder of the material, the Python of the version to measure. Out: `BenchmarkRow`s by `tables`. `share` takes
every n-th recording of each kind, for a check that takes minutes.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import wave
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from earwitness.audio import measure_duration
from earwitness.errors import DatasetError
from earwitness.evaluation.benchmark import answers
from earwitness.evaluation.benchmark.material import (
    N_MIXTURES,
    RATE_HZ,
    Background,
    BenchmarkMixture,
    BenchmarkWord,
    Samples,
    list_ambience,
    list_clips,
    list_speech_music,
    make_lasting,
    make_mixtures,
    read_words,
)
from earwitness.evaluation.benchmark.paraphrases import PARAPHRASES
from earwitness.evaluation.benchmark.tables import (
    DEFAULT,
    LEVELS,
    BenchmarkRow,
    Counts,
    count_alarms,
    count_hits,
    count_lasting,
    f1,
    make_row,
    rate,
    recall_row,
)
from earwitness.words import read_lexicon, tag_names

REPORT_FOLDS, REPORT_SEED = (3,), 2
ESC10_WORDS = ("dog bark", "rain", "sea waves", "baby cry", "clock tick", "person sneeze", "helicopter", "chainsaw",
               "rooster", "fire crackling")  # fmt: skip
LEAST_RIGHT = 0.3  # of a word's weight on right tags, or it is wrong
Report = Callable[[str], None]


class Version(AbstractContextManager["Version"]):
    """A version of earwitness in a process of its own, which answers tasks.

    Args:
        python: its interpreter; this one if not given.
        source: the folder that holds its package, put before what is installed.
    """

    def __init__(self, python: str = "", source: str = "") -> None:
        environment = {**os.environ, "EARWITNESS_PROGRESS": "none"}
        if source:
            environment["PYTHONPATH"] = source
        command = [python or sys.executable, str(Path(answers.__file__))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, encoding="utf-8"
        )
        self._folder = tempfile.TemporaryDirectory()

    def ask(self, **task: Any) -> dict[str, Any]:
        """Return the answer to a task; samples under "samples" are written to a file first.

        Raises:
            DatasetError: the version ended; what it wrote is on standard error.
        """
        if (samples := task.pop("samples", None)) is not None:
            task["path"] = str(Path(self._folder.name) / "recording.wav")
            _write_wav(Path(task["path"]), samples)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise DatasetError(f"{task.get('path', task['words'])}: the version under test ended; see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._folder.cleanup()


def _write_wav(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.rint(32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes())


def run_benchmark(
    root: Path, version: Version, report: Report, share: int = 1, with_lexicon: bool = True
) -> list[BenchmarkRow]:
    """Return all rows.

    Args:
        root: the folder of the material.
        version: what answers.
        report: called with the name of each part as it begins.
        share: take every n-th recording.

    Raises:
        DatasetError: the material is not there, or the version ended.
    """
    words = read_words(root)
    ambience, speech = list_ambience(root)[::share], list_speech_music(root, "report")[:: min(share, 3)]
    rows: list[BenchmarkRow] = []
    report("false alarms")
    alarms = [each.word for each in words if each.is_for_alarms]
    mixed = [each for each in words if each.is_for_mixtures]
    known = {each.word: each for each in words}
    by_place = {}
    for name, backgrounds in (("ambience", ambience), ("speech and music", speech)):
        counts = _count_background(version, backgrounds, known, alarms, (0.0,))
        rows.append(make_row(f"false alarms an hour and word, {name}", counts[:, 0], rate, "lower"))
        by_place[name] = _count_background(version, backgrounds, known, [each.word for each in mixed])
    report("mixtures")
    rows += _measure_mixtures(root, version, mixed, ambience, np.concatenate(list(by_place.values())), share)
    report("lasting sounds")
    lasting = [each for each in words if each.is_for_lasting]
    counts = np.array(
        [
            count_lasting(_events(version, each, [each.word], (0.0,))[0], each.onset_s or 0, each.offset_s or 0)
            for each in _every(make_lasting(root, lasting, ambience, REPORT_FOLDS, REPORT_SEED), min(share, 3))
        ]
    )
    rows.append(make_row("lasting sounds, share of time found", counts, lambda sums: float(sums[0] / sums[2])))
    rows.append(make_row("lasting sounds, began within 5 s", counts, lambda sums: float(sums[1] / sums[2])))
    report("clips")
    rows += _measure_clips(root, version, share)
    report("scenes")
    rows += _measure_scenes(root, version, share)
    report("words")
    rows += _measure_words(root, version)
    report("a hundred words")
    counts = _count_background(version, ambience, known, draw_words(100), (0.0,))
    rows.append(make_row("false alarms, 100 words of the lexicon", counts[:, 0], rate, "lower"))
    return rows


def _count_background(
    version: Version,
    backgrounds: Sequence[Background],
    known: dict[str, BenchmarkWord],
    words: Sequence[str],
    levels: Sequence[float] = LEVELS,
) -> Counts:
    """Return counts (N, levels, 2) of false alarms."""
    counts = []
    for each in backgrounds:
        used = [word for word in words if word not in known or not known[word].may_be_in(each.path.name)]
        duration_s = measure_duration(each.path) or 0.0
        found = version.ask(kind="events", path=str(each.path), words=used, levels=levels)["events"] if used else []
        counts.append(count_alarms(found or [[]] * len(levels), duration_s, len(used)))
    return np.array(counts)


def _measure_mixtures(
    root: Path,
    version: Version,
    mixed: Sequence[BenchmarkWord],
    ambience: Sequence[Background],
    alarms: Counts,
    share: int,
) -> list[BenchmarkRow]:
    words = [each.word for each in mixed]
    made = _every(make_mixtures(root, mixed, ambience, REPORT_FOLDS, REPORT_SEED), share)
    own, every = [], []
    for each in made:
        found = _events(version, each, words, LEVELS)
        mine = [[event for event in events if event[0] == each.word] for events in found]
        own.append(count_hits(mine, each.word, each.onset_s))
        every.append(count_hits(found[DEFAULT : DEFAULT + 1], each.word, each.onset_s)[0])
    hits = np.array(own)
    rows = [
        recall_row("recall within 1 s at 1 false alarm an hour and word", alarms, hits, 1.0),
        recall_row("recall within 1 s at 5 false alarms", alarms, hits, 5.0),
    ]
    for which, within in ((0, "0.5 s"), (1, "1 s")):
        rows.append(make_row(f"F1 within {within}, own word", hits[:, DEFAULT], partial(f1, hits=which)))
        rows.append(make_row(f"F1 within {within}, 20 words", np.array(every), partial(f1, hits=which)))
    over = list_speech_music(root, "report")
    other = [
        count_hits(_events(version, each, [each.word], (0.0,)), each.word, each.onset_s)[0]
        for each in _every(make_mixtures(root, mixed, over, REPORT_FOLDS, REPORT_SEED + 1), share)
    ]
    rows.append(make_row("recall within 1 s over ambience", hits[:, DEFAULT], _recall))
    rows.append(make_row("recall within 1 s over speech and music", np.array(other), _recall))
    return rows


def _measure_clips(root: Path, version: Version, share: int) -> list[BenchmarkRow]:
    rows, words = [], sorted({each.label.replace("_", " ") for each in list_clips(root, "esc50", REPORT_FOLDS)})
    fifty = [*words, *ESC10_WORDS]
    clips = list_clips(root, "esc50", REPORT_FOLDS)[::share]
    is_right = _rank_clips(version, [(each.path, each.label.replace("_", " ")) for each in clips], fifty)
    rows.append(make_row("ESC-50, 40 classes of 50 words, top-1", is_right, _mean))
    others = {each.label: each for each in list_clips(root, "esc10", REPORT_FOLDS)}
    ten = [label.replace("_", " ") for label in others]
    clips = list_clips(root, "esc10", REPORT_FOLDS)[:: min(share, 2)]
    is_right = _rank_clips(version, [(each.path, each.label.replace("_", " ")) for each in clips], ten)
    rows.append(make_row("ESC-10, top-1", is_right, _mean))
    worst, best = 0.0, 0.0
    by_label: dict[str, list[Path]] = defaultdict(list)
    for each in list_clips(root, "esc50", REPORT_FOLDS):
        by_label[each.label].append(each.path)
    for label, forms in PARAPHRASES.items():
        paths = by_label[label][:: min(share, 4)]
        rest = [word for word in fifty if word != label.replace("_", " ")]
        found = [_rank_clips(version, [(path, form) for path in paths], [form, *rest]).sum() for form in forms]
        worst, best = worst + min(found), best + max(found)
    rows.append(
        BenchmarkRow("paraphrases, worst form over best", worst / max(best, 1.0), np.nan, np.nan, len(PARAPHRASES))
    )
    return rows


def _rank_clips(version: Version, clips: Sequence[tuple[Path, str]], words: Sequence[str]) -> Counts:
    """Return (N, 2): whether the right word comes first, and 1."""
    best = [version.ask(kind="clip", path=str(path), words=list(words))["ranked"][0] for path, _ in clips]
    return np.array([[word == right, 1.0] for word, (_, right) in zip(best, clips, strict=True)], np.float64)


def _recall(sums: Counts) -> float:
    return float(sums[1] / max(sums[3], 1.0))


def _mean(sums: Counts) -> float:
    return float(sums[0] / sums[1])


def _measure_scenes(root: Path, version: Version, share: int) -> list[BenchmarkRow]:
    with (root / "scenes" / "scenes.csv").open(newline="", encoding="utf-8") as file:
        clips = list(csv.DictReader(file))
    scenes = sorted({each["scene"] for each in clips})
    by_source: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    for each in clips[:: min(share, 2)]:
        ranked = version.ask(kind="scenes", path=str(root / "scenes" / each["file"]), words=scenes)["ranked"]
        by_source[each["scene"], each["source"]].append((ranked[0] == each["scene"], each["scene"] in ranked[:3]))
    place = np.array([scenes.index(scene) for scene, _ in by_source])
    right = np.array([np.mean(each, axis=0) for each in by_source.values()])  # (sources, 2)
    counts = np.zeros((len(place), 2, len(scenes), 2))  # of sources: kind, scene, (right, 1)
    for index, (scene, values) in enumerate(zip(place, right, strict=True)):
        counts[index, :, scene] = [[values[0], 1], [values[1], 1]]

    def mean_over_places(sums: Counts, kind: int) -> float:
        right_of, n_of = sums[kind, :, 0], sums[kind, :, 1]
        return float(np.mean(right_of[n_of > 0] / n_of[n_of > 0]))

    return [
        make_row(f"scenes, {len(scenes)} places, {name}", counts, partial(mean_over_places, kind=kind))
        for kind, name in ((0, "top-1"), (1, "top-3"))
    ]


def _measure_words(root: Path, version: Version) -> list[BenchmarkRow]:
    """Return the share of everyday words with under 30 % of their weight on right tags."""
    lines = (root / "words_gold.tsv").read_text(encoding="utf-8").splitlines()
    gold = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    words = [word for word, _, _ in gold]
    names = tag_names()
    wrong = []
    for (_, _, tags), weights in zip(gold, version.ask(kind="meanings", words=words)["weights"], strict=True):
        right = {each for each in tags.split(";") if each}
        mass = sum(weight for index, weight in weights.items() if names[int(index)] in right)
        wrong.append([bool(right) and mass < LEAST_RIGHT, 1.0])
    return [make_row("everyday words understood wrongly", np.array(wrong, np.float64), _mean, "lower")]


def draw_words(n_words: int, seed: int = 14) -> list[str]:
    """Return words of the lexicon that can be heard, drawn by a seed."""
    entries = [each.name for each in read_lexicon().entries if each.group != "tag" and each.grade != "cannot be heard"]
    return [entries[index] for index in np.random.default_rng(seed).choice(len(entries), n_words, replace=False)]


def _events(
    version: Version, mixture: BenchmarkMixture, words: Sequence[str], levels: Sequence[float]
) -> list[list[list[Any]]]:
    found: list[list[list[Any]]] = version.ask(
        kind="events", samples=mixture.samples, words=list(words), levels=list(levels)
    )["events"]
    return found


def _every(mixtures: Iterator[BenchmarkMixture], share: int) -> Iterator[BenchmarkMixture]:
    """Yield every n-th mixture; which one turns from word to word, so that all ratios are among them."""
    return (each for index, each in enumerate(mixtures) if (index + index // N_MIXTURES) % share == 0)
