// Why an event was heard: a sentence, its tags, and where in the sound the encoder looked.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, given, clock, pencil, shade, heightOf, Pictures, colourOf } = parts;
  const MAP_PX = 150;

  /** The reason in plain English. */
  function explain(report, event) {
    const [first, ...others] = event.tags;
    const said = [given(event.word, { className: "ew-strong" }), ` was heard from ${clock(event.onset_s, 2)} to ${clock(event.offset_s, 2)}`];
    if (!first) return [...said, "."];
    const closeness = first.similarity > 0.95 ? "which is what the word means" : first.similarity > 0.6 ? "which is close to the word" : "which is related to the word";
    said.push(", mostly because of the tag ", make("b", {}, first.tag), `, ${closeness} (similarity ${first.similarity.toFixed(2)}). `);
    said.push(`It scored ${first.score.toFixed(2)} at ${clock(event.peak_s, 2)} and makes up ${Math.round(100 * first.share)}\u00a0% of the evidence`);
    said.push(others.length ? `; then come ${others.map((each) => each.tag).join(" and ")}. ` : ". ");
    const threshold = report.answer.curves && report.answer.thresholds ? report.answer.thresholds[event.word] : null;
    if (threshold) said.push(`The word's score reached ${event.score.toFixed(2)}; ${threshold[0].toFixed(2)} is enough.`);
    return said;
  }

  class Why {
    constructor(report) {
      this.report = report;
      this.element = make("section", { className: "ew-panel ew-why", "aria-label": "Why", "aria-live": "polite" });
    }

    redraw() {
      const { report } = this;
      const event = report.events[report.explained];
      this.element.hidden = !event;
      this.element.classList.toggle("ew-unasked", report.selected === null);
      if (!event) return this.element.replaceChildren();
      const swatch = make("span", { className: "ew-swatch" });
      swatch.style.backgroundColor = colourOf(report.words.indexOf(event.word));
      this.element.replaceChildren(make("h2", {}, "Why ", swatch, given(event.word)), make("p", {}, explain(report, event)), this._tags(event), this._map(event));
      this.drawMap();
      return undefined;
    }

    _tags(event) {
      const bar = (value, name) => {
        const meter = make("span", { className: `ew-meter ew-${name}`, "aria-hidden": "true" }, make("span"));
        meter.firstChild.style.width = `${100 * Math.min(1, Math.max(0, value))}%`;
        return make("td", { className: "ew-n" }, meter, name === "share" ? `${Math.round(100 * value)}\u00a0%` : value.toFixed(2));
      };
      const rows = event.tags.map((each) => make("tr", {}, make("th", { scope: "row" }, each.tag), bar(each.similarity, "similarity"), bar(each.score, "score"), bar(each.share, "share")));
      const head = make("tr", {}, ["Tag", "Similarity", "Score", "Share"].map((name, index) => make("th", { scope: "col", className: index ? "ew-n" : "" }, name)));
      return make("table", { className: "ew-table ew-evidence" }, make("thead", {}, head), make("tbody", {}, rows));
    }

    _map(event) {
      this.map = this.report.findMap(event);
      const note = this.report.attention && this.report.attention.note;
      if (!this.map || !this.report.view) return note ? make("p", { className: "ew-faint" }, note) : "";
      this.canvas = make("canvas", { role: "img", "aria-label": "Spectrogram around the event; what the encoder looked at most is bright" });
      const end_s = this.map.start_s + this.map.n_tokens * this.map.token_s;
      const scale = make("div", { className: "ew-map-scale" }, make("span", {}, clock(this.map.start_s, 2)), make("span", {}, clock(end_s, 2)));
      this.marks = make("div", { className: "ew-map-marks" });
      return make("figure", { className: "ew-map" }, make("div", { className: "ew-map-box" }, this.canvas, this.marks), scale, make("figcaption", {}, "Where the encoder looked: bright is what counted most, dark what counted least. The line marks the score's peak."));
    }

    drawMap() {
      if (!this.map || !this.canvas || !this.canvas.isConnected) return;
      const { view } = this.report;
      const width = this.canvas.clientWidth || 300;
      const context = pencil(this.canvas, width, MAP_PX);
      const end_s = this.map.start_s + this.map.n_tokens * this.map.token_s;
      if (!this.pictures || this.pictures.spectrogram !== view.spectrogram) this.pictures = new Pictures(view.spectrogram, () => this.drawMap());
      this.pictures.draw(context, this.map.start_s, end_s, 0, 0, width, MAP_PX);
      shade(context, this.map, view.spectrogram.centres_hz, width, MAP_PX);
      const { peak_s } = this.map;
      context.fillStyle = "#fff";
      context.fillRect(((peak_s + this.map.token_s / 2 - this.map.start_s) / (end_s - this.map.start_s)) * width - 0.5, 0, 1, MAP_PX);
      this.marks.replaceChildren(...[500, 2000].map((hz) => {
        const mark = make("span", {}, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`);
        mark.style.bottom = `${100 * heightOf(hz, view.spectrogram.centres_hz)}%`;
        return mark;
      }));
    }
  }

  Object.assign(parts, { Why });
})();
