// Saves the events as events.csv, the same table that `earwitness listen` writes.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, baseName } = parts;
  const COLUMNS = ["file", "onset_s", "offset_s", "word", "score", "tags", "tier"];
  const RELEASE_MS = 60e3; // time for the browser to start the download

  /** A recognition's events as events.csv: the same columns, digits, quotes and line ends. */
  function writeEvents({ source, events }) {
    const evidence = (tags) => tags.map((each) => `${each.tag}|${each.similarity.toFixed(3)}|${each.score.toFixed(3)}`).join("; ");
    const rows = events.map((event) => [source, event.onset_s.toFixed(3), event.offset_s.toFixed(3), event.word, event.score.toFixed(4), evidence(event.tags), event.tier]);
    const quote = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return [COLUMNS, ...rows].map((row) => `${row.map(quote).join(",")}\r\n`).join("");
  }

  /** The file name for a recording's events: "street.wav" gives "street.events.csv". */
  const nameEvents = (source) => `${baseName(source).replace(/(?<=.)\.[^.]*$/, "")}.events.csv`;

  /** Download a blob under a name. */
  function save(blob, name) {
    const url = URL.createObjectURL(blob);
    const link = make("a", { href: url, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), RELEASE_MS);
  }

  function saveEvents(recognition) {
    save(new Blob([writeEvents(recognition)], { type: "text/csv;charset=utf-8" }), nameEvents(recognition.source));
  }

  Object.assign(parts, { save, saveEvents, writeEvents });
})();
