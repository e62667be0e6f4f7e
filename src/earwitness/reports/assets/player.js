// The player: one audio element with its own bar. Without audio the playhead can still be moved.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { make, icon, showTime, clamp } = parts;
  const PLAY = "M7 4.5v15l13-7.5z";
  const PAUSE = "M6 4.5h4.5v15H6zM13.5 4.5H18v15h-4.5z";
  const PREVIOUS = "M6 5h2.5v14H6zM20 5v14L9.5 12z";
  const NEXT = "M15.5 5H18v14h-2.5zM4 5v14l10.5-7z";
  const SPEEDS = [0.25, 0.5, 0.75, 1, 1.5, 2, 4];

  class Player {
    /** `report`: the mounted report, for duration_s and stepping between events. */
    constructor(report) {
      this.report = report;
      this.position_s = 0;
      this.stop_s = null;
      this.waits_s = null; // where to seek once the audio is loaded
      this.audio = make("audio", { preload: "metadata" });
      const on = (name, act) => this.audio.addEventListener(name, act);
      on("loadedmetadata", () => this._arrive());
      on("play", () => this._show());
      on("pause", () => this._show());
      on("ended", () => this._show());
      on("seeked", () => this._follow());
      on("timeupdate", () => this._follow());
      on("error", () => this._fail());
      this.element = this._build();
    }

    _build() {
      const step = (path, label, act) => make("button", { type: "button", className: "ew-button", "aria-label": label, title: label, onclick: act }, icon(path));
      this.playButton = make("button", { type: "button", className: "ew-play", "aria-label": "Play", onclick: () => this.toggle() }, icon(PLAY));
      this.time = make("output", { className: "ew-time", "aria-label": "Position" });
      const speeds = SPEEDS.map((speed) => make("option", { value: String(speed), selected: speed === 1 }, `${speed}×`));
      this.speed = make("select", { className: "ew-select", "aria-label": "Playback speed", onchange: () => this._setSpeed() }, speeds);
      this.note = make("p", { className: "ew-status", role: "status" });
      const previous = step(PREVIOUS, "Previous event (p)", () => this.report.stepEvent(-1));
      const next = step(NEXT, "Next event (n)", () => this.report.stepEvent(1));
      this.right = make("div", { className: "ew-bar-right" }, this.speed);
      return make("div", { className: "ew-bar", role: "group", "aria-label": "Player" },
        make("div", { className: "ew-bar-row" }, previous, this.playButton, next, this.time, this.right), this.note, this.audio);
    }

    /** Set the audio's address, or null for none; `note` is shown below the bar. */
    setAudio(url, note = "") {
      this.hasAudio = Boolean(url);
      this.waits_s = this.position_s;
      if (url) this.audio.src = url;
      else this.audio.removeAttribute("src");
      this.note.textContent = note;
      this._show();
    }

    /** Set a function that returns the audio's address when it is first needed. */
    setLazyAudio(load, note = "") {
      this.hasAudio = true;
      this.load = load;
      this.note.textContent = note;
      this._show();
    }

    loadNow() {
      if (!this.load) return;
      const { load } = this;
      this.load = null;
      this.setAudio(load(), this.note.textContent);
    }

    seek(s) {
      this.loadNow();
      this.position_s = clamp(s, 0, this.report.duration_s || 0);
      this.stop_s = null;
      if (this.hasAudio && this.audio.readyState >= 1) this.audio.currentTime = this.position_s;
      else this.waits_s = this.position_s;
      this._moved();
    }

    /** Play from one time, to another if it is isolate. */
    play(from_s = null, to_s = null) {
      this.loadNow();
      if (from_s !== null) this.seek(from_s);
      this.stop_s = to_s;
      if (!this.hasAudio) return;
      const begun = this.audio.play();
      if (begun) begun.catch((error) => (error.name === "AbortError" ? null : this._fail()));
    }

    toggle() {
      if (!this.audio.paused) this.audio.pause();
      else this.play(this.position_s >= this.report.duration_s - 0.05 ? 0 : null);
    }

    destroy() {
      this.audio.pause();
      this.audio.removeAttribute("src");
      cancelAnimationFrame(this.frame);
    }

    _arrive() {
      this.audio.playbackRate = Number(this.speed.value);
      if (this.waits_s) this.audio.currentTime = this.waits_s;
      this.waits_s = null;
    }

    _setSpeed() {
      this.audio.playbackRate = Number(this.speed.value);
    }

    _fail() {
      if (!this.hasAudio) return;
      this.hasAudio = false;
      this.note.textContent = "The audio cannot be played: the recording has moved, or this browser does not support its format.";
      this._show();
    }

    _follow() {
      if (this.waits_s !== null || this.audio.seeking) return;
      this.position_s = this.audio.currentTime;
      if (this.stop_s !== null && this.position_s >= this.stop_s) {
        this.stop_s = null;
        this.audio.pause();
      }
      this._moved();
      cancelAnimationFrame(this.frame);
      if (!this.audio.paused) this.frame = requestAnimationFrame(() => this._follow());
    }

    _moved() {
      this.showTime();
      this.report.onPosition(this.position_s, !this.audio.paused);
    }

    _show() {
      const isPlaying = !this.audio.paused && this.hasAudio;
      this.playButton.replaceChildren(icon(isPlaying ? PAUSE : PLAY));
      this.playButton.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
      this.playButton.title = isPlaying ? "Pause (space)" : "Play (space)";
      this.playButton.disabled = !this.hasAudio;
      this.speed.disabled = !this.hasAudio;
      this.showTime();
      if (isPlaying) this._follow();
    }

    showTime() {
      const total = this.report.duration_s || 0;
      this.time.replaceChildren(make("b", {}, showTime(this.position_s)), ` / ${showTime(total, total < 60 ? 1 : 0)}`);
    }
  }

  Object.assign(parts, { Player });
})();
