"""The command `earwitness classify`: a score of each word for each whole clip.

In: recordings, words. Out: the best word of each on standard output; clips.csv, errors.csv and run.json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from earwitness.cli.exit_status import end
from earwitness.cli.options import Out, encoder_options, takes_recordings, words_option
from earwitness.cli.recordings import GivenRecordings
from earwitness.errors import WordError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.recognition import ClipScore

ClipWords = Annotated[list[str], words_option("--words", "-w", help="A word to score")]


@takes_recordings
@encoder_options
def classify(recordings: GivenRecordings, settings: Settings, words: ClipWords, out: Out = None) -> None:
    """Score each word for each whole clip: zero-shot classification, or clip-level event classification.

    A score of 0.5 or more counts as detected. Writes clips.csv, errors.csv and run.json to --out.
    """
    from earwitness.audio import find_truncation
    from earwitness.encoders import choose_encoder
    from earwitness.recognition import check_words
    from earwitness.recognition import classify as classify_clip
    from earwitness.results import Destination, RunRecord, open_results

    if not words:
        raise WordError("no words: give --words, for example --words 'dog bark,rain,siren'")
    unusable = check_words(words, [], settings)
    loaded = choose_encoder(settings)
    tally, best = recordings.tally(), Counter[str]()

    def process(source: Path, _: Callable[[float], None]) -> tuple[list[ClipScore], str | None]:
        return classify_clip(source, words, settings, loaded), find_truncation(source)

    record = RunRecord.of(loaded, settings, words=words)
    with open_results(Destination(out), ["clips.csv"], record, tally) as results:
        for name, (scores, truncation) in tally.each(process):
            if results:
                results.add_clip(name, scores)
            else:
                print(f"{name}\t{scores[0].word}\t{scores[0].score:.3f}")
            best[scores[0].word] += 1
            if truncation:
                tally.note(name, truncation)
    counts = ", ".join(f"{word} {count}" for word, count in best.most_common())
    recordings.print_summary(f"{best.total()} recordings by their best word: {counts}", out)
    end(tally.failures, out / "errors.csv" if out else "", unusable)
