"""The page of a running server in a real browser: what tests do with it again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

PATIENCE_S = 60.0
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}
WATCH_POLICY = "addEventListener('securitypolicyviolation', (each) => console.error(`policy: ${each.blockedURI}`));"
SOUGHT = """() => { const audio = document.querySelector('audio');
    window.sought = []; audio.addEventListener('seeking', () => window.sought.push(audio.currentTime)); }"""
# From the key to the frame after the one in which the word's lane was drawn.
MEASURE = """(word) => { window.took_ms = null; let begun = null;
    addEventListener('keydown', (event) => { if (event.key === 'Enter') begun = event.timeStamp; }, {capture: true});
    const lane = () => [...document.querySelectorAll('.ew-lane')].find((each) => each.dataset.word === word);
    const watch = new MutationObserver(() => { if (lane()) { watch.disconnect(); requestAnimationFrame(() =>
        requestAnimationFrame(() => { window.took_ms = performance.now() - begun; })); } });
    watch.observe(document.getElementById('app-shown'), {childList: true, subtree: true}); }"""
OpenServed = Callable[..., "ServedPage"]


def write_words(events: list[str], scenes: list[str] = []) -> str:  # noqa: B006 (only read)
    """Return words as the page's address has them."""
    return "#" + urlencode([*(("event", word) for word in events), *(("scene", word) for word in scenes)])


class ServedPage:
    """A page; `page` is playwright's, `wrong` errors and warnings in its console."""

    def __init__(self, browser: Any, url: str, words: str, expected: tuple[str, ...], options: dict[str, Any]) -> None:
        self.wrong: list[str] = []
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.context.add_init_script(WATCH_POLICY)
        self.page = self.context.new_page()

        def check(message: Any) -> None:
            if message.type in ("error", "warning") and not any(each in message.text for each in expected):
                self.wrong.append(message.text)

        self.page.on("console", check)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.goto(url + words)
        self.words = self.page.get_by_label("Sounds", exact=True)
        self.rows = self.page.locator(".app-row")
        self.regions = self.page.locator(".ew-region")

    def close(self) -> None:
        self.context.close()

    def send(self, *files: Path | dict[str, Any]) -> None:
        """Choose files, as the form does."""
        self.page.set_input_files("#app-file", list(files))

    def wait(self, is_so: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
        ends = time.monotonic() + patience_s
        while not is_so():
            assert time.monotonic() < ends, f"waited too long: {self.page.inner_text('body')[:600]}"
            self.page.wait_for_timeout(20)

    def wait_for(self, state: str, n: int = 1) -> None:
        """Wait until `n` recordings are in a state."""
        self.wait(lambda: self.page.locator(f"[data-state={state}]").count() == n)

    def analyse(self, *files: Path | dict[str, Any]) -> None:
        """Send files, and wait until they are done and their words answered."""
        self.send(*files)
        self.wait_for("done", len(files))
        self.wait(
            lambda: self.page.locator(".ew-tags").count() and self.lanes() and "analysed up to" not in self.shown()
        )

    def shown(self) -> str:
        return str(self.page.inner_text(".ew-shown"))

    def lanes(self) -> list[str]:
        """The words that have a lane, in order."""
        found: list[str] = self.page.eval_on_selector_all(".ew-lane", "lanes => lanes.map((each) => each.dataset.word)")
        return found

    def add(self, word: str) -> None:
        """Type a word and press Enter."""
        self.words.fill(word)
        self.words.press("Enter")

    def measure(self, word: str) -> float:
        """Return the milliseconds from Enter to the word's lane."""
        self.page.evaluate(MEASURE, word)
        self.add(word)
        self.wait(lambda: self.page.evaluate("window.took_ms") is not None)
        return float(self.page.evaluate("window.took_ms"))


def as_file(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "audio/wav", "buffer": content}
