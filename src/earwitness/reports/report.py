"""Reports: a page for each recording, and an index page over all of them.

In: recordings, words, `Settings`, an encoder. Out: HTML files. A recording is analysed once; what grows with its length
(tag logits, audio) lies in a temporary folder, so that memory does not grow.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from earwitness.audio import Source, SpectrogramMaker, Waveform
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import WeightsError
from earwitness.files import write_text
from earwitness.recognition import (
    AttentionMap,
    Event,
    Recognition,
    analyse,
    ask,
    choose_method,
    explain_peaks,
    name_source,
)
from earwitness.reports.index_page import IndexEntry, make_index
from earwitness.reports.recording_page import make_report
from earwitness.reports.sound import AudioChoice, FlacWriter, choose_sound, name_page
from earwitness.reports.view import encode_bytes, make_answer, make_view
from earwitness.settings import Settings

N_MAPS = 200  # attention maps in a page, of the highest scores: 1 kB each
SHARE_OF_ANALYSIS = 0.9  # of the work; the rest is attention and writing
Explain = Callable[[Source, Sequence[float], Settings, LoadedEncoder], list[AttentionMap]]


def write_report(
    source: Source,
    events: Sequence[str],
    scenes: Sequence[str],
    out_path: str | Path,
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    *,
    name: str | None = None,
    audio: AudioChoice = "embed",
    on_progress: Callable[[float], None] | None = None,
    explain: Explain | None = explain_peaks,
) -> Recognition:
    """Analyse a recording, write its report as one HTML file, and return the recognition.

    Args:
        source: a path, a seekable file object, a pair (samples, rate in Hz), or a `Waveform`.
        events, scenes: words, see `recognize`.
        out_path: the page to write.
        settings, encoder: see `recognize`.
        name: the recording's name on the page; its path if not given.
        audio: "embed" the analysed audio if it is small enough, else link; "link" always; or "none".
        on_progress: called from time to time with the share of the work that is done, 0 to 1.
        explain: returns attention maps; None leaves them out.

    Raises:
        AudioError, WordError, PlaceError, WeightsError: see `recognize`.
        OutputError: the page cannot be written.
    """
    settings, out_path = settings or Settings(), Path(out_path)
    encoder = choose_encoder(settings, encoder)
    maker = SpectrogramMaker()
    with tempfile.TemporaryDirectory(prefix="earwitness-report-") as folder:
        with contextlib.closing(FlacWriter(Path(folder) / "audio.flac")) as flac:

            def take(block: Waveform) -> None:
                maker.add(block)
                if audio == "embed":
                    flac.add(block)

            def report(share: float) -> None:
                if on_progress:
                    on_progress(SHARE_OF_ANALYSIS * share)

            analysis = analyse(source, settings, encoder, report, take, logits_path=Path(folder) / "logits.f32")
            sound = choose_sound(source, out_path, audio, flac.read())
        analysis = replace(analysis, source=name or name_source(source))
        recognition = ask(analysis, events, scenes)
        attention = explain_events(source, recognition.events, settings, encoder, explain)
        view = make_view(analysis, maker.finish())
        page = make_report(view, make_answer(analysis, recognition), sound, attention)
        del analysis  # before its file goes
    write_text(out_path, page)
    return recognition


def explain_events(
    source: Source,
    events: Sequence[Event],
    settings: Settings,
    encoder: LoadedEncoder,
    explain: Explain | None = explain_peaks,
) -> dict[str, Any] | None:
    """Return attention maps at the peaks of the events with the highest scores, and a note on the others."""
    if not events or explain is None:
        return None
    if choose_method(settings).cut_rows(settings).per == "window":
        return {"maps": [], "note": "The published method scores whole windows, so it has no attention maps."}
    best = sorted(events, key=lambda event: -event.score)[:N_MAPS]
    peaks_s = sorted({event.peak_s for event in best})
    try:
        maps = explain(source, peaks_s, settings, encoder)
    except WeightsError as error:
        return {"maps": [], "note": f"No attention map: {error}"}
    shown = [show_map(peak_s, each) for peak_s, each in zip(peaks_s, maps, strict=True)]
    note = f"Attention maps are stored for the {N_MAPS} highest scores only." if len(events) > N_MAPS else ""
    return {"maps": shown, "note": note}


def show_map(peak_s: float, attention: AttentionMap) -> dict[str, Any]:
    """Return an attention map as plain values: a byte for each band and token, 255 for the largest, in base64."""
    weights = attention.weights / max(float(attention.weights.max()), 1e-12)  # (bands, T)
    return {
        "peak_s": peak_s,
        "start_s": attention.start_s,
        "token_s": attention.token_s,
        "n_bands": weights.shape[0],
        "n_tokens": weights.shape[1],
        "edges_hz": [round(float(edge), 1) for edge in attention.edges_hz],
        "weights": encode_bytes(np.rint(255 * weights).astype(np.uint8).tobytes()),
    }


@dataclass
class ReportFolder:
    """A folder of reports: a page for each recording, `index.html` over all; use it in a `with` block.

    `names` are the recordings', each once, in order. Several threads may write pages. The index is written when the
    block ends, also after an error.
    """

    folder: Path
    names: Sequence[str]
    events: Sequence[str]
    scenes: Sequence[str]
    settings: Settings
    encoder: LoadedEncoder
    audio: AudioChoice = "embed"

    def __post_init__(self) -> None:
        self.entries: list[IndexEntry] = []
        taken: set[str] = set()
        self._pages = {name: f"reports/{name_page(name, taken)}" for name in self.names}
        self._write_index()  # a folder that cannot be written fails at once

    def __enter__(self) -> ReportFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._write_index()

    def write(
        self, source: Path, name: str, on_progress: Callable[[float], None] | None = None, *, is_stored: bool = True
    ) -> Recognition:
        """Write a recording's page and return its recognition; without `is_stored` the file is not linked."""
        with contextlib.nullcontext(source) if is_stored else source.open("rb") as opened:
            return write_report(
                opened,
                self.events,
                self.scenes,
                self.folder / self._pages[name],
                self.settings,
                self.encoder,
                name=name,
                audio=self.audio,
                on_progress=on_progress,
            )

    def add(self, recognition: Recognition) -> None:
        """Add a recording that has a page to the index."""
        self.entries.append(IndexEntry(recognition.source, self._pages[recognition.source], recognition))

    def add_error(self, name: str, reason: str) -> None:
        """Add a recording that could not be read to the index."""
        self.entries.append(IndexEntry(name, error=reason))

    def _write_index(self) -> None:
        write_text(self.folder / "index.html", make_index(self.entries, self.events))
