// A field of words: each is a chip; Enter or a comma adds one, backspace removes the last; words are suggested.

const { make, isolate, colourOf } = window.earwitness.parts;
const SUGGEST_MS = 60;
const N_SHOWN = 8;
const LONGEST = 100; // characters of a word
const TIP_PX = 300;
const FLAGS = { "is-far": "far", "is-unknown": "unknown" };

let n_fields = 0;

export class WordField {
  /** `kind` is "event" or "scene"; `onChange()` after each change; `hasRoom()` returns whether one more may be added. */
  constructor({ kind, label, placeholder, meanings, onChange, hasRoom, onFull }) {
    Object.assign(this, { kind, meanings, onChange, hasRoom, onFull, words: [], suggested: [], active: -1 });
    const id = `app-words-${(n_fields += 1)}`;
    this.chips = make("ul", { className: "app-chips", "aria-label": `${label}: words` });
    this.input = make("input", { id, type: "text", className: "app-word-input", placeholder, maxLength: 2000, autocomplete: "off", autocapitalize: "off", spellcheck: false, enterKeyHint: "done", role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list" });
    this.list = make("ul", { id: `${id}-list`, className: "app-suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
    this.box = make("div", { className: "app-field", onclick: (event) => event.target === this.box && this.input.focus() }, this.chips, make("span", { className: "app-input-box" }, this.input, this.list));
    this.element = make("div", { className: "app-words" }, make("label", { className: "app-label", htmlFor: id }, label), this.box);
    this.input.addEventListener("keydown", (event) => this._press(event));
    this.input.addEventListener("input", () => this._type());
    this.input.addEventListener("paste", (event) => this._paste(event));
    this.input.addEventListener("blur", () => this._leave());
  }

  set(words) {
    this.words = [];
    words.forEach((word) => this._take(word));
    this.redraw();
  }

  /** Add words, each once whatever its case; return whether any is new. */
  add(words) {
    const news = words.filter((word) => this._take(word));
    if (!news.length) return false;
    this.redraw();
    this.onChange();
    return true;
  }

  remove(word) {
    this.words = this.words.filter((each) => each !== word);
    this.redraw();
    this.input.focus({ preventScroll: true });
    this.onChange();
  }

  /** Redraw the chips after words or meanings changed. */
  redraw() {
    const usable = this.words.filter((word) => this.meanings.isUsable(word));
    const focused = this.chips.contains(document.activeElement) ? document.activeElement.dataset.word : null;
    this.chips.replaceChildren(...this.words.map((word) => this._chip(word, usable.indexOf(word))));
    if (focused !== null) [...this.chips.querySelectorAll(".app-chip-word")].find((each) => each.dataset.word === focused)?.focus();
  }

  _take(text) {
    const word = text.replace(/\s+/g, " ").trim().slice(0, LONGEST);
    const isKnown = this.words.some((each) => each.toLowerCase() === word.toLowerCase());
    if (!word || isKnown) return false;
    if (!this.hasRoom()) {
      this.onFull();
      return false;
    }
    this.words.push(word);
    return true;
  }

  _chip(word, index) {
    const meaning = this.meanings.of(word);
    const isEvent = this.kind === "event";
    const swatch = make("span", { className: "ew-swatch", "aria-hidden": "true" });
    if (isEvent && index >= 0) swatch.style.backgroundColor = colourOf(index);
    const state = !meaning ? "is-pending" : !meaning.is_understood ? "is-unknown" : meaning.is_far && isEvent ? "is-far" : "";
    const tip = this._tip(meaning, isEvent);
    const text = make("button", { type: "button", className: "app-chip-word", "data-word": word, onkeydown: (event) => this._pressChip(event, word) }, isEvent ? swatch : null, isolate(word), FLAGS[state] ? make("span", { className: "app-chip-flag" }, FLAGS[state]) : null);
    const away = make("button", { type: "button", className: "app-chip-away", tabIndex: -1, "aria-label": `Remove ${word}`, title: "Remove", onclick: () => this.remove(word) }, "×");
    const item = make("li", { className: `app-chip ${state}` }, text, away, tip);
    const turn = () => item.classList.toggle("is-right", item.getBoundingClientRect().left + TIP_PX > window.innerWidth);
    ["pointerenter", "focusin"].forEach((name) => item.addEventListener(name, turn));
    return item;
  }

  /** The tooltip of a word: its nearest tags. */
  _tip(meaning, isEvent) {
    if (!meaning) return null;
    if (!meaning.is_understood) return make("span", { className: "app-tip", role: "tooltip" }, make("b", {}, "Unknown word. "), meaning.error || "");
    if (!isEvent) return null;
    const rows = meaning.tags.slice(0, 4).map((each) => {
      const bar = make("span", { className: "ew-meter", "aria-hidden": "true" }, make("span"));
      bar.firstChild.style.width = `${Math.round(100 * Math.max(0, each.similarity))}%`;
      return make("span", { className: "app-tip-row" }, make("span", {}, each.tag), bar, make("span", { className: "ew-n" }, each.similarity.toFixed(2)));
    });
    const far = meaning.is_far ? make("span", { className: "app-tip-far" }, meaning.tags.length ? "A guess: results may be unreliable." : "No tag hears it: choose another word.") : null;
    return make("span", { className: "app-tip", role: "tooltip" }, make("b", {}, meaning.tags.length ? `${meaning.grade}: by the tags` : "Cannot be heard"), rows, far);
  }

  _pressChip(event, word) {
    if (event.key === "Delete" || event.key === "Backspace") this.remove(word);
    else return;
    event.preventDefault();
  }

  _press(event) {
    if (event.isComposing) return;
    const acts = {
      Enter: () => this._enter(),
      ",": () => this._enter(true),
      ArrowDown: () => this._move(1),
      ArrowUp: () => this._move(-1),
      Escape: () => this._close(),
    };
    if (event.key === "Backspace" && !this.input.value && this.words.length) this.remove(this.words[this.words.length - 1]);
    else if (Object.hasOwn(acts, event.key)) acts[event.key]();
    else return;
    event.preventDefault();
  }

  _enter(isTyped = false) {
    const chosen = !isTyped && this.active >= 0 ? this.suggested[this.active] : this.input.value;
    this.input.value = "";
    this._close();
    this.add(split(chosen));
  }

  _paste(event) {
    const text = event.clipboardData ? event.clipboardData.getData("text/plain") : "";
    if (!/[,;\n]/.test(text)) return;
    event.preventDefault();
    this.add(split(text));
  }

  _type() {
    if (/[,;]/.test(this.input.value)) return this._enter(true); // keyboards of phones send no key events
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._suggest(), SUGGEST_MS);
    return undefined;
  }

  async _suggest() {
    const start = this.input.value.trim();
    if (this.fetching) this.fetching.abort();
    if (!start) return this._close();
    this.fetching = new AbortController();
    try {
      const words = await this.meanings.suggest(start, this.fetching.signal);
      if (this.input.value.trim() === start && document.activeElement === this.input) this._open(words.filter((word) => !this.words.includes(word)).slice(0, N_SHOWN));
    } catch {
      this._close(); // suggestions are optional
    }
    return undefined;
  }

  _open(words) {
    this.suggested = words;
    this.active = -1;
    const choose = (word) => { this.input.value = ""; this._close(); this.add([word]); this.input.focus(); };
    this.list.replaceChildren(...words.map((word, index) => make("li", { id: `${this.list.id}-${index}`, role: "option", "aria-selected": "false", onpointerdown: (event) => { event.preventDefault(); choose(word); } }, word)));
    this.list.hidden = !words.length;
    this.input.setAttribute("aria-expanded", String(words.length > 0));
    this.input.removeAttribute("aria-activedescendant");
  }

  _close() {
    clearTimeout(this.timer);
    this._open([]);
  }

  _move(by) {
    if (!this.suggested.length) return;
    const n = this.suggested.length + 1; // one place is the field itself
    this.active = ((this.active + 1 + by + n) % n) - 1;
    [...this.list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === this.active)));
    if (this.active < 0) this.input.removeAttribute("aria-activedescendant");
    else {
      this.input.setAttribute("aria-activedescendant", this.list.children[this.active].id);
      this.list.children[this.active].scrollIntoView({ block: "nearest" });
    }
  }

  _leave() {
    this._close();
    if (this.input.value.trim()) this._enter(true);
  }
}

function split(text) {
  return text.split(/[,;\n]/);
}
