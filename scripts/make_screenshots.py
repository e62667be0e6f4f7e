"""Make the pictures of the page in docs/screenshots: the demo recording, at a desk, on a phone and in the dark.

In: nothing but Chromium, playwright and Pillow (`pip install '.[dev]'`). Out: PNG files below 200 kB each.

    python scripts/make_screenshots.py
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import soundfile
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from demo_recording import SAMPLE_RATE_HZ, make_recording

OUT_DIR = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
SCENES = ["storm", "front door", "street", "beach", "office"]
CHOSEN = "dog bark"
LARGEST_KB = 200
N_COLOURS = 224
N_EXACT = 96  # of them
LONGEST_MS = 60_000
SHOTS: dict[str, dict[str, Any]] = {
    "page": {"viewport": {"width": 1280, "height": 1130}},
    "page_phone": {"viewport": {"width": 390, "height": 1130}, "has_touch": True},
    "page_dark": {"viewport": {"width": 1280, "height": 1130}, "color_scheme": "dark"},
}


def main() -> None:
    """Make all pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    samples, events = make_recording()
    *first, last = [event.word for event in events]
    words = [("event", word) for word in first] + [("scene", scene) for scene in SCENES]
    OUT_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serve() as url, sync_playwright() as playwright:
        path = Path(folder) / "rainy street.wav"
        soundfile.write(path, samples, SAMPLE_RATE_HZ)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, options in SHOTS.items():
            page = browser.new_context(**options).new_page()
            page.goto(f"{url}#{urlencode(words)}")
            save(shoot(page, path, last), OUT_DIR / f"{name}.png")
        start = browser.new_context(viewport={"width": 1280, "height": 820}).new_page()
        start.goto(url)
        start.locator(".app-tip").first.wait_for(state="attached")
        save(start.screenshot(), OUT_DIR / "page_start.png")
        browser.close()


@contextmanager
def serve() -> Iterator[str]:
    """Run `earwitness serve` on a free port; give its URL."""
    command = [sys.executable, "-m", "earwitness", "serve", "--port", "0", "--no-preload"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def shoot(page: Page, path: Path, word: str) -> bytes:
    """Send the recording, wait until it is heard, ask for one more word, choose an event and return the picture."""
    page.set_input_files("#app-file", str(path))
    page.locator("[data-state=done]").wait_for(timeout=LONGEST_MS)
    page.locator(f".ew-region[data-word='{CHOSEN}']").wait_for()
    page.get_by_label("Sounds", exact=True).fill(word)
    page.get_by_label("Sounds", exact=True).press("Enter")
    page.locator(f".ew-region[data-word='{word}']").wait_for()
    page.evaluate("document.activeElement.blur()")
    page.locator("body").press("n")
    page.locator("body").press("n")
    page.locator(".ew-map canvas").wait_for(state="attached", timeout=LONGEST_MS)
    page.wait_for_timeout(500)  # fonts and pictures
    return page.screenshot()


def save(content: bytes, path: Path) -> None:
    """Write a picture with few colours: the most frequent as they are, the page's own; others by what covers most."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    colours = picture.getcolors(picture.width * picture.height) or []
    exact = [colour for _, colour in sorted(colours, reverse=True)[:N_EXACT]]
    covering = picture.quantize(N_COLOURS - N_EXACT, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(channel for colour in exact for channel in colour), *covering])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
    kb = path.stat().st_size / 1000
    if kb > LARGEST_KB:
        raise SystemExit(f"{path} has {kb:.0f} kB, more than {LARGEST_KB}")
    print(f"{path.name}: {picture.width} x {picture.height}, {kb:.0f} kB")


if __name__ == "__main__":
    main()
