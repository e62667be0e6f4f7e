"""The published commands: what the scripts at the repository's root do, in one place.

In: a folder below which TUT Rare Sound Events lies, and options. Out: labels of events and scenes with their counts
against the metadata, pictures, and `meta.csv`. The options and folders are those of the published method.

Exit status: 0 every recording is answered, 1 some are left out (see errors.csv), 2 nothing was done, 130 stopped.

Source: "Unsupervised Method of Transformer-based Multimodal Representation Learning for Acoustic Event Classification
and Blind Acoustic Scene Classification"; TUT Rare Sound Events 2017 (Diment et al.).
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from earwitness.audio import measure_duration
from earwitness.cli.exit_status import NOTHING_DONE, STOPPED, stopped_by_sigterm
from earwitness.cli.options import read_words
from earwitness.cli.published_counts import (
    FileEvents,
    choose_scored,
    format_share,
    tabulate_counts,
    tabulate_presence,
)
from earwitness.datasets import (
    CLASS_WORDS,
    WHERE_TO_GET,
    MixtureRow,
    find_mixtures,
    find_recipe_files,
    find_recordings,
    read_mixture_rows,
    write_meta,
)
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import AudioError, EarwitnessError, OutputError
from earwitness.files import write_csv, write_errors_reported
from earwitness.plots import (
    Detected,
    LoudestFinder,
    Query,
    choose_panels,
    describe_settings,
    draw_attention,
    draw_detections,
    draw_timeline,
    import_figure,
    read_attended,
    recognize_timeline,
    save_picture,
)
from earwitness.recognition import METHODS, Recognition, check_words, choose_method, recognize
from earwitness.results import ResultFolder, RunRecord, Tally
from earwitness.settings import Settings
from earwitness.words import as_key

logger = logging.getLogger(__name__)

SCENES = (
    "beach,bus,cafe/restaurant,car,city center,forest path,grocery store,home,library,metro station,office,park,"
    "residential area,train,tram"
)
META_DIR = Path("sound_datasets", "rare_sound_event", "meta")
N_BEST_SCENES = 5


@dataclass(frozen=True)
class ScriptOptions:
    """The options of a published command; `root` is the folder of the scripts."""

    root: Path
    data_dir: Path
    graph_dir: Path
    event_dir: Path
    env_dir: Path
    log_dir: Path
    events: list[str]
    scenes: list[str]
    settings: Settings


def run_command(script: str, description: str, work: Callable[[ScriptOptions], int]) -> int:
    """Read the options, log to the console and to `<log_dir>/<script>.log`, do the work; return the exit status."""
    options = read_options(description, Path(script).resolve().parent)
    try:
        with log_to(options.log_dir / f"{Path(script).stem}.log"), stopped_by_sigterm():
            try:
                logger.debug("%s", options)
                return work(options)
            except EarwitnessError as error:
                logger.error("%s", error)
            except KeyboardInterrupt:
                logger.error("stopped; what was done is stored")
                return STOPPED
    except OutputError as error:  # the log itself cannot be written
        print(f"ERROR: {error}", file=sys.stderr)
    return NOTHING_DONE


def label_events(options: ScriptOptions) -> int:
    """Find which events each recording holds (AEC): events.csv, and aec.csv with counts where the metadata is known."""
    file_events: list[FileEvents] = []
    with _begin(options, options.event_dir, "events.csv", "aec.csv") as work:
        for recognition, mixture in work.each():
            found = {event.word for event in recognition.events}
            logger.debug("%s: %s", recognition.source, ", ".join(sorted(found)) or "none")
            if mixture:
                file_events.append(FileEvents(recognition.source, mixture.event, found))
    if work.is_scored(len(file_events)):
        scored = choose_scored(options.events, work.mixtures.values())
        columns, presence = tabulate_presence(scored, file_events)
        write_csv(options.event_dir / "aec.csv", [columns, *presence])
        _print_table(f"events in {len(file_events)} recordings", tabulate_counts(scored, file_events))
    return work.finish()


def label_scenes(options: ScriptOptions) -> int:
    """Rank the scenes of each recording (blind ASC): scenes.csv, and asc.csv where the metadata is known."""
    rows: list[tuple[str, str, int, bool, str]] = []
    with _begin(options, options.env_dir, "scenes.csv", "asc.csv") as work:
        for recognition, mixture in work.each():
            ranked = [each.scene for each in recognition.scenes]
            winners = [each.scene for each in recognition.scenes if each.is_winner]
            logger.debug("%s: %s", recognition.source, ", ".join(winners))
            reference = mixture.bg_classname if mixture else ""
            rank = [*map(as_key, ranked), as_key(reference)].index(as_key(reference)) + 1
            if rank <= len(ranked):
                is_top_1 = as_key(reference) in map(as_key, winners)
                rows.append((recognition.source, reference, rank, is_top_1, "; ".join(ranked[:N_BEST_SCENES])))
    if work.is_scored(len(rows)):
        write_csv(options.env_dir / "asc.csv", [("file", "reference_scene", "rank", "is_top_1", "best_five"), *rows])
        ranks = [(rank, is_top_1) for _, _, rank, is_top_1, _ in rows]
        _print_accuracy(ranks, choose_method(options.settings).n_winners)
    return work.finish()


def draw_all(options: ScriptOptions) -> int:
    """Draw each recording: `<graph_dir>/<name>.png`, with the names of its folders before it where names are equal.

    `attention/<name>.png` beside it shows what the encoder attends to at the strongest event, or where it is loudest
    if nothing was found. Where the metadata is known, `summary/` holds distributions, confusion, ROC and PR curves.
    """
    import_figure()  # before hours of work, not after
    detected: list[Detected] = []
    with _begin(options, options.graph_dir, "events.csv") as work:
        n_same = Counter(path.stem for path in work.recordings)

        def recognize_and_draw(source: Path) -> Recognition:
            parts = source.relative_to(options.data_dir).parts if n_same[source.stem] > 1 else (source.stem,)
            loudest, out = LoudestFinder(), options.graph_dir / f"{'_'.join(parts)}.png"
            recognition, timeline = recognize_timeline(source, work.events, options.settings, work.encoder, loudest.add)
            total_s = measure_duration(source) or recognition.duration_s
            save_picture(draw_timeline(recognition, timeline, total_s=total_s), out)
            attention_path = options.graph_dir / "attention" / out.name
            _draw_attention(recognition, loudest.time_s, source, attention_path, work.encoder)
            return recognition

        for recognition, mixture in work.each(recognize_and_draw):
            if mixture:
                found = sorted(recognition.events, key=lambda event: event.score)
                detected.append(Detected(mixture.event, {event.word: event.score for event in found}))
    if work.is_scored(len(detected)):
        scored = choose_scored(options.events, work.mixtures.values())
        caption = describe_settings(options.settings, work.encoder.spec.name)
        draw_detections(options.graph_dir / "summary", scored, detected, caption)
    return work.finish()


def _draw_attention(
    recognition: Recognition, loudest_s: float, source: Path, out: Path, encoder: LoadedEncoder
) -> None:
    """Draw roll-out at the strongest event, or where it is loudest: from what is scored, and from the class token."""
    settings = recognition.settings
    strongest = max(recognition.events, key=lambda event: event.score, default=None)
    cut, time_s = choose_method(settings).cut_rows(settings), loudest_s
    if strongest and cut.per == "window":  # its peak is where a window begins
        time_s = min(strongest.peak_s + cut.window_s / 2, recognition.duration_s)
    elif strongest:
        time_s = strongest.peak_s
    attended = read_attended(source, time_s, replace(settings, window_s=cut.window_s, hop_s=cut.hop_s), encoder)
    scored = Query(is_mean=True) if cut.per == "window" else Query(attended.time_s)
    panels = choose_panels(attended, "rollout", [scored, Query()])
    save_picture(draw_attention(attended, panels, str(source), "rollout", encoder.spec.name), out)


def convert_recipes(script: str, description: str) -> int:
    """Turn the recipes beside the script, else below --data_dir, into a `meta.csv` in the folder of the recipes."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--data_dir", type=Path, help="below which the recipes are; else beside the script, or here")
    parser.add_argument("--out", type=Path, help="one CSV file for all recipes; else meta.csv in each recipe folder")
    given = parser.parse_args()
    own_dir = Path(script).resolve().parent
    folders = [given.data_dir] if given.data_dir else [own_dir, Path("source_datasets")]
    recipes = next(filter(None, map(find_recipe_files, folders)), [])
    try:
        if not recipes:
            looked = " or ".join(str(folder.resolve()) for folder in folders)
            raise AudioError(
                f"no mixture_recipes_*.yaml below {looked}; they come in mixture_data.1.zip. {WHERE_TO_GET}"
            )
        for out in dict.fromkeys(given.out or path.parent / "meta.csv" for path in recipes):
            belonging = [path for path in recipes if given.out or path.parent == out.parent]
            mixtures = [mixture for path in belonging for mixture in read_mixture_rows(path)]
            write_meta(mixtures, out)
            print(f"{len(mixtures)} mixtures -> {out}")
    except EarwitnessError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return NOTHING_DONE
    return 0


def read_options(description: str, root: Path) -> ScriptOptions:
    """Read the options from the command line; those that cannot be used end the command with status 2."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--data_dir", type=Path, default=Path("./source_datasets/"), help="below which the data is")
    for name, what in (("graph", "pictures"), ("event", "events"), ("env", "scenes"), ("log", "logs")):
        parser.add_argument(f"--{name}_dir", type=Path, default=Path(f"./{name}/"), help=f"for {what}")
    parser.add_argument("--noise_factor", type=_read_factor, default=0.0, help="standard deviation of noise to add")
    parser.add_argument("--encoder", default="", help="a known name, or the path of weights; else the embedded one")
    parser.add_argument(
        "--method", choices=sorted(METHODS, reverse=True), default="tmrl", help="tmrl is the published one"
    )
    how = "comma list, or @FILE with one a line"
    parser.add_argument("--events", nargs="+", default=[",".join(CLASS_WORDS)], help=f"words for events: {how}")
    parser.add_argument("--scenes", nargs="+", default=[SCENES], help=f"words for scenes: {how}")
    given = vars(parser.parse_args())
    try:
        given["settings"] = Settings(**{name: given.pop(name) for name in ("method", "encoder", "noise_factor")})
        given["events"] = [CLASS_WORDS.get(as_key(word), word) for word in read_words(given["events"])]
        given["scenes"] = read_words(given["scenes"])
    except EarwitnessError as error:
        parser.error(str(error))
    return ScriptOptions(root=root, **given)


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Log everything to a file, after what earlier runs logged there, and what matters to standard error.

    Raises:
        OutputError: the file cannot be written.
    """
    with write_errors_reported(path, advice="choose another --log_dir"):
        path.parent.mkdir(parents=True, exist_ok=True)
        to_file = logging.FileHandler(path, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_console = logging.StreamHandler()
    to_console.setLevel(logging.INFO)
    to_console.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    to_console.addFilter(_Once())
    package = logging.getLogger("earwitness")
    level_before = package.level
    package.setLevel(logging.DEBUG)
    for handler in (to_file, to_console):
        package.addHandler(handler)
    try:
        yield
    finally:
        package.setLevel(level_before)
        for handler in (to_file, to_console):
            package.removeHandler(handler)
        to_file.close()


class _Once(logging.Filter):
    """Lets each message through once, so that a warning does not come back with every recording."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_new = message not in self.seen
        self.seen.add(message)
        return is_new


@dataclass(frozen=True)
class _Work:
    """A published command at work: words for its recordings, what is known of them, and where results go."""

    options: ScriptOptions
    events: list[str]
    scenes: list[str]
    recordings: list[Path]
    mixtures: Mapping[str, MixtureRow]
    encoder: LoadedEncoder
    results: ResultFolder
    tally: Tally

    def each(
        self, recognize_one: Callable[[Path], Recognition] | None = None
    ) -> Iterator[tuple[Recognition, MixtureRow | None]]:
        """Yield what was recognized in each recording, and what is known of it; failures go to errors.csv."""
        logger.info("%d recordings", len(self.recordings))

        def process(source: Path, _: Callable[[float], None]) -> Recognition:
            if recognize_one:
                return recognize_one(source)
            return recognize(source, self.events, self.scenes, self.options.settings, self.encoder)

        for source, recognition in self.tally.each(process):
            self.results.add(recognition)
            self.tally.count_notes(source, recognition.notes)
            yield recognition, self.mixtures.get(Path(source).name)

    def is_scored(self, n_scored: int) -> bool:
        """Return whether there is anything to score, and log why something is not."""
        n_done = self.results.n_done
        if not self.mixtures:
            where = "they are in the data set's folders meta"
            logger.info("no meta.csv and no recipes found, so nothing is scored; %s", where)
        elif n_scored < n_done:
            n_left = n_done - n_scored
            logger.warning("%d of %d recordings are not scored: the metadata does not describe them", n_left, n_done)
        return n_scored > 0

    def finish(self) -> int:
        """Log where the results are; return the exit status."""
        results = self.results
        logger.info("%d recordings done; results are in %s", results.n_done, results.folder)
        if failures := self.tally.failures.describe():
            logger.warning("%s; the reasons are in %s", failures, results.folder / "errors.csv")
        return self.tally.failures.status()


@contextmanager
def _begin(options: ScriptOptions, folder: Path, table: str, derived: str = "") -> Iterator[_Work]:
    """Find the recordings, load the encoder, open the results; a `derived` table of an earlier run is taken away."""
    recordings, settings = find_recordings(options.data_dir), options.settings
    words: dict[str, list[str]] = {"events": [], "scenes": []}
    name = table.removesuffix(".csv")
    words[name] = options.scenes if name == "scenes" else options.events
    mixtures = find_mixtures([options.data_dir, options.root / META_DIR])
    check_words(words["events"], words["scenes"], settings)
    encoder = choose_encoder(settings)
    record = RunRecord.of(encoder, settings, **{name: words[name]})
    with ResultFolder(folder, [table], [], record.to_dict()) as results:
        if derived:
            (folder / derived).unlink(missing_ok=True)
        tally = Tally(recordings, report=lambda reason: logger.warning("%s", reason))
        tally.takers.append(results)
        yield _Work(options, words["events"], words["scenes"], recordings, mixtures, encoder, results, tally)


def _print_accuracy(ranks: Sequence[tuple[int, bool]], n_winners: int) -> None:
    n_all = len(ranks)
    n_right = {
        "best ranked": sum(rank == 1 for rank, _ in ranks),
        "top 1 (either winner)" if n_winners > 1 else "top 1": sum(is_top_1 for _, is_top_1 in ranks),
        f"top {N_BEST_SCENES}": sum(rank <= N_BEST_SCENES for rank, _ in ranks),
    }
    lines = [("the scene is", "right", "of", "accuracy")]
    lines += [(name, str(number), str(n_all), format_share(number / n_all)) for name, number in n_right.items()]
    _print_table(f"scenes of {n_all} recordings", lines)


def _print_table(title: str, lines: Sequence[tuple[str, ...]]) -> None:
    """Print a table, first line its columns, and log it."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [title]
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        text.append("  ".join([first.ljust(widths[0]), *cells]))
    print("\n".join(text))
    for line in text:
        logger.debug("%s", line)


def _read_factor(text: str) -> float:
    factor = float(text)
    if not 0 <= factor < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: give a number from 0 up")
    return factor
