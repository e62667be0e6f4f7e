"""The score of each word in each token, for metrics that look at every threshold, such as PSDS.

In: an `Analysis` and words. Out: `TokenScores`; tables of onset, offset and a column a word, as sed_scores_eval reads
them, and the same as .npz. A curve has six digits: what it is ranked by lies close to 0 and 1.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from earwitness.errors import SettingsError
from earwitness.recognition import Analysis, choose_method, track_words, understand
from earwitness.results.formats.base import ESCAPE, TSV, Format, RecordingResult, TokenScores, join_cells, show_time
from earwitness.settings import Settings

N_DIGITS = 6


def score_words(analysis: Analysis, words: Sequence[str]) -> TokenScores:
    """Return the scores of words in each token of a recording.

    Raises:
        SettingsError: there is no word, or the method has no scores of tokens.
        WordError: a word cannot be understood.
    """
    check_scores(words, analysis.settings)
    track = track_words(analysis.rows, understand(tuple(words)), analysis.tag_stats)
    start_s = analysis.rows.start_s
    edges_s = np.append(start_s, start_s[-1] + analysis.rows.span_s)
    return TokenScores(tuple(words), edges_s, track.largest)


def check_scores(words: Sequence[str], settings: Settings) -> None:
    """Check before any work that there are scores to write.

    Raises:
        SettingsError: there is no word, or the method has no scores of tokens.
    """
    if not words:
        raise SettingsError("format scores: no word to score in each token; give --events")
    if not choose_method(settings).has_word_scores:
        raise SettingsError(
            f"format scores: the method {settings.method!r} has no scores of tokens; leave --method out"
        )


def _list_tokens(result: RecordingResult) -> str:
    scores = _take(result)
    lines = [join_cells("onset", "offset", *scores.words)]
    edges = [show_time(each) for each in scores.edges_s]
    for onset, offset, row in zip(edges[:-1], edges[1:], scores.scores, strict=True):
        lines.append("\t".join((onset, offset, *(f"{each:.{N_DIGITS}f}" for each in row))) + "\n")
    return "".join(lines)


def _encode_arrays(results: Sequence[RecordingResult]) -> bytes:
    (result,) = results
    scores, file = _take(result), io.BytesIO()
    edges_s = np.round(scores.edges_s, 3)
    np.savez_compressed(
        file,
        allow_pickle=False,
        recording=np.array(result.recognition.source.encode("utf-8", ESCAPE).decode()),
        words=np.array(scores.words),
        onset_s=edges_s[:-1],
        offset_s=edges_s[1:],
        scores=scores.scores.astype(np.float32),
    )
    return file.getvalue()


def _take(result: RecordingResult) -> TokenScores:
    if result.scores is None:
        raise SettingsError("format scores: there are no scores of tokens; give event words, and leave --method out")
    return result.scores


SCORES = Format(
    name="scores",
    title="scores of each token, as sed_scores_eval's .tsv and as .npz",
    suffix=".tsv",
    media_type=TSV,
    rows=_list_tokens,
    also=("scores_npz",),
    needs_scores=True,
)
SCORES_NPZ = Format(
    name="scores_npz",
    title="scores of each token as .npz",
    suffix=".npz",
    media_type="application/x-npz",
    whole=_encode_arrays,
    needs_scores=True,
)
