"""The command `earwitness serve`: the server and its page, on this machine.

In: where to listen, settings, limits. Out: the URL, on standard output; then served requests until Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earwitness.cli.options import encoder_options, list_option
from earwitness.errors import ServerError
from earwitness.settings import Settings

if TYPE_CHECKING:
    from earwitness.server import Limits

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
Token = Annotated[
    str | None,
    typer.Option(envvar="EARWITNESS_TOKEN", help="What requests must bear; needed where other machines can connect."),
]
LimitsFile = Annotated[
    Path | None, typer.Option("--limits", help="TOML file of limits; an option on the command line wins over it.")
]


@encoder_options
def serve(
    settings: Settings,
    names: Annotated[
        list[str],
        list_option("--name", help="A further host name of this server, as a proxy's; repeat it."),
    ],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Port = 8765,
    token: Token = None,
    limits: LimitsFile = None,
    max_upload_mb: Annotated[float | None, typer.Option(help="Largest upload, in MB.")] = None,
    max_duration_s: Annotated[
        float | None, typer.Option("--max-duration", help="Longest recording, in seconds.")
    ] = None,
    max_recordings: Annotated[int | None, typer.Option(help="Recordings stored at the same time.")] = None,
    keep_s: Annotated[float | None, typer.Option("--keep", help="Seconds for which a recording is stored.")] = None,
    n_workers: Annotated[int | None, typer.Option("--workers", help="Processes that analyse recordings.")] = None,
    storage: Annotated[
        Path | None, typer.Option("--spool", help="Folder to store recordings in; else the temporary one.")
    ] = None,
    preload: Annotated[
        bool,
        typer.Option("--preload/--no-preload", help="Load the text model, if it is here, at the start."),
    ] = True,
    is_opened: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the page and the API: upload or record, query with any words, see the answer at once.

    Only this machine can connect, unless --host says otherwise; then a token is needed.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its threads spin, and answers are small
    if os.name == "nt":
        raise ServerError("the server needs Linux or macOS, for the limits of its workers; on Windows use WSL")
    from earwitness.server import Access, Options
    from earwitness.server import serve as serve_until_stopped

    taken = choose_limits(
        limits,
        max_upload_mb=max_upload_mb,
        max_duration_s=max_duration_s,
        max_recordings=max_recordings,
        keep_s=keep_s,
        n_workers=n_workers,
    )
    access = Access(host, token or None, tuple(names))
    options = Options(settings, storage, preload)

    def show_url(url: str) -> None:
        print(f"earwitness serves at {url}", flush=True)
        print("Ctrl-C stops it; recordings are deleted then", file=sys.stderr)
        if is_opened:
            import webbrowser

            webbrowser.open(url)

    serve_until_stopped(options, taken, access, port, show_url)


def choose_limits(path: Path | None, **options: Any) -> Limits:
    """Return the limits of a file, or the defaults, with the options that were given in their place.

    Raises:
        SettingsError: the file cannot be read, or a limit is out of range.
    """
    from dataclasses import replace

    from earwitness.server import Limits, read_limits

    chosen = read_limits(path) if path else Limits()
    return replace(chosen, **{name: value for name, value in options.items() if value is not None})
