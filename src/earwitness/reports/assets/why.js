// Why an event was detected: a sentence, its tags, and the attention map.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, isolate, showTime, prepareCanvas, shade, heightOf, Pictures, colourOf } = parts;
  const MAP_PX = 150;

  /** The reason as text. */
  function explain(report, event) {
    const [first, ...others] = event.tags;
    const text = [isolate(event.word, { className: "ew-strong" }), ` was detected from ${showTime(event.onset_s, 2)} to ${showTime(event.offset_s, 2)}`];
    if (!first) return [...text, "."];
    const closeness = first.similarity > 0.95 ? "which means the same as the word" : first.similarity > 0.6 ? "which is close to it in meaning" : "which is related to it";
    text.push(", mainly by the tag ", make("b", {}, first.tag), `, ${closeness} (similarity ${first.similarity.toFixed(2)}). `);
    text.push(`It scored ${first.score.toFixed(2)} at ${showTime(event.peak_s, 2)} and contributes ${Math.round(100 * first.share)}\u00a0% of the evidence`);
    text.push(others.length ? `; the rest comes from ${others.map((each) => each.tag).join(" and ")}. ` : ". ");
    const threshold = report.answer.curves && report.answer.thresholds ? report.answer.thresholds[event.word] : null;
    if (threshold) text.push(`The word's score reached ${event.score.toFixed(2)}; the threshold is ${threshold[0].toFixed(2)}.`);
    return text;
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
      this.element.classList.toggle("ew-unselected", report.selected === null);
      if (!event) return this.element.replaceChildren();
      const swatch = make("span", { className: "ew-swatch" });
      swatch.style.backgroundColor = colourOf(report.words.indexOf(event.word));
      this.element.replaceChildren(make("h2", {}, "Why ", swatch, isolate(event.word)), make("p", {}, explain(report, event)), this._tags(event), this._map(event));
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
      this.canvas = make("canvas", { role: "img", "aria-label": "Spectrogram around the event; parts with much attention are bright" });
      const end_s = this.map.start_s + this.map.n_tokens * this.map.token_s;
      const scale = make("div", { className: "ew-map-scale" }, make("span", {}, showTime(this.map.start_s, 2)), make("span", {}, showTime(end_s, 2)));
      this.marks = make("div", { className: "ew-map-marks" });
      return make("figure", { className: "ew-map" }, make("div", { className: "ew-map-box" }, this.canvas, this.marks), scale, make("figcaption", {}, "Attention of the encoder: bright parts counted most, dark parts least. The line marks the peak of the score."));
    }

    drawMap() {
      if (!this.map || !this.canvas || !this.canvas.isConnected) return;
      const { view } = this.report;
      const width = this.canvas.clientWidth || 300;
      const context = prepareCanvas(this.canvas, width, MAP_PX);
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
