// Recording from the microphone to a WAV file: level, time, stop. The audio is not changed: the browser's echo
// cancelling, noise suppression and gain control are for calls and stay off.

import { Problem } from "./api.js";
import { makeWav } from "./wav.js";

const { make, showTime, prepareCanvas } = window.earwitness.parts;
const CONSTRAINTS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
const LEAST_DB = -60;
const N_BARS = 120;
const FLUSH_MS = 500;

export class Recorder {
  constructor({ onRecorded, onProblem, onOpen }) {
    Object.assign(this, { onRecorded, onProblem, onOpen });
    this.longest_s = 3600;
    this.meter = make("canvas", { className: "app-level", role: "img", "aria-label": "Level of the microphone" });
    this.time = make("output", { className: "app-record-time", "aria-label": "Recorded" });
    this.level = make("span", { className: "app-record-level", "aria-hidden": "true" });
    const stop = make("button", { type: "button", className: "app-primary app-stop", onclick: () => this.finish() }, "Stop and analyse");
    const drop = make("button", { type: "button", className: "ew-button", onclick: () => this.cancel() }, "Discard");
    this.stopButton = stop;
    this.element = make("div", { className: "app-recorder", role: "group", "aria-label": "Recording", hidden: true },
      make("div", { className: "app-record-head" }, make("span", { className: "app-record-dot", "aria-hidden": "true" }), this.time, this.level), this.meter, make("div", { className: "app-record-acts" }, stop, drop));
  }

  async start() {
    if (this.stream || this.isOpening) return;
    this.isOpening = true;
    try {
      if (!navigator.mediaDevices) throw new Problem("No microphone available", "Browsers allow it only for pages on this machine or over https.");
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: CONSTRAINTS });
      await this._listen();
    } catch (error) {
      this._close();
      this.onProblem(describeError(error));
    }
    this.isOpening = false;
  }

  async _listen() {
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("/assets/capture_worklet.js");
    const source = this.context.createMediaStreamSource(this.stream);
    this.node = new AudioWorkletNode(this.context, "earwitness-capture", { numberOfOutputs: 0 });
    [this.blocks, this.levels, this.n_samples] = [[], [], 0];
    this.node.port.onmessage = ({ data }) => this._take(data);
    source.connect(this.node);
    await this.context.resume();
    this.element.hidden = false;
    this.onOpen(true);
    this.stopButton.focus();
    this._draw();
  }

  _take(block) {
    if (!block) {
      if (this.onFlushed) this.onFlushed();
      return;
    }
    this.blocks.push(block);
    this.n_samples += block.length;
    const peak = block.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
    this.levels.push(Math.max(LEAST_DB, 20 * Math.log10(peak)));
    if (this.n_samples / this.context.sampleRate >= this.longest_s) this.finish();
    else this._draw();
  }

  _draw() {
    const [width, height] = [this.meter.clientWidth || 240, this.meter.clientHeight || 48];
    const context = prepareCanvas(this.meter, width, height);
    const style = getComputedStyle(this.element);
    const step = width / N_BARS;
    const shown = this.levels.slice(-N_BARS);
    shown.forEach((db, index) => {
      const high = Math.max(2, (1 - db / LEAST_DB) * height);
      context.fillStyle = style.getPropertyValue(db > -1 ? "--app-bad" : "--ew-accent").trim();
      context.fillRect((N_BARS - shown.length + index) * step, (height - high) / 2, Math.max(1, step - 1), high);
    });
    this.time.textContent = showTime(this.n_samples / this.context.sampleRate);
    const last = shown[shown.length - 1];
    this.level.textContent = last === undefined ? "" : last > -1 ? "too loud" : `${Math.round(last)} dB`;
  }

  /** Stop and return the recorded file. */
  async finish() {
    if (!this.node || this.isEnding) return;
    this.isEnding = true;
    await new Promise((resolve) => {
      this.onFlushed = resolve;
      setTimeout(resolve, FLUSH_MS);
      this.node.port.postMessage("end");
    });
    const [blocks, rate_hz, n_samples] = [this.blocks, this.context.sampleRate, this.n_samples];
    this._close();
    if (!n_samples) {
      this.onProblem(new Problem("Nothing was recorded", "The microphone returned no audio."));
      return;
    }
    const at = new Date().toTimeString().slice(0, 8).replaceAll(":", ".");
    this.onRecorded(new File([makeWav(blocks, rate_hz)], `microphone ${at}.wav`, { type: "audio/wav" }));
  }

  cancel() {
    this._close();
  }

  _close() {
    if (this.stream) this.stream.getTracks().forEach((track) => track.stop());
    if (this.context) this.context.close();
    this.stream = this.context = this.node = this.onFlushed = null;
    this.isEnding = false;
    this.element.hidden = true;
    this.onOpen(false);
  }
}

function describeError(error) {
  const known = {
    NotAllowedError: ["Microphone access was denied", "Allow it in the browser's address bar and record again, or choose a file."],
    NotFoundError: ["There is no microphone", "Connect one, then record again."],
    NotReadableError: ["The microphone is in use", "Another program uses it; close that program, then record again."],
  }[error.name];
  if (known) return new Problem(...known);
  return error instanceof Problem ? error : new Problem("The microphone cannot be used", String(error.message || error));
}
