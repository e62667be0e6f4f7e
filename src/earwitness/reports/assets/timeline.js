// The timeline: an overview of the whole recording, and the shown part with spectrogram, axis, lanes and tags.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, showTime, showTick, chooseStep, prepareCanvas, readTheme, heightOf, frequencyAt, Pictures, ShownRange, Gestures, Lane, TagRows, colourOf } = parts;
  const OVERVIEW_PX = 56;
  const AXIS_PX = 26;
  const LABEL_PX = 14; // a label of a frequency
  const SHOWN_HZ = [125, 250, 500, 1000, 2000, 4000, 8000, 16000];

  class Timeline {
    constructor(report) {
      this.report = report;
      this.lanes = [];
      this.tagRows = null;
      this.range = new ShownRange(() => this.redraw());
      this._build();
      this.gestures = new Gestures(this.stage, this.range, () => this.spectrogramTrack.getBoundingClientRect(), (s, event) => this._click(s, event));
      this.watch = new ResizeObserver(() => this.redraw(true));
      this.watch.observe(this.spectrogramTrack);
      this.stage.addEventListener("pointermove", (event) => this._hover(event));
      this.stage.addEventListener("pointerleave", () => this._unhover());
    }

    _build() {
      const canvas = (className, label) => make("canvas", { className, role: label ? "img" : null, "aria-label": label, "aria-hidden": label ? null : "true" });
      const button = (text, label, act) => make("button", { type: "button", className: "ew-button", "aria-label": label, title: label, onclick: act }, text);
      this.shown = make("span", { className: "ew-shown" });
      this.tools = make("div", { className: "ew-tools", role: "group", "aria-label": "Zoom" }, this.shown,
        button("−", "Zoom out (-)", () => this.zoom(2)), button("+", "Zoom in (+)", () => this.zoom(0.5)),
        button("All", "Show all (0)", () => this.range.show(0, this.range.duration_s)));
      this.overview = canvas("ew-overview-canvas", "The whole recording: spectrogram and events");
      this.frame = make("div", { className: "ew-frame" });
      this.overviewHead = make("div", { className: "ew-head" });
      this.overviewTrack = make("div", { className: "ew-overview" }, this.overview, this.frame, this.overviewHead);
      this._letDrag();
      this.spectrogram = canvas("", "Spectrogram: time to the right, frequency upwards on the mel scale");
      this.spectrogramTrack = make("div", { className: "ew-track ew-spectrogram", tabIndex: 0, role: "slider", "aria-label": "Position in the recording", "aria-valuemin": "0" }, this.spectrogram);
      this.hertz = make("div", { className: "ew-hertz", "aria-hidden": "true" });
      this.axis = canvas("");
      this.laneBox = make("div", { className: "ew-lanes" });
      this.tagBox = make("div", { className: "ew-tag-box" });
      this.head = make("div", { className: "ew-head" });
      this.cross = make("div", { className: "ew-cross", hidden: true });
      this.tip = make("div", { className: "ew-tip", hidden: true });
      this.stage = make("div", { className: "ew-stage" },
        make("div", { className: "ew-row" }, this.hertz, this.spectrogramTrack),
        make("div", { className: "ew-row" }, make("div", {}), make("div", { className: "ew-track ew-axis" }, this.axis)),
        this.laneBox, this.tagBox,
        make("div", { className: "ew-overlay", "aria-hidden": "true" }, this.head, this.cross, this.tip));
      this.element = make("section", { className: "ew-timeline", "aria-label": "Timeline" }, this.overviewTrack, this.tools, this.stage);
    }

    setView(view) {
      const pictures = new Pictures(view.spectrogram, () => {
        if (this.report.view !== view) return;
        this.pictures = pictures; // the old ones stay until the new ones are decoded, so that nothing flickers
        this.redraw(true);
      });
      pictures.load();
      this.tagRows = new TagRows(this.report);
      this.tagBox.replaceChildren(make("h3", { className: "ew-small-title" }, "Strongest tags"), this.tagRows.element);
      const { centres_hz } = view.spectrogram;
      const least = LABEL_PX / (this.spectrogramTrack.clientHeight || 220);
      const isApart = (hz) => heightOf(2 * hz, centres_hz) - heightOf(hz, centres_hz) >= least;
      const shown = SHOWN_HZ.filter((hz) => hz <= centres_hz[centres_hz.length - 1] * 1.1 && hz >= 2 * centres_hz[0] && (hz >= 1000 || isApart(hz)));
      this.hertz.replaceChildren(...shown.map((hz) => {
        const mark = make("span", {}, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`);
        mark.style.bottom = `${(100 * heightOf(hz, centres_hz)).toFixed(2)}%`;
        return mark;
      }));
      this.setDuration();
    }

    setAnswer() {
      this.lanes = this.report.words.map((word, index) => new Lane(this.report, word, index));
      this.laneBox.replaceChildren(...this.lanes.map((lane) => lane.element));
      this.setDuration();
    }

    setDuration() {
      this.range.setDuration(this.report.duration_s);
      this.spectrogramTrack.setAttribute("aria-valuemax", String(Math.round(this.report.duration_s)));
      this.redraw(true);
    }

    zoom(factor) {
      const { position_s } = this.report.player;
      this.range.zoom(factor, this.range.includes(position_s) ? position_s : (this.range.from_s + this.range.to_s) / 2);
    }

    /** Scroll to a time range, with some room around it. */
    reveal(from_s, to_s) {
      if (this.range.includes(from_s) && this.range.includes(to_s)) return;
      const span = Math.max(this.range.span_s, 1.5 * (to_s - from_s));
      const middle = (from_s + to_s) / 2;
      this.range.show(middle - span / 2, middle + span / 2);
    }

    /** Zoom to a time range. */
    zoomTo(from_s, to_s) {
      const span = Math.max(10, 3 * (to_s - from_s));
      this.range.show((from_s + to_s - span) / 2, (from_s + to_s + span) / 2);
    }

    follow(position_s, isPlaying) {
      if (isPlaying && !this.range.includes(position_s) && !this.range.isWhole()) {
        this.range.show(position_s - 0.05 * this.range.span_s, position_s + 0.95 * this.range.span_s);
      }
      this._placeHead(position_s);
    }

    /** Draw in the next frame; with `isAll` also the overview. */
    redraw(isAll = false) {
      this.isAllDue = this.isAllDue || isAll;
      if (this.due) return;
      this.due = requestAnimationFrame(() => this.drawNow());
    }

    drawNow() {
      cancelAnimationFrame(this.due);
      this.due = null;
      const width = this.spectrogramTrack.clientWidth;
      if (!width) return;
      const theme = readTheme(this.report.element);
      if (this.isAllDue) this._drawOverview(theme);
      this.isAllDue = false;
      const { from_s, to_s } = this.range;
      const context = prepareCanvas(this.spectrogram, width, this.spectrogramTrack.clientHeight);
      if (this.pictures) this.pictures.draw(context, from_s, to_s, 0, 0, width, this.spectrogramTrack.clientHeight);
      this._drawAxis(width, theme);
      this.lanes.forEach((lane) => lane.draw(this.range, width, theme));
      if (this.tagRows) this.tagRows.draw(this.range, width, theme);
      this.frame.style.left = `${(100 * from_s) / this.range.duration_s}%`;
      this.frame.style.width = `${(100 * this.range.span_s) / this.range.duration_s}%`;
      this.frame.classList.toggle("ew-whole", this.range.isWhole());
      const { answer, isPartial } = this.report;
      const shown = this.range.isWhole() ? "Whole recording" : `${showTime(from_s)} to ${showTime(to_s)}`;
      this.shown.textContent = isPartial ? `${shown}, analysed up to ${showTime(answer.heard_until_s)}` : shown;
      this._placeHead(this.report.player.position_s);
    }

    _drawOverview(theme) {
      const width = this.overviewTrack.clientWidth;
      const context = prepareCanvas(this.overview, width, OVERVIEW_PX);
      const { duration_s } = this.range;
      if (this.pictures) this.pictures.draw(context, 0, duration_s, 0, 0, width, OVERVIEW_PX - 14);
      const { words, events, answer } = this.report;
      const analysed_s = answer && answer.heard_until_s;
      context.fillStyle = theme.line;
      if (analysed_s) context.fillRect((analysed_s / duration_s) * width, OVERVIEW_PX - 12, width, 12);
      for (const event of events) {
        context.fillStyle = colourOf(words.indexOf(event.word));
        const x = (event.onset_s / duration_s) * width;
        context.fillRect(x, OVERVIEW_PX - 11, Math.max(2, ((event.offset_s - event.onset_s) / duration_s) * width), 10);
      }
    }

    _drawAxis(width, theme) {
      const context = prepareCanvas(this.axis, width, AXIS_PX);
      const { from_s, to_s, span_s } = this.range;
      const isLong = to_s >= 60;
      const step = chooseStep(span_s, Math.max(2, width / 90));
      context.font = `12px ${getComputedStyle(this.report.element).fontFamily}`;
      context.textBaseline = "bottom";
      for (let index = Math.ceil(from_s / step - 1e-9); index * step <= to_s + 1e-9; index += 1) {
        const x = ((index * step - from_s) / span_s) * width;
        context.fillStyle = theme.line;
        context.fillRect(Math.min(Math.round(x), width - 1), 0, 1, 6);
        context.fillStyle = theme.faint;
        const text = showTick(index * step, step, isLong) + (isLong ? "" : " s");
        const half = context.measureText(text).width / 2;
        context.fillText(text, parts.clamp(x - half, 0, width - 2 * half), AXIS_PX - 4);
      }
    }

    _placeHead(position_s) {
      const share = (position_s - this.range.from_s) / this.range.span_s;
      this.head.hidden = share < 0 || share > 1;
      this.head.style.left = `${100 * share}%`;
      this.overviewHead.style.left = `${(100 * position_s) / this.range.duration_s}%`;
      this.spectrogramTrack.setAttribute("aria-valuenow", position_s.toFixed(1));
      this.spectrogramTrack.setAttribute("aria-valuetext", showTime(position_s));
    }

    _letDrag() {
      const move = (event) => {
        const box = this.overviewTrack.getBoundingClientRect();
        const at_s = ((event.clientX - box.left) / box.width) * this.range.duration_s;
        const half = this.range.span_s / 2;
        if (this.range.isWhole()) this.report.seek(at_s);
        else this.range.show(at_s - half, at_s + half);
      };
      this.overviewTrack.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        this.overviewTrack.setPointerCapture(event.pointerId);
        move(event);
      });
      this.overviewTrack.addEventListener("pointermove", (event) => event.buttons & 1 && move(event));
    }

    _click(s, event) {
      this.report.seek(s);
      this._hover(event);
    }

    _hover(event) {
      const box = this.spectrogramTrack.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const row = event.target.closest(".ew-row");
      if (share < 0 || share > 1 || !row || event.target.closest(".ew-label")) return this._unhover();
      const s = this.gestures.timeAt(event.clientX);
      const text = this._read(row, s, event.clientY);
      this.tip.textContent = [showTime(s, this.range.span_s < 600 ? 2 : 1), text].filter(Boolean).join(" · ");
      this.cross.style.left = `${100 * share}%`;
      this.tip.style.top = `${event.clientY - this.stage.getBoundingClientRect().top}px`;
      this.tip.hidden = this.cross.hidden = false;
      const wide = this.tip.offsetWidth + 12;
      const x = share * box.width;
      this.tip.style.left = `${x + wide > box.width ? Math.max(x - wide, wide - 12 > box.width ? box.width - wide : 0) : x + 12}px`;
      return undefined;
    }

    _read(row, s, y) {
      const lane = this.lanes.find((each) => each.element === row);
      if (lane) return lane.read(s);
      const box = row.querySelector(".ew-track").getBoundingClientRect();
      const share = (y - box.top) / box.height;
      if (this.tagRows && row === this.tagRows.element) return this.tagRows.read(s, share);
      if (!row.contains(this.spectrogramTrack) || !this.report.view) return "";
      return `${Math.round(frequencyAt(1 - share, this.report.view.spectrogram.centres_hz))} Hz`;
    }

    _unhover() {
      this.tip.hidden = this.cross.hidden = true;
    }

    destroy() {
      this.watch.disconnect();
      cancelAnimationFrame(this.due);
    }
  }

  Object.assign(parts, { Timeline });
})();
