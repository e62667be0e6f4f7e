"""The worker process, which decodes and analyses uploads: its memory, files and time are limited.

In: one JSON object a line on standard input: the settings, then one recording after another. Out: one JSON object a
line on standard output: ready, progress, outcome. It ends when its input does.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile

from earwitness.audio import SpectrogramMaker, Waveform
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import AudioError, EarwitnessError, OutputError
from earwitness.recognition import analyse, find_notes
from earwitness.server.check_upload import check_container, check_length
from earwitness.server.limits import Limits
from earwitness.server.problems import Refused
from earwitness.server.recording_files import (
    AUDIO,
    LOGITS,
    UPLOAD,
    WINDOW_LOGITS,
    FirstPass,
    estimate_bytes,
    write_first_pass,
    write_rows,
)
from earwitness.settings import Settings

NICENESS = 5  # requests to the server come first
logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], None]


def main() -> None:
    """Analyse recordings until the server closes the pipe."""
    replies = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # output of libraries goes to standard error
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server handles it and ends its workers
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_orders, args=(sys.stdin, orders), daemon=True).start()

    def send(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")

    how = orders.get()
    settings, limits = Settings.from_mapping(how["settings"]), Limits(**how["limits"])
    os.nice(NICENESS)
    try:
        encoder = choose_encoder(settings)
    except EarwitnessError as error:
        send({"event": "unable", "reason": str(error)})
        return
    limit_process(limits, encoder)
    spec = encoder.spec
    ready = {"encoder": spec.name, "rate_hz": spec.sample_rate_hz, "token_s": spec.token_s, "n_tags": spec.n_tags}
    send({"event": "ready", **ready})
    while True:
        order = orders.get()
        if not process_recording(Path(order["folder"]), order["name"], settings, limits, encoder, send):
            return


def process_recording(
    folder: Path, name: str, settings: Settings, limits: Limits, encoder: LoadedEncoder, send: Send
) -> bool:
    """Analyse one upload and send its outcome; return whether this process can take another."""
    upload = folder / UPLOAD
    send({"event": "taken"})  # from here on, if this process ends, the upload may be why
    try:
        _process_recording(folder, name, settings, limits, encoder, send)
    except Refused as error:
        send({"event": "failed", "kind": error.problem.kind, "detail": f"{name}: {error}"})
    except OutputError:
        send({"event": "failed", "kind": "full", "detail": f"{name}: the disk of the server is full"})
    except EarwitnessError as error:
        kind = "unreadable" if isinstance(error, AudioError) else "failed"
        send({"event": "failed", "kind": kind, "detail": str(error).replace(str(upload), name)})
    except OSError as error:
        send({"event": "failed", "kind": "full", "detail": f"{name}: the server cannot store it ({error.strerror})"})
    except MemoryError:
        detail = f"{name}: its analysis takes more than the {limits.worker_memory_mb:g} MB that this server allows"
        send({"event": "failed", "kind": "too-much-work", "detail": detail})
        return False
    except Exception as error:  # whatever a decoder raises: one recording's fault is not this process's
        logger.exception("%s: the analysis failed", name)
        detail = f"{name}: cannot be analysed ({type(error).__name__}); convert it to wav or flac"
        send({"event": "failed", "kind": "unreadable", "detail": detail})
    finally:
        upload.unlink(missing_ok=True)
    return True


def _process_recording(
    folder: Path, name: str, settings: Settings, limits: Limits, encoder: LoadedEncoder, send: Send
) -> None:
    upload, maker = folder / UPLOAD, SpectrogramMaker()
    send({"event": "begun", "duration_s": check_container(upload, limits)})
    with soundfile.SoundFile(folder / AUDIO, "w", encoder.spec.sample_rate_hz, 1, "PCM_16", format="FLAC") as audio:

        def take(block: Waveform) -> None:
            check_length(block.start_s + block.duration_s, limits)
            maker.add(block)
            audio.write(np.clip(block.samples, -1.0, 1.0))

        def note(duration_s: float) -> None:
            audio.close()
            write_first_pass(folder, FirstPass(name, maker.finish(), find_notes(upload)), settings, encoder)
            send({"event": "known", "duration_s": duration_s})

        def progress(share: float) -> None:
            send({"event": "progress", "share": round(share, 4)})

        analysis = analyse(
            *(upload, settings, encoder, progress, take),
            logits_path=folder / LOGITS,
            on_read=note,
            windows_path=folder / WINDOW_LOGITS,
        )
    write_rows(folder, analysis)
    send({"event": "done", "duration_s": analysis.duration_s})


def limit_process(limits: Limits, encoder: LoadedEncoder) -> None:
    """Limit this process to `worker_memory_mb` more memory than now, and limit the size of its files."""
    spec = encoder.spec
    largest = estimate_bytes(limits.max_duration_s, spec.sample_rate_hz, spec.token_s, spec.n_tags)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write fails instead
    # Private memory, not address space: torch and ONNX Runtime reserve much of that and never use it.
    has = _measure_data()
    if has:
        most = has + round(limits.worker_memory_mb * 1e6)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _measure_data() -> int:
    """Return the bytes of private writable memory of this process, 0 on systems other than Linux."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)


def _read_orders(source: IO[str], orders: queue.Queue[dict[str, Any]]) -> None:
    for line in source:
        orders.put(json.loads(line))
    os._exit(0)  # the server has ended or closed the pipe


if __name__ == "__main__":
    main()
