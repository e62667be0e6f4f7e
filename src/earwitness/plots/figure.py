"""Shared by all figures: creation without a display, colours, fonts, title, caption with the settings, saving.

In: title, caption and a path. Out: a matplotlib `Figure`; a PNG, SVG or PDF by the path's suffix, with the same bytes
for the same figure (extra `[plot]`).

Source: the palette of Okabe and Ito (2008), "Color Universal Design", made for any colour vision; images use
matplotlib's magma and cividis, whose lightness rises evenly.
"""

from __future__ import annotations

import contextlib
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earwitness.errors import MissingExtraError, OutputError
from earwitness.files import write_errors_reported, written_whole
from earwitness.recognition import choose_method
from earwitness.settings import Settings
from earwitness.version import __version__

# Without black and yellow, which vanish beside text and on a white background.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
ACTUAL, ESTIMATED, REST = "#0072B2", "#E69F00", "0.72"  # truth and answer side by side; labels without a name
SUFFIXES = (".png", ".svg", ".pdf")
LETTERS_PER_INCH = 15  # of a caption
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same everywhere
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "svg.fonttype": "none",  # text stays text: searchable, readable aloud, a third of the size
    "svg.hashsalt": "earwitness",
}
METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": f"earwitness {__version__}"},
    ".svg": {"Creator": f"earwitness {__version__}", "Date": None},
    ".pdf": {"Creator": f"earwitness {__version__}", "Producer": None, "CreationDate": None},
}


def import_figure() -> Any:
    """Return matplotlib's `Figure`, which draws with Agg by itself and needs no display.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'earwitness[plot]'") from error
    return Figure


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw with these fonts and lines, whatever the user's settings of matplotlib.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    import_figure()
    from matplotlib import rc_context, rcParamsDefault

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter that the font lacks is drawn as a box
        own: Any = {name: value for name, value in rcParamsDefault.items() if not name.startswith("backend")}
        with rc_context(own | STYLE):
            yield


def make_figure(width: float, height: float, title: str, caption: str) -> Any:
    """Return an empty figure, in inches, with a title above and a caption below; use it inside `styled`."""
    figure = import_figure()(figsize=(width, height), dpi=110, layout="constrained")
    lines = [line for part in title.split("\n") for line in textwrap.wrap(part, int(0.72 * LETTERS_PER_INCH * width))]
    figure.suptitle("\n".join(lines), x=0.012, ha="left", fontsize=11.0, weight="bold", parse_math=False)
    shown = "\n".join(textwrap.wrap(caption, int(LETTERS_PER_INCH * width)))
    figure.supxlabel(shown, x=0.012, ha="left", fontsize=7.5, color="0.35", parse_math=False)
    return figure


def save_picture(figure: Any, path: str | Path, dpi: int | None = None) -> Path:
    """Write a figure as PNG, SVG or PDF, by the path's suffix, and return the path; folders are made.

    Raises:
        OutputError: the suffix is none of these, or the file cannot be written.
    """
    path = check_picture_path(path)
    kind = path.suffix.lower()
    with write_errors_reported(path), written_whole(path) as scratch, styled():
        figure.savefig(scratch, format=kind[1:], metadata=METADATA[kind], dpi=dpi or "figure")
    return path


def check_picture_path(path: str | Path) -> Path:
    """Return a path that a picture can be written to.

    Raises:
        OutputError: its suffix is not .png, .svg or .pdf.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{path}: pictures are written as {', '.join(SUFFIXES)}; choose one of these suffixes")
    return path


def describe_settings(settings: Settings, encoder: str) -> str:
    """Return what a caption says of how a recording was analysed."""
    method = choose_method(settings)
    cut = method.cut_rows(settings)
    parts = [f"Method {settings.method}", f"windows of {cut.window_s:g} s every {cut.hop_s:g} s"]
    if method.has_word_scores:
        parts.append(f"threshold {settings.event_threshold:g}, hold {settings.event_hold:g}")
    if settings.noise_factor:
        parts.append(f"noise {settings.noise_factor:g}")
    return f"{', '.join(parts)}; encoder {encoder}; earwitness {__version__}."


def shorten(name: str, length: int = 30) -> str:
    """Return a name short enough for an axis."""
    return textwrap.shorten(name, length, placeholder=" ...") if " " in name else name[:length]
