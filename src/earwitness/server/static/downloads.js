// The menu of downloads: the current answer in each of the server's formats.

const { make, save } = window.earwitness.parts;
const FORMATS = [
  ["csv", "Events", "CSV"],
  ["scenes_csv", "Scenes", "CSV"],
  ["tags_csv", "Tags", "CSV"],
  ["report", "Report in one file", "HTML"],
  ["json", "Everything", "JSON"],
  ["jsonl", "Everything on one line", "JSON lines"],
  ["dcase", "DCASE submission", "TSV"],
  ["audacity", "Audacity labels", "TXT"],
  ["raven", "Raven selection table", "TXT"],
  ["kaleidoscope", "Kaleidoscope table", "CSV"],
  ["vtt", "Subtitles", "WebVTT"],
  ["textgrid", "Praat TextGrid", "TXT"],
  ["labelstudio", "Label Studio predictions", "JSON"],
  ["jams", "JAMS annotation", "JSON"],
  ["aoef", "Whombat annotations", "JSON"],
  ["parquet", "Events for data frames", "Parquet"],
];

export class Downloads {
  /** `getTarget()` returns { recording, query }; `onProblem(error)` shows an error. */
  constructor(api, { getTarget, onProblem, onDone }) {
    Object.assign(this, { api, getTarget, onProblem, onDone });
    const items = FORMATS.map(([format, name, kind]) => make("button", { type: "button", role: "menuitem", className: "app-item", "data-format": format, onclick: () => this._fetch(format) }, make("span", {}, name), make("span", { className: "app-kind" }, kind)));
    this.menu = make("div", { className: "app-menu", role: "menu", "aria-label": "Formats", hidden: true }, items);
    this.button = make("button", { type: "button", className: "ew-button app-download", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.toggle() }, "Download");
    this.element = make("div", { className: "app-downloads" }, this.button, this.menu);
    this.element.addEventListener("keydown", (event) => this._press(event));
    document.addEventListener("pointerdown", (event) => this.element.contains(event.target) || this.toggle(false));
    this.element.addEventListener("focusout", (event) => event.relatedTarget && !this.element.contains(event.relatedTarget) && this.toggle(false));
  }

  toggle(isOpen = this.menu.hidden) {
    this.menu.hidden = !isOpen;
    this.button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.menu.firstElementChild.focus();
  }

  _press(event) {
    if (this.menu.hidden) return;
    const items = [...this.menu.children];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") {
      this.toggle(false);
      this.button.focus();
    } else if (to !== undefined) items[(to + items.length) % items.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async _fetch(format) {
    const { recording, query } = this.getTarget();
    this.toggle(false);
    this.button.focus();
    this.button.setAttribute("aria-busy", "true");
    try {
      const response = await this.api.request("POST", `/v1/recordings/${recording.id}/ask?format=${format}`, { body: query });
      const name = readName(response.headers.get("Content-Disposition")) || `${recording.name}.${format}`;
      save(await response.blob(), name);
      this.onDone(name);
    } catch (error) {
      this.onProblem(error);
    }
    this.button.removeAttribute("aria-busy");
  }
}

/** The name in a Content-Disposition: filename*=UTF-8''... before filename="...". */
function readName(disposition) {
  const wide = /filename\*\s*=\s*UTF-8''([^;]+)/i.exec(disposition || "");
  const plain = /filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(disposition || "");
  try {
    return wide ? decodeURIComponent(wide[1]) : plain ? plain[1].replace(/\\(.)/g, "$1") : "";
  } catch {
    return "";
  }
}
