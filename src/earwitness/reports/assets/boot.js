// The report in a file: read what the page holds, show it, and go where the address says (#t=12.3).
"use strict";
(() => {
  const { readBytes } = window.earwitness.parts;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const audio = read("ew-audio");
  const kept = document.getElementById("ew-sound");
  if (kept) {
    audio.load = () => {
      const url = URL.createObjectURL(new Blob([readBytes(kept.textContent)], { type: audio.type }));
      kept.remove();
      return url;
    };
  }
  const root = document.getElementById("ew-root");
  const report = window.earwitness.mountReport(root, { view: read("ew-view"), answer: read("ew-answer"), audio, attention: read("ew-attention"), hasSaving: true });
  const go = () => {
    const asked = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (asked) report.seek(Number(asked[1]));
  };
  window.addEventListener("hashchange", go);
  go();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    performance.mark("earwitness:shown");
    root.dataset.shown = "true";
  }));
  window.earwitness.report = report;
})();
