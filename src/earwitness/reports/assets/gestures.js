// Gestures on the timeline: drag, wheel, pinch and click change the time range that is shown.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const LEAST_S = 0.25; // of a range
  const DRAG_PX = 5;

  /** The part of a recording that is shown, from_s to to_s. */
  class ShownRange {
    constructor(onChange) {
      this.onChange = onChange;
      this.setDuration(0);
    }

    setDuration(duration_s) {
      const isWhole = !this.duration_s || this.isWhole();
      this.duration_s = Math.max(duration_s, 1e-3);
      if (isWhole) [this.from_s, this.to_s] = [0, this.duration_s];
      else this.show(this.from_s, this.to_s);
    }

    get span_s() {
      return this.to_s - this.from_s;
    }

    isWhole() {
      return this.from_s <= 1e-6 && this.to_s >= this.duration_s - 1e-6;
    }

    show(from_s, to_s) {
      const span = parts.clamp(to_s - from_s, Math.min(LEAST_S, this.duration_s), this.duration_s);
      this.from_s = parts.clamp(from_s, 0, this.duration_s - span);
      this.to_s = this.from_s + span;
      this.onChange();
    }

    /** Show `factor` times as much; the time `at_s` keeps its place. */
    zoom(factor, at_s) {
      const span = parts.clamp(this.span_s * factor, Math.min(LEAST_S, this.duration_s), this.duration_s);
      const share = (at_s - this.from_s) / this.span_s;
      this.show(at_s - share * span, at_s + (1 - share) * span);
    }

    pan(by_s) {
      this.show(this.from_s + by_s, this.to_s + by_s);
    }

    includes(s) {
      return s >= this.from_s && s <= this.to_s;
    }
  }

  /** Moves a range by gestures on an element. `track()` returns the box of the time axis; `onClick(s, event)`. */
  class Gestures {
    constructor(element, range, track, onClick) {
      Object.assign(this, { element, range, track, onClick });
      this.pointers = new Map();
      this.hasMoved = false;
      element.addEventListener("pointerdown", (event) => this._down(event));
      element.addEventListener("pointermove", (event) => this._move(event));
      element.addEventListener("pointerup", (event) => this._up(event));
      element.addEventListener("pointercancel", (event) => this._up(event, true));
      element.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
      element.addEventListener("click", (event) => this._stopClick(event), { capture: true });
    }

    timeAt(x) {
      const box = this.track();
      return this.range.from_s + ((x - box.left) / box.width) * this.range.span_s;
    }

    _down(event) {
      if (event.button !== 0 || !event.target.closest(".ew-track")) return;
      if (!this.pointers.size) this.hasMoved = false;
      this.pointers.set(event.pointerId, { x: event.clientX, first: event.clientX });
    }

    _move(event) {
      const pointer = this.pointers.get(event.pointerId);
      if (!pointer) return;
      const per_s = this.track().width / this.range.span_s;
      if (this.pointers.size === 1) {
        if (!this.hasMoved && Math.abs(event.clientX - pointer.first) < DRAG_PX) return;
        this._capture(event.pointerId);
        this.range.pan((pointer.x - event.clientX) / per_s);
      } else {
        this._capture(event.pointerId);
        const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
        const [before, after] = [Math.abs(pointer.x - other.x), Math.abs(event.clientX - other.x)];
        if (before > 10 && after > 10) this.range.zoom(before / after, this.timeAt((event.clientX + other.x) / 2));
      }
      pointer.x = event.clientX;
    }

    _capture(id) {
      this.hasMoved = true;
      this.element.setPointerCapture(id);
      this.element.classList.add("ew-dragging");
    }

    _up(event, isCancelled = false) {
      if (!this.pointers.delete(event.pointerId)) return;
      this.element.classList.remove("ew-dragging");
      if (!this.hasMoved && !isCancelled && !event.target.closest("button")) this.onClick(this.timeAt(event.clientX), event);
    }

    _stopClick(event) {
      if (!this.hasMoved || !event.isTrusted || !event.target.closest(".ew-track")) return;
      event.stopPropagation();
      this.hasMoved = false;
    }

    _wheel(event) {
      if (!event.target.closest(".ew-track")) return;
      if (event.ctrlKey || event.metaKey) this.range.zoom(Math.exp(event.deltaY * 0.004), this.timeAt(event.clientX));
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
        this.range.pan(((event.deltaX || event.deltaY) / this.track().width) * this.range.span_s);
      } else return;
      event.preventDefault();
    }
  }

  Object.assign(parts, { ShownRange, Gestures });
})();
