// The settings of a query: the threshold is visible, the others are folded. Only changed settings are sent.

const { make } = window.earwitness.parts;
const SETTINGS = [
  { name: "event_threshold", label: "Threshold", unit: "", max: 1, step: 0.01, usual: 0.5, title: "Score at which an event begins" },
  { name: "event_hold", label: "Hold", unit: "", max: 1, step: 0.01, usual: 0.33, title: "Score down to which an event continues" },
  { name: "merge_gap_s", label: "Merge gap", unit: " s", max: 5, step: 0.05, usual: 0.3, title: "Closer events of one word are merged" },
  { name: "min_duration_s", label: "Shortest", unit: " s", max: 5, step: 0.05, usual: 0.2, title: "Shorter events are left out" },
];

export class Sliders {
  constructor(onChange) {
    this.onChange = onChange;
    this.changed = {};
    this.usual = Object.fromEntries(SETTINGS.map(({ name, usual }) => [name, usual]));
    this.rows = SETTINGS.map((setting) => this._row(setting));
    this.reset = make("button", { type: "button", className: "app-link", hidden: true, title: "Back to the server's settings", onclick: () => this._reset() }, "Reset");
    const more = make("details", { className: "app-more" }, make("summary", {}, "More"), make("div", { className: "app-more-box" }, this.rows.slice(1).map(({ element }) => element)));
    const close = () => { more.open = false; };
    document.addEventListener("pointerdown", (event) => more.contains(event.target) || close());
    more.addEventListener("keydown", (event) => { if (event.key === "Escape") { close(); more.firstElementChild.focus(); } });
    this.element = make("div", { className: "app-sliders" }, this.rows[0].element, this.reset, more);
    this.redraw();
  }

  /** Set the server's own settings, from a view. */
  setUsual(settings) {
    for (const { name } of SETTINGS) if (Number.isFinite(settings[name])) this.usual[name] = settings[name];
    this.redraw();
  }

  /** The changed settings as they are sent: the hold is at most the threshold. */
  get effective() {
    const { event_hold } = this.changed;
    const threshold = this.changed.event_threshold ?? this.usual.event_threshold;
    return event_hold > threshold ? { ...this.changed, event_hold: threshold } : this.changed;
  }

  /** Set values, for example from an address, at most the slider's maximum. */
  set(changed) {
    this.changed = Object.fromEntries(SETTINGS.filter(({ name }) => name in changed).map(({ name, max }) => [name, Math.min(changed[name], max)]));
    this.redraw();
  }

  redraw() {
    const { effective } = this;
    for (const { setting, input, text } of this.rows) {
      let value = effective[setting.name] ?? this.usual[setting.name];
      if (setting.name === "event_hold") value = Math.min(value, effective.event_threshold ?? value);
      input.value = String(value);
      text.textContent = `${value.toFixed(2)}${setting.unit}`;
      input.setAttribute("aria-valuetext", text.textContent);
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
    const text = make("output", { className: "app-value", htmlFor: id });
    const element = make("div", { className: "app-slider" }, make("label", { className: "app-label", htmlFor: id, title: setting.title }, setting.label), input, text);
    return { setting, input, text, element };
  }

  _reset() {
    this.set({});
    this.onChange();
  }
}
