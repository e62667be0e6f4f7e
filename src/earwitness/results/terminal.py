"""Recognitions on the terminal: a table each, one table over all, or a summary. Pictures are in `earwitness.plots`.

In: `Recognition`s. Out: text on standard output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from earwitness.recognition import Event, Recognition, name_winner

N_SCENES_SHOWN = 5
N_WORDS_SHOWN = 8  # in a summary
Order = Literal["time", "score"]


class Printer:
    """Prints recognitions as they come, and a summary of all of them.

    Args:
        order: of events; by "score" they stand in one table over all recordings, best first.
        top: at most so many rows a table; 0 for all.
        is_shown: whether tables are printed; the table over all recordings always is.
    """

    def __init__(self, order: Order = "time", top: int = 0, *, is_shown: bool = True) -> None:
        self.order, self.top, self.is_shown = order, top, is_shown
        self.n_recordings = 0
        self._counts: dict[str, Counter[str]] = {"event": Counter(), "scene": Counter(), "tag": Counter()}
        self._best: dict[str, float] = {}
        self._words: dict[str, None] = {}
        self._events: list[tuple[str, Event]] = []

    def add(self, recognition: Recognition) -> None:
        """Count what was recognized in a recording, and print its table."""
        self.n_recordings += 1
        self._words |= dict.fromkeys(recognition.event_words)
        for event in recognition.events:
            self._counts["event"][event.word] += 1
            self._best[event.word] = max(event.score, self._best.get(event.word, 0.0))
        if recognition.scenes:
            winners = [each.scene for each in recognition.scenes if each.is_winner]
            self._counts["scene"].update(winners or [name_winner(recognition.scenes)])
        if not recognition.event_words and not recognition.scenes:
            self._counts["tag"].update(each.tag for each in recognition.tags[:1])
        if self.order == "score":
            self._events += [(recognition.source, event) for event in recognition.events]
            self._events.sort(key=lambda each: -each[1].score)
            del self._events[self.top or len(self._events) :]
        elif self.is_shown:
            print_recognition(recognition, self.top)

    def print_table(self) -> None:
        """Print the table over all recordings, if that is the order."""
        if self.order == "score":
            rows = [(f"{e.score:.2f}", e.tier, e.word, format_clock(e.onset_s), format_clock(e.offset_s), source)
                    for source, e in self._events]  # fmt: skip
            _print_table(("score", "tier", "event", "onset", "offset", "file"), rows)

    def summarise(self) -> str:
        """Return the summary, such as "160 recordings: dog bark 45 (best 0.99), siren 0; park 80, tram 20"."""
        parts = []
        if self._words:
            counts = {word: self._counts["event"][word] for word in self._words}
            ordered = sorted(counts, key=lambda word: -counts[word])
            best = {word: f" (best {score:.2f})" for word, score in self._best.items()}
            parts.append(_join([f"{word} {counts[word]}{best.get(word, '')}" for word in ordered], "words"))
        for kind in ("scene", "tag"):
            if self._counts[kind]:
                parts.append(_join([f"{name} {n}" for name, n in self._counts[kind].most_common()], f"{kind}s"))
        plural = "" if self.n_recordings == 1 else "s"
        return f"{self.n_recordings} recording{plural}: {'; '.join(parts) or 'no result'}"


def print_recognition(recognition: Recognition, top: int = 0) -> None:
    """Print events, scenes and, without any word, tags as a table of at most `top` rows each; 0 for all."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    length = format_clock(recognition.duration_s)
    console.print(f"{recognition.source}  ({length})", style="bold", soft_wrap=True)
    if recognition.events:
        events = [
            (
                *(format_clock(event.onset_s), format_clock(event.offset_s), event.word, f"{event.score:.2f}"),
                event.tier,
                ", ".join(f"{each.tag} ({each.similarity:.2f})" for each in event.tags[:2]),
            )
            for event in recognition.events
        ]
        _print_table(("onset", "offset", "event", "score", "tier", "because of"), events, top)
    elif recognition.event_words:
        console.print(f"none of these was detected: {', '.join(recognition.event_words)}")
    if recognition.scenes:
        scenes = [
            (str(rank), scene.scene, f"{scene.score:.2f}", ", ".join(scene.tags), ", ".join(scene.tags_against))
            for rank, scene in enumerate(recognition.scenes[:N_SCENES_SHOWN], start=1)
        ]
        _print_table(("rank", "scene", "score", "for", "against"), scenes, top)
        if not any(each.is_winner for each in recognition.scenes):
            console.print("unsure: the first two scenes are close")
    if not recognition.event_words and not recognition.scenes:
        tags = [
            (each.tag, f"{each.mean_score:.3f}", f"{each.peak_score:.3f}", format_clock(each.peak_s))
            for each in recognition.tags
        ]
        _print_table(("tag", "mean score", "largest", "at"), tags, top)


def format_clock(seconds: float) -> str:
    """Return seconds as h:mm:ss with a tenth, such as 1:02:03.4."""
    tenths = round(10 * seconds)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def _print_table(columns: Sequence[str], rows: Iterable[tuple[str, ...]], top: int = 0) -> None:
    from rich.console import Console
    from rich.table import Table

    table, every = Table(*columns), list(rows)
    for row in every[: top or None]:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    console.print(table)
    if top and len(every) > top:
        console.print(f"{len(every) - top} more")


def _join(parts: list[str], what: str) -> str:
    more = f", {len(parts) - N_WORDS_SHOWN} more {what}" if len(parts) > N_WORDS_SHOWN else ""
    return ", ".join(parts[:N_WORDS_SHOWN]) + more
