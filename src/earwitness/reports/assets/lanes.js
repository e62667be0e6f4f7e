// A lane for each word: its score over time, the threshold and its events; and a row for each of the top tags.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, isolate, showTime, colourOf, prepareCanvas, drawRow, readBytes, plural } = parts;
  const LANE_PX = 48;
  const TAG_PX = 20;
  const N_BUTTONS = 200; // of a lane; more are drawn as stripes, and become buttons after zooming in
  const LEAST_PX = 8;

  /** The largest byte of each column of `width` pixels. */
  function traceColumns(bytes, step_s, from_s, to_s, width) {
    const columns = new Float32Array(width);
    for (let x = 0; x < width; x += 1) {
      const first = Math.floor((from_s + (x / width) * (to_s - from_s)) / step_s);
      const last = Math.max(first + 1, Math.ceil((from_s + ((x + 1) / width) * (to_s - from_s)) / step_s));
      let largest = 0;
      for (let index = Math.max(0, first); index < Math.min(last, bytes.length); index += 1) largest = Math.max(largest, bytes[index]);
      columns[x] = first >= bytes.length ? -1 : largest / 255;
    }
    return columns;
  }

  class Lane {
    constructor(report, word, index) {
      Object.assign(this, { report, word, colour: colourOf(index) });
      const answer = report.answer;
      this.events = report.events.map((event, at) => ({ ...event, at })).filter((event) => event.word === word);
      this.byScore = [...this.events].sort((a, b) => b.score - a.score);
      this.threshold = answer.thresholds && answer.curves ? (answer.thresholds[word] || [null])[0] : null;
      this.bytes = answer.curves && answer.curves.words[word] ? readBytes(answer.curves.words[word]) : null;
      this.step_s = answer.curves ? answer.curves.step_s : 0;
      this.buttons = [];
      this.element = this._build();
    }

    _build() {
      const isPartial = this.report.isPartial;
      const count = this.events.length ? plural(this.events.length, "event") : isPartial ? "no events yet" : "no events";
      const swatch = make("span", { className: "ew-swatch" });
      swatch.style.backgroundColor = this.colour;
      const name = make("span", { className: "ew-word" }, isolate(this.word, { title: this.word }));
      const label = make("div", { className: "ew-label" }, make("div", { className: "ew-label-word" }, swatch, name), make("div", { className: "ew-count" }, count));
      this.canvas = make("canvas", { "aria-hidden": "true" });
      this.track = make("div", { className: "ew-track ew-lane-track" }, this.canvas);
      const row = make("div", { className: "ew-row ew-lane", role: "group", "aria-label": `${this.word}: ${count}`, "data-word": this.word }, label, this.track);
      row.classList.toggle("ew-undetected", !this.events.length);
      return row;
    }

    /** The tooltip at a time. */
    read(s) {
      const score = this.bytes ? this.bytes[Math.floor(s / this.step_s)] : undefined;
      const text = score === undefined ? "" : ` · score ${(score / 255).toFixed(2)}`;
      return `${this.word}${text}`;
    }

    draw(range, width, theme) {
      const context = prepareCanvas(this.canvas, width, LANE_PX);
      if (this.bytes) this._drawCurve(context, range, width, theme);
      const shown = this.byScore.filter((event) => event.offset_s >= range.from_s && event.onset_s <= range.to_s);
      this._placeButtons(shown.slice(0, N_BUTTONS), range, width);
      context.fillStyle = this.colour;
      for (const event of shown.slice(N_BUTTONS)) {
        const x = ((event.onset_s - range.from_s) / range.span_s) * width;
        context.fillRect(x, 4, Math.max(1, ((event.offset_s - event.onset_s) / range.span_s) * width), LANE_PX - 8);
      }
    }

    _drawCurve(context, range, width, theme) {
      const high = (score) => LANE_PX - 3 - score * (LANE_PX - 6);
      const columns = traceColumns(this.bytes, this.step_s, range.from_s, range.to_s, Math.round(width));
      const end = columns.findIndex((score) => score < 0);
      const known = end < 0 ? columns : columns.subarray(0, end);
      if (this.threshold !== null) {
        context.strokeStyle = theme.faint;
        context.setLineDash([2, 4]);
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(0, high(this.threshold));
        context.lineTo(width, high(this.threshold));
        context.stroke();
        context.setLineDash([]);
      }
      context.beginPath();
      known.forEach((score, x) => context.lineTo(x + 0.5, high(score)));
      context.strokeStyle = this.colour;
      context.lineWidth = 1.5;
      context.lineJoin = "round";
      context.stroke();
      context.lineTo(known.length, LANE_PX);
      context.lineTo(0, LANE_PX);
      context.globalAlpha = 0.12;
      context.fillStyle = this.colour;
      context.fill();
      context.globalAlpha = 1;
    }

    _placeButtons(shown, range, width) {
      while (this.buttons.length < shown.length) this.buttons.push(this._makeButton());
      this.buttons.splice(shown.length).forEach((button) => button.remove());
      shown.forEach((event, index) => {
        const button = this.buttons[index];
        const left = ((event.onset_s - range.from_s) / range.span_s) * width;
        const wide = Math.max(LEAST_PX, ((event.offset_s - event.onset_s) / range.span_s) * width);
        button.style.left = `${((100 * left) / width).toFixed(4)}%`;
        button.style.width = `${((100 * wide) / width).toFixed(4)}%`;
        if (button.dataset.eventIndex !== String(event.at)) {
          button.dataset.eventIndex = event.at;
          const text = `${this.word}, ${showTime(event.onset_s)} to ${showTime(event.offset_s)}, score ${event.score.toFixed(2)}${event.tier ? `, ${event.tier}` : ""}`;
          button.setAttribute("aria-label", `Play ${text}`);
          button.lastChild.textContent = event.score.toFixed(2);
        }
        button.classList.toggle("ew-narrow", wide < 38);
        button.classList.toggle("ew-possible", event.tier === "possible");
        button.setAttribute("aria-pressed", String(event.at === this.report.selected));
      });
    }

    _makeButton() {
      const button = make("button", { type: "button", className: "ew-region", tabIndex: -1, "data-word": this.word, ondblclick: () => this.report.lookClosely(), onclick: () => this.report.select(Number(button.dataset.eventIndex), { isPlayed: true }) }, make("span"));
      button.style.setProperty("--ew-colour", this.colour);
      this.track.append(button);
      return button;
    }
  }

  /** The strongest tags over time, a row each; a fuller colour is a higher score. */
  class TagRows {
    constructor(report) {
      this.report = report;
      this.tags = report.view.tags;
      this.bytes = this.tags.scores.map(readBytes);
      this.labels = this.tags.names.map((name) => make("div", { className: "ew-tag-label", title: name }, name));
      this.canvas = make("canvas", { role: "img", "aria-label": `The strongest tags over time: ${this.tags.names.join(", ")}` });
      const label = make("div", { className: "ew-tag-labels" }, this.labels);
      this.track = make("div", { className: "ew-track ew-tag-track" }, this.canvas);
      this.element = make("div", { className: "ew-row ew-tags" }, label, this.track);
    }

    get height() {
      return TAG_PX * this.tags.names.length;
    }

    read(s, share) {
      const row = parts.clamp(Math.floor(share * this.tags.names.length), 0, this.tags.names.length - 1);
      const byte = this.bytes[row][Math.floor(s / this.tags.step_s)];
      return byte === undefined ? this.tags.names[row] : `${this.tags.names[row]} · ${(1e-3 * 1000 ** (byte / 255)).toFixed(byte > 170 ? 2 : 3)}`;
    }

    draw(range, width, theme) {
      const context = prepareCanvas(this.canvas, width, this.height);
      if (this.drawnWith !== theme.heat) {
        this.drawnWith = theme.heat;
        this.rows = this.bytes.map((bytes) => drawRow(bytes, theme.heat));
      }
      const { step_s } = this.tags;
      this.rows.forEach((row, index) => {
        const last = Math.min(range.to_s, row.width * step_s);
        const across = (last - range.from_s) / step_s;
        if (across <= 0) return;
        context.imageSmoothingEnabled = across > width;
        const wide = (width * (last - range.from_s)) / range.span_s;
        context.drawImage(row, range.from_s / step_s, 0, across, 1, 0, index * TAG_PX + 1, wide, TAG_PX - 2);
      });
    }
  }

  Object.assign(parts, { Lane, TagRows });
})();
