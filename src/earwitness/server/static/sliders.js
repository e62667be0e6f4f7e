// The settings that words are asked with: the threshold in sight, the others to open. Only what was changed is sent.

const { make } = window.earwitness.parts;
const SETTINGS = [
  { name: "event_threshold", label: "Threshold", unit: "", max: 1, step: 0.01, usual: 0.5, title: "Score at which an event begins" },
  { name: "event_hold", label: "Hold", unit: "", max: 1, step: 0.01, usual: 0.33, title: "Score down to which an event goes on" },
  { name: "merge_gap_s", label: "Merge gap", unit: " s", max: 5, step: 0.05, usual: 0.3, title: "Events of a word closer than this are one" },
  { name: "min_duration_s", label: "Shortest", unit: " s", max: 5, step: 0.05, usual: 0.2, title: "Shorter events are dropped" },
];

export class Sliders {
  constructor(onChange) {
    this.onChange = onChange;
    this.changed = {};
    this.usual = Object.fromEntries(SETTINGS.map(({ name, usual }) => [name, usual]));
    this.rows = SETTINGS.map((setting) => this._row(setting));
    this.reset = make("button", { type: "button", className: "app-link", hidden: true, title: "As the server has them", onclick: () => this._reset() }, "Reset");
    const more = make("details", { className: "app-more" }, make("summary", {}, "More"), make("div", { className: "app-more-box" }, this.rows.slice(1).map(({ element }) => element)));
    const close = () => { more.open = false; };
    document.addEventListener("pointerdown", (event) => more.contains(event.target) || close());
    more.addEventListener("keydown", (event) => { if (event.key === "Escape") { close(); more.firstElementChild.focus(); } });
    this.element = make("div", { className: "app-sliders" }, this.rows[0].element, this.reset, more);
    this.redraw();
  }

  /** Take the server's own settings, as a view tells them. */
  setUsual(settings) {
    for (const { name } of SETTINGS) if (Number.isFinite(settings[name])) this.usual[name] = settings[name];
    this.redraw();
  }

  /** What was changed, as the server takes it: an event cannot go on above the score at which it begins. */
  get asked() {
    const { event_hold } = this.changed;
    const threshold = this.changed.event_threshold ?? this.usual.event_threshold;
    return event_hold > threshold ? { ...this.changed, event_hold: threshold } : this.changed;
  }

  /** Take values, from an address perhaps: none beyond its slider's end. */
  set(changed) {
    this.changed = Object.fromEntries(SETTINGS.filter(({ name }) => name in changed).map(({ name, max }) => [name, Math.min(changed[name], max)]));
    this.redraw();
  }

  redraw() {
    const { asked } = this;
    for (const { setting, input, said } of this.rows) {
      let value = asked[setting.name] ?? this.usual[setting.name];
      if (setting.name === "event_hold") value = Math.min(value, asked.event_threshold ?? value);
      input.value = String(value);
      said.textContent = `${value.toFixed(2)}${setting.unit}`;
      input.setAttribute("aria-valuetext", said.textContent);
    }
    this.reset.hidden = !Object.keys(this.changed).length;
  }

  _row(setting) {
    const id = `app-${setting.name.replaceAll("_", "-")}`;
    const input = make("input", { id, type: "range", min: "0", max: String(setting.max), step: String(setting.step), title: setting.title });
    input.addEventListener("input", () => {
      this.changed = { ...this.changed, [setting.name]: Number(input.value) };
      this.redraw();
      this.onChange();
    });
    const said = make("output", { className: "app-value", htmlFor: id });
    const element = make("div", { className: "app-slider" }, make("label", { className: "app-label", htmlFor: id, title: setting.title }, setting.label), input, said);
    return { setting, input, said, element };
  }

  _reset() {
    this.set({});
    this.onChange();
  }
}
