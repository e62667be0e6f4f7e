"""Golden outputs of live (a pipe, a file) and of the server (upload, view, questions, downloads)."""

from __future__ import annotations

import io
import re
import signal
import time
from pathlib import Path
from typing import Any

import httpx
from cases_recordings import LABELS, PLACES_TOML, get_sounds
from golden_case import ON_ONNX, Workspace, case
from golden_reading import parse_table, read_json_lines, read_page, read_parquet, read_sound
from golden_sounds import cut_demo

PATIENCE_S = 60.0
CLOCK = {"time", "start", "end", "onset", "offset"}  # what lines say by the clock of the day
ASKED = ("--events", "dog bark,thunder,siren", "--scenes", "park,street")
QUESTION = {"events": ["dog bark", "thunder"], "scenes": ["park", "office"]}
SETTINGS = {"event_threshold": 0.2, "event_hold": 0.1, "thresholds": {"thunder": 0.99}, "n_tags": 3}
HEADED = ("csv", "scenes_csv", "tags_csv")
UNHEADED = {"audacity": LABELS}


@case("live")
def live(work: Workspace) -> Any:
    """Lines of a wav file on a pipe, of raw PCM on standard input, and of a file; and a store to ask."""
    sound = get_sounds(work) / "street.wav"
    with work.start("live", "-", *ASKED, *ON_ONNX) as process:
        piped, _ = process.communicate(sound.read_bytes(), timeout=PATIENCE_S)
    raw = cut_demo("raw.wav", 20, 30).read_bytes()[44:]
    given = ("--events", "siren,whistling", "--scenes", "park,street", "--scenes-every", "0.1", "--hop", "0.5")
    with work.start("live", "-", *given, *ON_ONNX) as process:
        from_raw, _ = process.communicate(raw, timeout=PATIENCE_S)
    Path("places.toml").write_text(PLACES_TOML)
    given = ("--scenes", "my porch,call centre", "--places", "places.toml", "--threshold", "0.1")
    from_file = work.run("live", sound, "--events", "dog bark", *given, "--store", "live_store", *ON_ONNX)
    sql = "select path, count(*) as n from rows join files using (file_id) group by path order by path"
    kept = parse_table(work.run("store", "sql", "live_store", sql))
    kept = {"columns": ["n"], "rows": [row[1:] for row in kept["rows"]]}  # the name is the time of day
    lines = {"pipe": piped.decode(), "raw": from_raw.decode(), "file": from_file}
    return {**{name: _drop_clock(read_json_lines(text)) for name, text in lines.items()}, "store": kept}


@case("serve")
def serve(work: Workspace) -> Any:
    """What the server says of a recording: view, answers, attention, words, sound, a download in each format."""
    sound = get_sounds(work) / "street.wav"
    with work.start("serve", "--port", "0", "--no-preload", "--workers", "1", *ON_ONNX) as process:
        try:
            assert process.stdout
            found = re.search(r"http://\S+", process.stdout.readline().decode())
            assert found, "the server does not say where it is"
            with httpx.Client(base_url=found[0].rstrip("/"), timeout=PATIENCE_S) as client:
                return _ask_server(client, sound)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)


def _ask_server(client: httpx.Client, sound: Path) -> dict[str, Any]:
    uploaded = client.post("/v1/recordings", params={"name": "street.wav"}, content=sound.read_bytes())
    path = uploaded.headers["location"]
    ends = time.monotonic() + PATIENCE_S
    while (state := client.get(path).json())["state"] in ("waiting", "working"):
        assert time.monotonic() < ends, state
        time.sleep(0.05)
    found = {
        "state": state,
        "view": client.get(f"{path}/view").json(),
        "answer": client.post(f"{path}/ask", json=QUESTION).json(),
        "changed": client.post(f"{path}/ask", json={**QUESTION, "settings": SETTINGS}).json(),
        "attention": client.get(f"{path}/attention", params={"at_s": 6.5}).json(),
        "sound": read_sound(client.get(f"{path}/audio").content),
        "words": client.get("/v1/words", params={"word": ["dog bark", "siren"]}).json(),
        "suggestions": client.get("/v1/words/suggestions", params={"start": "gla"}).json(),
        "limits": client.get("/v1/limits").json(),
        "api": _list_api(client.get("/openapi.json").json()),
    }
    for form in ("json", "csv", "scenes_csv", "tags_csv", "jsonl", "dcase", "audacity", "raven", "parquet", "report"):
        response = client.post(f"{path}/ask", params={"format": form}, json=QUESTION)
        assert response.status_code == 200, f"{form}: {response.text}"
        found[f"download_{form}"] = _read_download(form, response)
    return {**found, "deleted": [client.delete(path).status_code, client.get(path).status_code]}


def _read_download(form: str, response: httpx.Response) -> Any:
    if form == "report":
        content: Any = read_page(response.text)
        content.pop("sound")
        content.pop("view")  # as in "view"
    elif form == "parquet":
        Path("download.parquet").write_bytes(response.content)
        content = read_parquet(Path("download.parquet"))
    elif form in HEADED:
        content = parse_table(response.content.decode())
    elif form in (*UNHEADED, "raven", "dcase"):
        content = parse_table(response.content.decode(), UNHEADED.get(form, ()), "\t")
    else:
        content = response.json() if form == "json" else read_json_lines(io.BytesIO(response.content).read().decode())
    heads = [response.headers["content-type"], response.headers.get("content-disposition", "")]
    return {"heads": heads, "content": content}


def _list_api(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the routes with the statuses of their answers, and the fields of each schema."""
    routes = {
        f"{method} {path}": sorted(said["responses"])
        for path, methods in openapi["paths"].items()
        for method, said in methods.items()
    }
    schemas = {name: sorted(said.get("properties", ())) for name, said in openapi["components"]["schemas"].items()}
    return {"routes": routes, "fields": sorted({" ".join(fields) for fields in schemas.values()})}


def _drop_clock(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines without what depends on how fast sound comes: time of day, order, and the first score."""
    kept = []
    for line in lines:
        dropped = {*CLOCK, "waiting_s", *(("score", "tags") if line.get("state") == "began" else ())}
        kept.append({key: value for key, value in line.items() if key not in dropped})
    names = ("kind", "state", "onset_s", "start_s", "at_s", "word")
    return sorted(kept, key=lambda line: [str(line.get(name, "")).rjust(9) for name in names])
