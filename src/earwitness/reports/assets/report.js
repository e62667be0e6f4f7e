// A recording's report: `earwitness.mountReport(root, {view, answer, audio, attention})` builds it.
//
// view: the result of `make_view`; answer: that of `make_answer`, with `heard_until_s` while the recording is still being
// analysed; audio: an address, {url, note}, {load, note} or null; attention: {maps: [...], note} or null, where a map is
// {peak_s, start_s, token_s, n_bands, n_tokens, edges_hz, weights}. All of them may be set later, and more than once.
// With `hasSaving` the table of events has a button that saves it as CSV. The root receives the events
// "earwitness:event-selected" (detail: {event, index}) and "earwitness:sought" (detail: {s}).
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, Player, Timeline, EventTable, Why, showFacts, showScenes, showSettings, makeKeys } = parts;
  const MAP_SLACK_S = 0.005;
  const N_FEW = 8; // events, so that there is room for the scenes below them

  class Report {
    constructor(root, hasSaving) {
      this.root = root;
      this.hasSaving = hasSaving;
      this.view = this.answer = this.attention = this.selected = null;
      this.player = new Player(this);
      this.timeline = new Timeline(this);
      this.table = new EventTable(this);
      this.why = new Why(this);
      this.facts = make("header", { className: "ew-head-facts" });
      this.scenes = make("section", { className: "ew-panel ew-scene-panel", "aria-label": "Scenes", hidden: true });
      this.settings = make("details", { className: "ew-settings" });
      this.keys = makeKeys();
      const help = make("button", { type: "button", className: "ew-button ew-help", "aria-label": "Keys (?)", title: "Keys (?)", onclick: () => this.toggleKeys() }, "?");
      this.player.right.append(help);
      this.left = make("div", { className: "ew-side" }, this.table.element);
      this.right = make("div", { className: "ew-side" }, this.why.element, this.scenes);
      this.element = make("div", { className: "ew-report" }, this.facts, this.player.element, this.timeline.element, make("div", { className: "ew-columns" }, this.left, this.right), this.settings, this.keys);
      root.append(this.element);
      this._listen();
      this.player.setAudio(null);
      this.table.redraw();
      this.why.redraw();
    }

    get duration_s() {
      return this.view ? this.view.duration_s : this.answer ? this.answer.recognition.duration_s : 0;
    }

    get events() {
      return this.answer ? this.answer.recognition.events : [];
    }

    get words() {
      return this.answer ? this.answer.recognition.event_words : [];
    }

    /** The index of the explained event: the selected one, else the one with the highest score. */
    get explained() {
      if (this.selected !== null) return this.selected;
      return this.events.reduce((best, event, index, all) => (best < 0 || event.score > all[best].score ? index : best), -1);
    }

    get isPartial() {
      return Boolean(this.answer && this.answer.heard_until_s !== undefined && this.answer.heard_until_s !== null);
    }

    _listen() {
      this.stop = new AbortController();
      const { signal } = this.stop;
      document.addEventListener("keydown", (event) => this._press(event), { signal });
      const paper = matchMedia("print");
      paper.addEventListener("change", (change) => this._switchToPaper(change.matches), { signal });
      window.addEventListener("beforeprint", () => this._switchToPaper(true), { signal });
      window.addEventListener("afterprint", () => this._switchToPaper(false), { signal });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.timeline.redraw(true), { signal });
    }

    /** On paper the whole recording and all events are shown; afterwards the previous range. */
    _switchToPaper(isPaper) {
      const { range } = this.timeline;
      if (isPaper && !this.before) {
        this.before = [range.from_s, range.to_s];
        range.show(0, range.duration_s);
        this.table.showAll();
      } else if (!isPaper && this.before) {
        range.show(...this.before);
        this.before = null;
      }
      this.timeline.redraw(true);
      if (isPaper) this.timeline.drawNow();
    }

    setView(view) {
      this.view = view;
      this.facts.replaceChildren(...showFacts(view));
      this.timeline.setView(view);
      this.settings.replaceChildren(...showSettings(view, this.answer));
      this.player.showTime();
      this.why.redraw();
    }

    setAnswer(answer) {
      const before = this.events[this.selected];
      this.answer = answer;
      const isSame = (event) => event.word === before.word && Math.abs(event.onset_s - before.onset_s) < 0.2;
      const found = before ? this.events.findIndex(isSame) : -1;
      this.selected = found < 0 ? null : found;
      this.timeline.setAnswer();
      this.table.redraw();
      this.why.redraw();
      const scenes = showScenes(answer);
      this.scenes.replaceChildren(...scenes);
      this.scenes.hidden = !scenes.length;
      (this.events.length <= N_FEW ? this.left : this.right).append(this.scenes);
      if (this.view) this.settings.replaceChildren(...showSettings(this.view, answer));
      this.player.showTime();
    }

    setAudio(audio) {
      const { url, load, note } = audio && typeof audio === "object" ? audio : { url: audio };
      if (load) this.player.setLazyAudio(load, note || "");
      else this.player.setAudio(url || null, note || "");
    }

    setAttention(attention) {
      this.attention = Array.isArray(attention) ? { maps: attention } : attention;
      this.why.redraw();
    }

    findMap(event) {
      const maps = (this.attention && this.attention.maps) || [];
      return maps.find((map) => Math.abs(map.peak_s - event.peak_s) < MAP_SLACK_S) || null;
    }

    /** Select an event and explain it; with `isPlayed` play it. */
    select(index, { isPlayed = false } = {}) {
      const event = this.events[index];
      if (!event) return;
      this.selected = index;
      this.timeline.reveal(event.onset_s, event.offset_s);
      if (isPlayed) this.player.play(event.onset_s, event.offset_s + 0.1);
      else this.player.seek(event.onset_s);
      this.table.mark(index, true);
      this.why.redraw();
      this.timeline.redraw();
      this.root.dispatchEvent(new CustomEvent("earwitness:event-selected", { bubbles: true, detail: { event, index } }));
    }

    zoomToEvent() {
      const event = this.events[this.selected];
      if (event) this.timeline.zoomTo(event.onset_s, event.offset_s);
    }

    /** Select the next event in time, or the previous one. */
    stepEvent(by) {
      const at_s = this.player.position_s;
      const { events, selected } = this;
      let next = selected === null ? -1 : selected + by;
      if (selected === null) next = by > 0 ? events.findIndex((event) => event.onset_s >= at_s) : events.findLastIndex((event) => event.onset_s <= at_s);
      if (events[next]) this.select(next);
    }

    seek(s) {
      this.player.seek(s);
      this.root.dispatchEvent(new CustomEvent("earwitness:sought", { bubbles: true, detail: { s } }));
    }

    onPosition(s, isPlaying) {
      if (this.timeline) this.timeline.follow(s, isPlaying);
    }

    toggleKeys() {
      if (this.keys.open) this.keys.close();
      else this.keys.showModal();
    }

    _press(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target instanceof Element ? event.target : document.body;
      if (target.closest("input, select, textarea, [contenteditable]") || (this.keys.open && event.key !== "?")) return;
      const isButton = target.closest("button, a, summary");
      if (isButton && (event.key === " " || event.key === "Enter")) return;
      const by = (s) => this.seek(this.player.position_s + (event.shiftKey ? 10 * s : s));
      const acts = {
        " ": () => this.player.toggle(),
        Enter: () => this.select(this.selected === null ? 0 : this.selected, { isPlayed: true }),
        ArrowLeft: () => by(-1),
        ArrowRight: () => by(1),
        n: () => this.stepEvent(1),
        p: () => this.stepEvent(-1),
        "+": () => this.timeline.zoom(0.5),
        "=": () => this.timeline.zoom(0.5),
        "-": () => this.timeline.zoom(2),
        z: () => this.zoomToEvent(),
        0: () => this.timeline.range.show(0, this.duration_s),
        Home: () => this.seek(0),
        End: () => this.seek(this.duration_s),
        "?": () => this.toggleKeys(),
      };
      if (!Object.hasOwn(acts, event.key)) return;
      event.preventDefault();
      acts[event.key]();
    }

    destroy() {
      this.stop.abort();
      this.player.destroy();
      this.timeline.destroy();
      this.element.remove();
    }
  }

  /** Build a report in an element; see the head of this file. */
  window.earwitness.mountReport = (root, { view = null, answer = null, audio = null, attention = null, hasSaving = false } = {}) => {
    const report = new Report(root, hasSaving);
    if (view) report.setView(view);
    if (audio) report.setAudio(audio);
    if (attention) report.setAttention(attention);
    if (answer) report.setAnswer(answer);
    const bind = (name) => (...args) => report[name](...args);
    return Object.fromEntries(["setView", "setAnswer", "setAudio", "setAttention", "seek", "select", "destroy"].map((name) => [name, bind(name)]));
  };
})();
