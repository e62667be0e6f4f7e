"""How long the page takes from Enter after a word to its lane on the screen, in a real Chromium with a real server.

In: lengths in seconds; the demo recording is repeated to each. Out: for each the median and the largest of several
words, what of it the server took, and the weight of the page.

    PYTHONPATH=scripts python bench/page_latency.py 60 3540
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright

from demo_recording import DURATION_S, SAMPLE_RATE_HZ, make_recording
from make_screenshots import serve

ASKED = "#event=telephone+ringing&event=dog+bark&event=thunder&event=siren&scene=storm&scene=street&scene=office"
WORDS = ["rain", "wind", "cat", "owl", "bus", "train", "frog", "whistling", "glass breaking"]
LONGEST_MS = 600_000
MEASURE = """(word) => new Promise((tell) => { let begun = null;
    addEventListener('keydown', (event) => { if (event.key === 'Enter') begun = event.timeStamp; }, {capture: true});
    const lane = () => [...document.querySelectorAll('.ew-lane')].find((each) => each.dataset.word === word);
    const watch = new MutationObserver(() => { if (lane()) { watch.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => tell(performance.now() - begun))); } });
    watch.observe(document.getElementById('app-shown'), {childList: true, subtree: true});
    const press = new KeyboardEvent('keydown', {key: 'Enter', bubbles: true});
    setTimeout(() => document.activeElement.dispatchEvent(press)); })"""
WEIGHT = """Object.values(Object.fromEntries(performance.getEntriesByType('resource')
    .filter((each) => each.name.includes('/assets/')).map((each) => [each.name, each.encodedBodySize])))"""


def main() -> None:
    """Measure each length and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lengths", nargs="+", type=float, metavar="SECONDS")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, serve() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for length_s in parser.parse_args().lengths:
            path = Path(folder) / f"{length_s:g}.flac"
            samples = np.tile(make_recording()[0], round(np.ceil(length_s / DURATION_S)))
            soundfile.write(path, samples[: round(length_s * SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ)
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(url + ASKED)
            print(f"{length_s:g} s: {report(measure(page, path))}", flush=True)
            weights = page.evaluate(WEIGHT)
            print(f"page: {sum(weights) / 1000:.0f} kB in {len(weights)} files")
            page.context.close()
        browser.close()


def measure(page: Page, path: Path) -> list[tuple[float, str]]:
    """Return for each word the milliseconds to its lane, and what the page tells of the server's time."""
    page.set_input_files("#app-file", str(path))
    page.locator("[data-state=done]").wait_for(timeout=LONGEST_MS)
    page.wait_for_timeout(3000)  # the last view and answer
    field: Any = page.get_by_label("Sounds", exact=True)
    took = []
    for word in WORDS:
        field.fill(word)
        took.append((float(page.evaluate(MEASURE, word)), page.locator(".app-elapsed").inner_text()))
        page.wait_for_timeout(200)
    return took


def report(took: list[tuple[float, str]]) -> str:
    """Return the median and the largest time, and the server's part of the last."""
    times_ms = [each for each, _ in took]
    return f"median {statistics.median(times_ms):.0f} ms, at most {max(times_ms):.0f} ms; last {took[-1][1]}"


if __name__ == "__main__":
    main()
