"""The experiment tables of docs/results.md: what each choice in the package is worth.

In: the shared folder with ESC-10 and six recordings of TUT Rare Sound Events. Out: Markdown tables on standard output.

    python bench/ablation.py                        # all tables: about 10 minutes on 2 cores that others use too
    python bench/ablation.py --only clips --n 5     # one table, 5 clips for each class
    python bench/ablation.py --only events --n 12   # 12 mixtures: each word at each ratio

`--n` cuts the sets down for a quick look; the numbers of docs/results.md are those without it.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from ablate_clips import ablate_clips
from ablate_events import Tally, Variation, ablate_events, make_variations
from ablate_scenes import ablate_scenes
from earwitness.encoders.load import LoadedEncoder, load_encoder
from mixtures import EBR_DB, clear_events, make_mixtures, read_esc10, read_tut

SHARED = Path(__file__).resolve().parents[2] / "shared"
MIXTURE_CLASSES = ("baby_cry", "dog_bark", "person_sneeze", "rooster")
N_MIXTURES = 96
TABLES = ("clips", "events", "scenes")


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/esc10 and data/tut")
    parser.add_argument("--only", choices=TABLES, action="append", help="one table; repeat it for more")
    parser.add_argument("--n", type=int, help="clips for each class, and mixtures, for a quick look")
    parser.add_argument("--seed", type=int, default=0, help="of the mixtures")
    options = parser.parse_args()
    encoder, data = load_encoder(), options.shared / "data"
    started = time.perf_counter()
    for table in options.only or TABLES:
        if table == "clips":
            _print_clips(data, encoder, options.n)
        elif table == "events":
            _print_events(data, encoder, options.n or N_MIXTURES, options.seed)
        else:
            _print_scenes(data, encoder)
    print(f"\n({time.perf_counter() - started:.0f} s)")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table; columns after the first are aligned right."""
    print(f"| {' | '.join(header)} |\n|---{'|--:' * (len(header) - 1)}|")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def _print_clips(data: Path, encoder: LoadedEncoder, n_per_class: int | None) -> None:
    rows = ablate_clips(data / "esc10", encoder, n_per_class)
    print("\n## ESC-10 zero-shot: top-1 over ten folder names\n")
    print_table(("rule", "top-1"), [(name, f"{accuracy:.3f}") for name, accuracy in rows])


def _print_events(data: Path, encoder: LoadedEncoder, n: int, seed: int) -> None:
    recordings = read_tut(data / "tut")
    mixtures = make_mixtures(read_esc10(data / "esc10", MIXTURE_CLASSES), clear_events(recordings), n, seed)
    results = ablate_events(make_variations(), mixtures, recordings, encoder)
    print(f"\n## Events: {n} mixtures of ESC-10 events in TUT backgrounds, eight words asked for\n")
    ratios = "/".join(f"{ratio:g}" for ratio in EBR_DB)
    false = ("other word during event", "elsewhere")
    header = ("variation", "hits (1 s)", "hits (0.5 s)", f"hits at {ratios} dB", *false, "F1", "median onset error")
    print_table(header, [_describe_mixtures(each.variation, each.mixtures) for each in results])
    print(f"\nFalse alarms of the default by word: {_count_words(results[0].mixtures)}.")
    print("\n## Events: the six TUT recordings, three words asked for\n")
    header_tut = ("variation", "hits (1 s)", "onset errors in s", *false, "false words")
    print_table(header_tut, [_describe_tut(each.variation, each.recordings) for each in results])


def _describe_mixtures(variation: Variation, tally: Tally) -> tuple[str, ...]:
    error = f"{median(map(abs, tally.errors_s)):.2f} s" if tally.errors_s else "-"
    by_ratio = "/".join(str(tally.ebr_db.count(ratio)) for ratio in EBR_DB)
    hits = f"{len(tally.errors_s)}/{tally.n_events}"
    false = (str(tally.n_other), str(tally.n_elsewhere))
    return (_name(variation), hits, str(tally.n_tight), by_ratio, *false, f"{tally.f1:.3f}", error)


def _describe_tut(variation: Variation, tally: Tally) -> tuple[str, ...]:
    errors = ", ".join(f"{error:+.2f}" for error in tally.errors_s) or "-"
    hits = f"{len(tally.errors_s)}/{tally.n_events}"
    return (_name(variation), hits, errors, str(tally.n_other), str(tally.n_elsewhere), _count_words(tally))


def _name(variation: Variation) -> str:
    return f"{variation.name} (OFFSET {variation.offset:.2f})" if variation.is_tuned else variation.name


def _count_words(tally: Tally) -> str:
    return ", ".join(f"{word} {n}" for word, n in sorted(Counter(tally.false_words).items())) or "-"


def _print_scenes(data: Path, encoder: LoadedEncoder) -> None:
    recordings = read_tut(data / "tut")
    rows = ablate_scenes(recordings, encoder)
    print("\n## Scenes: rank of the true scene among TUT's 15, in six recordings\n")
    header = ("rule", *(f"{case.scene} ({case.name})" for case in recordings), "mean rank", "top 1", "top 3")
    table = [
        (
            name,
            *map(str, ranks),
            f"{sum(ranks) / len(ranks):.1f}",
            str(sum(rank == 1 for rank in ranks)),
            str(sum(rank <= 3 for rank in ranks)),
        )
        for name, ranks in rows
    ]
    print_table(header, table)


if __name__ == "__main__":
    main()
