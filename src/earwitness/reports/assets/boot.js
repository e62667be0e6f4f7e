// The report in a file: reads the page's data, shows it, and seeks to the time in the address (#t=12.3).
"use strict";
(() => {
  const { readBytes } = window.earwitness.parts;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const audio = read("ew-audio");
  const embedded = document.getElementById("ew-sound");
  if (embedded) {
    audio.load = () => {
      const url = URL.createObjectURL(new Blob([readBytes(embedded.textContent)], { type: audio.type }));
      embedded.remove();
      return url;
    };
  }
  const root = document.getElementById("ew-root");
  const report = window.earwitness.mountReport(root, { view: read("ew-view"), answer: read("ew-answer"), audio, attention: read("ew-attention"), hasSaving: true });
  const go = () => {
    const match = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (match) report.seek(Number(match[1]));
  };
  window.addEventListener("hashchange", go);
  go();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    performance.mark("earwitness:shown");
    root.dataset.shown = "true";
  }));
  window.earwitness.report = report;
})();
