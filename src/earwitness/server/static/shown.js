// The selected recording: its report grows during the analysis; with audio, explanations and downloads.

const { make, isolate, baseName } = window.earwitness.parts;
const LEAST_VIEW_MS = 900; // between two views of a recording that is still being analysed
const VIEW_REST = 5; // views take at most a sixth of the time
const OF_ROOT = "earwitness:event-selected";

export class Shown {
  constructor(root, { api, actions, onView, onProblem }) {
    Object.assign(this, { root, api, actions, onView, onProblem });
    this.recording = this.report = null;
    root.addEventListener(OF_ROOT, (event) => this._explain(event.detail.event));
  }

  /** Show another recording, or none. */
  open(recording) {
    this.recording = recording;
    if (this.report) this.report.destroy();
    this.report = null;
    this.hasAudio = false;
    this.root.replaceChildren();
    if (recording) this.refresh();
  }

  /** Update the report to the recording's current state. */
  refresh() {
    const { recording } = this;
    if (!recording) return;
    if (recording.heard_until_s > 0 && (recording.state === "working" || recording.state === "done")) this._fetchView(recording);
    if (this.report) return;
    if (recording.view) this._mount();
    else this._showWait();
  }

  setAnswer(recording) {
    if (recording === this.recording && this.report) this.report.setAnswer(recording.answer);
  }

  _mount() {
    const { recording } = this;
    const box = make("div", { className: "app-report" });
    this.root.replaceChildren(make("div", { className: "app-actions" }, this.actions), box);
    this.report = window.earwitness.mountReport(box, { view: recording.view, answer: recording.answer || null });
    if (recording.maps) this.report.setAttention({ maps: recording.maps });
    this._giveSound(recording);
  }

  _showWait() {
    const { recording } = this;
    const problem = recording.state === "failed" ? recording.problem : null;
    const gone = recording.state === "gone";
    const title = problem ? problem.title : gone ? "No longer stored" : recording.state === "sending" || recording.state === "queued" ? "Uploading" : recording.state === "held" ? "Waiting for the server" : "Waiting to be analysed";
    const detail = problem ? problem.detail : gone ? "The server stores recordings for a limited time. Upload it again to continue." : "The report appears here and grows during the analysis.";
    const state = `${title}|${detail}`;
    if (this.root.dataset.waiting === state && this.root.querySelector(".app-wait")) return;
    this.root.dataset.waiting = state;
    const wait = make("div", { className: `app-wait${problem || gone ? " is-bad" : ""}` }, make("h1", {}, isolate(baseName(recording.name))), make("p", { className: "app-wait-title" }, title), make("p", { className: "ew-faint" }, detail), problem || gone ? null : make("div", { className: "app-ghost", "aria-hidden": "true" }));
    this.root.replaceChildren(wait);
  }

  /** Fetch the view repeatedly during the analysis, no more often than it can be drawn, and once at the end. */
  async _fetchView(recording) {
    const isDone = recording.state === "done";
    const due = isDone ? !recording.hasWholeView : performance.now() >= (recording.nextView_ms || 0);
    if (recording.isFetching || !due || recording.viewed_s === recording.heard_until_s && !isDone) return;
    recording.isFetching = true;
    const begun = performance.now();
    try {
      const until_s = recording.heard_until_s;
      recording.view = await this.api.json("GET", `/v1/recordings/${recording.id}/view`);
      Object.assign(recording, { viewed_s: until_s, hasWholeView: isDone });
      this._takeView(recording);
    } catch (error) {
      if (error.status !== 409 && error.status !== 404 && !recording.isRemoved) this.onProblem(error);
    }
    const now = performance.now();
    recording.nextView_ms = now + Math.max(LEAST_VIEW_MS, VIEW_REST * (now - begun));
    recording.isFetching = false;
    if (recording === this.recording && recording.state === "done" && !recording.hasWholeView && !recording.isRemoved) this._fetchView(recording);
  }

  _takeView(recording) {
    this.onView(recording);
    if (recording !== this.recording) return;
    if (this.report) this.report.setView(recording.view);
    else this._mount();
  }

  /** Give the player the audio by its address; with a token through memory, because players send no headers. */
  async _giveSound(recording) {
    const path = `/v1/recordings/${recording.id}/audio`;
    const { report } = this;
    if (!this.api.hasToken) return report.setAudio(path);
    try {
      if (!recording.soundUrl) {
        report.setAudio({ url: null, note: "Loading the audio..." });
        const sound = await (await this.api.request("GET", path)).blob();
        if (recording.isRemoved) return undefined; // an object URL would keep the audio in memory
        recording.soundUrl = recording.soundUrl || URL.createObjectURL(sound);
      }
      if (this.report === report) report.setAudio(recording.soundUrl);
    } catch (error) {
      if (!recording.isRemoved) this.onProblem(error);
    }
    return undefined;
  }

  /** Fetch the attention map of a selected event. */
  async _explain(event) {
    const { recording } = this;
    recording.maps = recording.maps || [];
    if (recording.maps.some((map) => map.peak_s === event.peak_s)) return;
    try {
      const found = await this.api.json("GET", `/v1/recordings/${recording.id}/attention?at_s=${event.peak_s}`);
      recording.maps.push({ ...found.map, peak_s: event.peak_s });
    } catch (error) {
      if (recording === this.recording && this.report) this.report.setAttention({ maps: recording.maps, note: `No attention map: ${error.detail || error.message}` });
      return;
    }
    if (recording === this.recording && this.report) this.report.setAttention({ maps: recording.maps });
  }

  forget(recording) {
    if (recording.soundUrl) URL.revokeObjectURL(recording.soundUrl);
  }
}
