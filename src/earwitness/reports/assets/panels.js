// The panels: facts, the table of events, scenes, settings and keys.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, icon, isolate, showTime, showDuration, baseName, colourOf, plural, saveEvents } = parts;
  const N_ROWS = 300; // at first; the rest on request and on paper
  const N_SCENES = 5; // likewise
  const PLAY = "M8 5.5v13l11-6.5z";
  const KEYS = [["space", "play or pause"], ["← →", "1 s back or forward; with shift 10 s"], ["p  n", "previous, next event"], ["enter", "play the event"], ["+  −", "zoom in or out"], ["z", "zoom in on the event"], ["0", "show the whole recording"], ["home  end", "to the beginning, to the end"], ["?", "show or hide these keys"]];

  /** Title, facts and notes of a recording. */
  function showFacts(view) {
    const name = view.name || "";
    const facts = [showDuration(view.duration_s), view.encoder, `earwitness ${view.version}`];
    return [
      make("h1", {}, isolate(baseName(name))),
      baseName(name) === name ? null : make("p", { className: "ew-path" }, isolate(name)),
      make("p", { className: "ew-facts" }, facts.map((fact) => make("span", {}, isolate(fact)))),
      ...(view.notes || []).map((note) => make("p", { className: "ew-note" }, make("b", {}, "Note: "), isolate(note))),
    ].filter(Boolean);
  }

  /** The table of events; a row and its region in the lane are selected together. */
  class EventTable {
    constructor(report) {
      this.report = report;
      this.isAll = false;
      this.order = "time";
      this.element = make("section", { className: "ew-panel ew-events", "aria-label": "Events" });
    }

    redraw() {
      const { events, words, answer, isPartial } = this.report;
      const title = make("h2", {}, "Events", make("span", { className: "ew-count" }, answer && words.length ? String(events.length) : ""));
      if (!answer || !words.length) return this.element.replaceChildren(title, make("p", { className: "ew-faint" }, answer ? "No event words were given." : "No results yet."));
      const undetected = words.filter((word) => !events.some((event) => event.word === word));
      const text = undetected.length ? make("p", { className: "ew-faint ew-undetected-words" }, isPartial ? "Not detected yet: " : "Not detected: ", undetected.map((word, index) => [index ? ", " : "", isolate(word)]).flat()) : null;
      if (!events.length) return this.element.replaceChildren(title, text);
      const order = make("select", { className: "ew-select", "aria-label": "Order of events", onchange: (event) => this._setOrder(event.target.value) },
        [["time", "by time"], ["score", "by score"], ["word", "by word"]].map(([value, name]) => make("option", { value, selected: value === this.order }, name)));
      const head = make("thead", {}, make("tr", {}, [["Word", ""], ["Onset", "ew-n"], ["Offset", "ew-n"], ["Score", "ew-n"], ["Tier", ""], ["Matching tags", "ew-because"]].map(([name, className]) => make("th", { scope: "col", className }, name))));
      this.body = make("tbody", {}, this._rows());
      const table = make("table", { className: "ew-table" }, head, this.body);
      const saving = this.report.hasSaving ? make("button", { type: "button", className: "ew-button ew-save", onclick: () => saveEvents(answer.recognition) }, "Download CSV") : null;
      const isMore = !this.isAll && events.length > N_ROWS;
      this.more = isMore ? make("button", { type: "button", className: "ew-button ew-more", onclick: () => this.showAll() }, `Show all ${events.length}`) : null;
      this.element.replaceChildren(...[make("div", { className: "ew-panel-head" }, title, make("div", { className: "ew-panel-acts" }, events.length > 2 ? order : null, saving)), make("div", { className: "ew-wide" }, table), this.more, text].filter(Boolean));
      return undefined;
    }

    _rows() {
      const sorted = this.report.events.map((event, index) => ({ event, index }));
      if (this.order === "score") sorted.sort((a, b) => b.event.score - a.event.score);
      if (this.order === "word") sorted.sort((a, b) => a.event.word.localeCompare(b.event.word) || a.index - b.index);
      this.sequence = sorted.map(({ index }) => index);
      return sorted.slice(0, this.isAll ? undefined : N_ROWS).map(({ event, index }) => this._row(event, index));
    }

    _row(event, index) {
      const swatch = make("span", { className: "ew-swatch" });
      swatch.style.backgroundColor = colourOf(this.report.words.indexOf(event.word));
      const play = (click) => { click.stopPropagation(); this.report.select(index, { isPlayed: true }); };
      const button = make("button", { type: "button", className: "ew-play-event", "aria-label": `Play ${event.word} at ${showTime(event.onset_s, 2)}`, onclick: play }, icon(PLAY));
      const meter = make("span", { className: "ew-meter", "aria-hidden": "true" }, make("span"));
      meter.firstChild.style.width = `${100 * Math.min(1, Math.max(0, event.score))}%`;
      return make("tr", { "data-event-index": index, "data-word": event.word, "aria-current": index === this.report.selected ? "true" : null, onclick: () => this.report.select(index, { isPlayed: true }) },
        make("td", { className: "ew-cell-word" }, make("div", {}, button, swatch, isolate(event.word))),
        make("td", { className: "ew-n" }, showTime(event.onset_s, 2)), make("td", { className: "ew-n" }, showTime(event.offset_s, 2)),
        make("td", { className: "ew-n ew-score" }, meter, event.score.toFixed(2)),
        make("td", {}, event.tier),
        make("td", { className: "ew-because" }, event.tags.map((each) => each.tag).join(" · ")));
    }

    _setOrder(order) {
      this.order = order;
      this.body.replaceChildren(...this._rows());
    }

    showAll() {
      if (this.isAll || !this.body) return;
      this.isAll = true;
      this.body.replaceChildren(...this._rows());
      if (this.more) this.more.remove();
    }

    mark(index, isScrolled) {
      if (!this.body) return;
      this.body.querySelectorAll("[aria-current]").forEach((row) => row.removeAttribute("aria-current"));
      if (index !== null && this.sequence.indexOf(index) >= N_ROWS) this.showAll();
      const row = this.body.querySelector(`[data-event-index="${index}"]`);
      if (!row) return;
      row.setAttribute("aria-current", "true");
      const [box, row_box] = [this.element.querySelector(".ew-wide").getBoundingClientRect(), row.getBoundingClientRect()];
      if (isScrolled && (row_box.top < box.top || row_box.bottom > box.bottom)) row.parentNode.parentNode.parentNode.scrollTop += row_box.top - box.top - box.height / 3;
    }
  }

  /** Scenes as bars from zero, best first; unlikely scenes extend to the left. */
  function showScenes(answer) {
    const scenes = answer ? answer.recognition.scenes : [];
    if (!scenes.length) return [];
    const largest = Math.max(0.5, ...scenes.map((each) => Math.abs(each.score)));
    const zero = 100 * (Math.max(0, ...scenes.map((each) => -each.score)) / (largest + Math.max(0, ...scenes.map((each) => -each.score))));
    const rows = scenes.map((each) => {
      const bar = make("span", { className: "ew-scene-bar" });
      const wide = ((100 - zero) * Math.abs(each.score)) / largest;
      bar.style.width = `${Math.max(0.5, each.score < 0 ? Math.min(wide, zero) : wide)}%`;
      bar.style.left = `${each.score < 0 ? zero - Math.min(wide, zero) : zero}%`;
      const axis = make("span", { className: "ew-scene-zero" });
      axis.style.left = `${zero}%`;
      const tags = [...each.tags.map((tag) => make("span", { className: "ew-for" }, tag)), ...each.tags_against.map((tag) => make("span", { className: "ew-against", title: "evidence against this scene" }, tag))];
      return make("li", { className: each.is_winner ? "ew-winner" : "", "data-scene": each.scene },
        make("div", { className: "ew-scene-line" }, isolate(each.scene, { className: "ew-scene" }), make("span", { className: "ew-n" }, each.score.toFixed(2))),
        make("div", { className: "ew-scene-track", "aria-hidden": "true" }, axis, bar),
        tags.length ? make("p", { className: "ew-chips" }, tags) : null);
    });
    const unsure = scenes.some((each) => each.is_winner) ? "" : "Unsure: the first two are close. ";
    const note = answer.recognition.settings.method === "earwitness" ? `${unsure}0 is the level of an average recording; 1 or more is a clear match. Tags are evidence for a scene, struck-out tags against it.` : "";
    rows.slice(N_SCENES).forEach((row) => row.classList.add("ew-further"));
    const showAll = (click) => click.target.closest(".ew-scene-panel").classList.add("ew-all");
    const more = rows.length > N_SCENES ? make("button", { type: "button", className: "ew-button ew-more", onclick: showAll }, `Show all ${rows.length}`) : null;
    return [make("h2", {}, "Likely scenes"), make("ol", { className: "ew-scenes" }, rows), more, note ? make("p", { className: "ew-faint" }, note) : null].filter(Boolean);
  }

  /** Settings and provenance, folded. */
  function showSettings(view, answer) {
    const settings = { ...view.settings, ...(answer ? answer.recognition.settings : {}) };
    const rows = { recording: view.name, encoder: view.encoder, "weights (sha256)": view.weights_sha256, "earwitness": view.version, ...settings };
    const text = (value) => (typeof value === "object" && value ? Object.entries(value).map(([word, score]) => `${word}: ${score}`).join(", ") || "none" : String(value === "" ? "default" : value));
    return [make("summary", {}, "Settings and provenance"), make("dl", {}, Object.entries(rows).map(([name, value]) => [make("dt", {}, name), make("dd", {}, isolate(text(value)))]).flat())];
  }

  /** The keys, in a dialog. */
  function makeKeys() {
    const rows = KEYS.map(([keys, what]) => make("tr", {}, make("th", { scope: "row" }, keys.split("  ").map((key) => make("kbd", {}, key))), make("td", {}, what)));
    const close = make("button", { type: "button", className: "ew-button", onclick: () => dialog.close() }, "Close");
    const dialog = make("dialog", { className: "ew-keys", "aria-label": "Keys" }, make("h2", {}, "Keys"), make("table", {}, rows), close);
    return dialog;
  }

  Object.assign(parts, { showFacts, EventTable, showScenes, showSettings, makeKeys, plural });
})();
