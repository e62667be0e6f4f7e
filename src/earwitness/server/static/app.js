// The page of `earwitness serve`: connects its parts. In: recordings and words. Out: their reports, as they grow.

import { Api } from "./api.js";
import { Queries } from "./queries.js";
import { Downloads } from "./downloads.js";
import { Intake } from "./intake.js";
import { readAddress, readSaved, writeAddress, writeSaved } from "./saved.js";
import { Listing } from "./listing.js";
import { Meanings } from "./meanings.js";
import { Recorder } from "./recorder.js";
import { Recordings } from "./recordings.js";
import { Shown } from "./shown.js";
import { Sliders } from "./sliders.js";
import { requestToken } from "./token.js";
import { WordField } from "./words.js";
import { WORD_SETS } from "./word_sets.js";

const { make, plural, baseName } = window.earwitness.parts;
const at = (id) => document.getElementById(id);

class App {
  constructor() {
    this.selected = null;
    this.max_words = 50;
    this.api = new Api(requestToken);
    this.meanings = new Meanings(this.api);
    this.recordings = new Recordings(this.api, { onChange: (each) => this._update(each), onRemove: (each, index) => this._drop(each, index), onReach: (problem) => this._reach(problem) });
    this.recorder = new Recorder({ onRecorded: (file) => this.take([file]), onProblem: (problem) => this.showProblem(problem), onOpen: (isOpen) => this.intake.setOpen(isOpen) });
    this.intake = new Intake({ onFiles: (files) => this.take(files), recorder: this.recorder });
    at("app-intake").append(this.intake.element);
    this.listing = new Listing(at("app-list"), { countBefore: (each) => this.recordings.countBefore(each), onSelect: (each) => this.select(each), onRemove: (each) => this.remove(each), onRetry: (each) => this.recordings.retry(each) });
    this._buildQuery();
    this._buildActions();
    this.queries = new Queries(this.api, this.meanings, { getQuery: () => this.query(), getOrder: () => this._order(), onMeaning: () => this._showMeanings(), onAnswer: (each) => this._answer(each), onProblem: (problem) => this.showProblem(problem) });
    this.shown = new Shown(at("app-shown"), { api: this.api, actions: this.actions, onView: (each) => this.sliders.setUsual(each.view.settings), onProblem: (problem) => this.showProblem(problem) });
  }

  async start() {
    this._readWords(readAddress() || WORD_SETS[0]);
    window.addEventListener("hashchange", () => { this._readWords(readAddress() || WORD_SETS[0]); this._changed(); });
    const saved = readSaved();
    const limits = await this.api.json("GET", "/v1/limits").catch((problem) => { this.showProblem(problem); return {}; });
    this._takeLimits(limits);
    const restored = this.recordings.restore(saved.recordings);
    restored.forEach((each) => this._update(each));
    if (restored.length) this.select(restored.find((each) => each.id === saved.selected) || restored[0]);
    this._learnFirst();
    document.documentElement.dataset.ready = "true";
  }

  query() {
    return { events: this.events.words, scenes: this.scenes.words, settings: this.sliders.effective };
  }

  take(files) {
    const added = this.recordings.add(files);
    this.announce(`${plural(added.length, "recording")} added`);
    this._hideProblem();
    if (!this.selected || this.selected.state === "failed" || added.length === 1) this.select(added[0]);
  }

  select(recording) {
    const before = this.selected;
    this.selected = recording;
    this._arrange();
    [before, recording].filter((each) => this.recordings.all.includes(each)).forEach((each) => this.listing.show(each, each === recording));
    this.shown.open(recording);
    this._showActions();
    if (recording && this.queries.isDue(recording)) this.queries.queryOne(recording);
    this._save();
  }

  async remove(recording) {
    const name = baseName(recording.name);
    try {
      await this.recordings.remove(recording);
      this.announce(`${name} deleted`);
    } catch (error) {
      this.showProblem(error);
    }
  }

  /** Announce a text to screen readers. */
  announce(text) {
    at("app-status").textContent = text;
  }

  /** Show a problem until the next answer, or longer if it `stays`. */
  showProblem(problem) {
    if (problem.name === "AbortError") return;
    this.isStaying = Boolean(problem.stays);
    const close = make("button", { type: "button", className: "app-away", "aria-label": "Hide", onclick: () => this._hideProblem() }, "×");
    at("app-banner").replaceChildren(make("span", {}, make("b", {}, `${problem.title || "Something went wrong"}. `), problem.detail || problem.message), close);
    at("app-banner").hidden = false;
  }

  _hideProblem() {
    at("app-banner").hidden = true;
  }

  _buildQuery() {
    const shared = { meanings: this.meanings, onChange: () => this._changed(), hasRoom: () => this.events.words.length + this.scenes.words.length < this.max_words, onFull: () => this.showProblem({ title: "Too many words", detail: `This server accepts up to ${this.max_words} words; remove some first.`, stays: true }) };
    this.events = new WordField({ ...shared, kind: "event", label: "Sounds", placeholder: "Add any sound" });
    this.scenes = new WordField({ ...shared, kind: "scene", label: "Places", placeholder: "Add any place" });
    this.sliders = new Sliders(() => this._changed(false));
    this.elapsed = make("output", { className: "app-elapsed", "aria-label": "Response time" });
    const sets = WORD_SETS.map((set) => make("button", { type: "button", className: "app-set", onclick: () => { this._readWords({ ...set, settings: this.sliders.changed }); this._changed(); } }, set.name));
    const clear = make("button", { type: "button", className: "app-set", onclick: () => { this._readWords({ events: [], scenes: [], settings: this.sliders.changed }); this._changed(); this.events.input.focus(); } }, "Clear");
    at("app-query").append(this.events.element, this.scenes.element, make("div", { className: "app-foot" }, make("div", { className: "app-sets", role: "group", "aria-label": "Sets of words" }, make("span", { className: "app-label" }, "Try"), sets, clear), this.sliders.element, this.elapsed));
  }

  _buildActions() {
    this.downloads = new Downloads(this.api, { getTarget: () => ({ recording: this.selected, query: this.queries.usable() }), onProblem: (problem) => this.showProblem(problem), onDone: (name) => this.announce(`${name} is saved`) });
    this.until = make("span", { className: "app-until" });
    const away = make("button", { type: "button", className: "app-link", onclick: () => this.remove(this.selected) }, "delete now");
    this.actions = [make("p", { className: "app-expiry" }, this.until, away), this.downloads.element];
  }

  _readWords({ events, scenes, settings = {} }) {
    this.events.set([]);
    this.scenes.set([]);
    this.events.set(events);
    this.scenes.set(scenes);
    this.sliders.set(settings);
  }

  /** The query changed: save it and send it for all recordings. */
  _changed(isHasty = true) {
    writeAddress(this.query());
    if (this.recordings.all.length) this.queries.queryAll(isHasty);
    else this._learnFirst();
  }

  /** Fetch the words' meanings before there is a recording. */
  async _learnFirst() {
    try {
      await this.meanings.learn([...this.events.words, ...this.scenes.words]);
      this._showMeanings();
    } catch (error) {
      this.showProblem(error);
    }
  }

  _showMeanings() {
    this.events.redraw();
    this.scenes.redraw();
  }

  _takeLimits(limits) {
    if (limits.max_words) this.max_words = limits.max_words;
    if (limits.max_upload_mb) this.recordings.largest_mb = limits.max_upload_mb;
    if (limits.max_duration_s) this.recorder.longest_s = limits.max_duration_s;
    const minutes = Math.round((limits.keep_s || 0) / 60);
    if (minutes) at("app-retention").textContent = `Recordings are deleted from this server after ${minutes < 120 ? plural(minutes, "minute") : plural(Math.round(minutes / 60), "hour")}. Up to ${limits.max_upload_mb} MB each.`;
  }

  _order() {
    return this.recordings.all.toSorted((a, b) => (b === this.selected) - (a === this.selected));
  }

  _update(recording) {
    this.listing.show(recording, recording === this.selected);
    if (recording.shownState !== recording.state) this._changeState(recording);
    if (recording === this.selected) {
      this.shown.refresh();
      this._showActions();
    }
    if (this.queries && this.queries.isDue(recording)) this.queries.queryOne(recording);
  }

  /** A recording changed its state. */
  _changeState(recording) {
    const { state } = recording;
    recording.shownState = state;
    this._arrange();
    if (["done", "failed", "gone"].includes(state)) {
      const text = { done: "is analysed", failed: `failed: ${recording.problem ? recording.problem.title : ""}`, gone: "is no longer stored" }[state];
      this.announce(`${baseName(recording.name)} ${text}`);
      this.recordings.all.forEach((each) => each.state === "waiting" && this.listing.show(each, each === this.selected));
    }
    if (recording === this.selected && (state === "gone" || state === "failed")) this.shown.open(recording);
    this._save();
  }

  _answer(recording) {
    this.listing.show(recording, recording === this.selected);
    if (recording !== this.selected) return;
    if (!this.isStaying) this._hideProblem();
    this.shown.setAnswer(recording);
    this.elapsed.textContent = `answered in ${recording.answer.elapsed_ms.toFixed(recording.answer.elapsed_ms < 10 ? 1 : 0)} ms`;
    performance.mark("earwitness:answered");
    const n = recording.answer.recognition.events.length;
    if (recording.state === "done") this.announce(`${plural(n, "event")} in ${baseName(recording.name)}`);
  }

  _drop(recording, index) {
    this.listing.remove(recording);
    this.shown.forget(recording);
    if (recording === this.selected) this.select(this.recordings.all[Math.min(index, this.recordings.all.length - 1)] || null);
    this._arrange();
    this._save();
  }

  _reach(problem) {
    if (problem) this.showProblem(problem);
    else if (this.isOut) this._hideProblem();
    this.isOut = Boolean(problem);
  }

  _showActions() {
    const { selected } = this;
    if (!selected || !selected.expires) return;
    const until = new Date(selected.expires).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
    this.until.textContent = `stored until ${until} · `;
  }

  _arrange() {
    document.body.classList.toggle("is-empty", !this.recordings.all.length);
    document.title = this.selected ? `${baseName(this.selected.name)} · earwitness` : "earwitness";
  }

  _save() {
    writeSaved(this.recordings.all.filter((each) => each.state !== "gone" && each.state !== "failed"), this.selected);
  }
}

new App().start();
