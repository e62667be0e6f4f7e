// The recordings of this page and their states: sent, waiting, analysed; or refused, failed, gone.
//
// A recording's `state` is "queued", "sending", "held" (it will be sent again), "waiting", "working", "done", "failed"
// (with `problem`) or "gone". `onChange(recording)` is called after every change.

import { Problem } from "./api.js";

const N_SENDING = 2; // at the same time
const POLL_MS = { working: 300, waiting: 700 };
const LONGEST_PAUSE_MS = 5000;
const LEAST_HOLD_S = 2;
const OF_SERVER = ["waiting", "working", "done", "failed"];

export class Recordings {
  constructor(api, { onChange, onRemove, onReach }) {
    Object.assign(this, { api, onChange, onRemove, onReach });
    this.all = [];
    this.largest_mb = Infinity;
  }

  /** Add files; return their recordings, which are sent in order. */
  add(files) {
    const added = [...files].map((file) => ({ name: file.name || "recording", file, state: "queued", share: 0 }));
    this.all.push(...added);
    added.forEach((each) => this._check(each));
    this._sendNext();
    return added;
  }

  /** Add recordings that the server had before this page was reloaded. */
  restore(saved) {
    const isStored = (each) => typeof each.id === "string" && Date.parse(each.expires) > Date.now() - 3600e3;
    const restored = saved.filter(isStored).map(({ id, name, expires }) => ({ id, name: String(name), expires, state: "waiting", share: 0, isRestored: true }));
    this.all.push(...restored);
    restored.forEach((each) => this._poll(each));
    return restored;
  }

  retry(recording) {
    clearTimeout(recording.timer);
    Object.assign(recording, { state: "queued", share: 0, problem: null, retryAt: null });
    this.onChange(recording);
    this._sendNext();
  }

  /** Remove a recording from the page and from the server. */
  async remove(recording) {
    clearTimeout(recording.timer);
    recording.isRemoved = true;
    if (recording.sending) recording.sending.abort();
    const index = this.all.indexOf(recording);
    if (index >= 0) this.all.splice(index, 1);
    this.onRemove(recording, index);
    this._sendNext();
    if (!recording.id || recording.state === "gone") return;
    try {
      await this.api.json("DELETE", `/v1/recordings/${recording.id}`);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
  }

  /** How many of this page's recordings are analysed before this one. */
  countBefore(recording) {
    const before = this.all.slice(0, this.all.indexOf(recording));
    return before.filter((each) => each.state === "waiting" || each.state === "working").length;
  }

  _check(recording) {
    const mb = recording.file.size / 1e6;
    if (recording.file.size && mb <= this.largest_mb) return this.onChange(recording);
    const why = recording.file.size ? `The file has ${mb.toFixed(0)} MB; this server accepts up to ${this.largest_mb} MB.` : "The file has no content.";
    return this._fail(recording, new Problem(recording.file.size ? "Too large" : "Empty file", why));
  }

  _sendNext() {
    const nSending = this.all.filter((each) => each.state === "sending").length;
    this.all.filter((each) => each.state === "queued").slice(0, Math.max(0, N_SENDING - nSending)).forEach((each) => this._send(each));
  }

  async _send(recording) {
    recording.state = "sending";
    this.onChange(recording);
    recording.sending = this.api.upload(recording.file, recording.name, (share) => {
      recording.share = share;
      this.onChange(recording);
    });
    try {
      const answer = await recording.sending.done;
      recording.file = null;
      this._take(recording, answer);
      if (recording.isRemoved) this.api.json("DELETE", `/v1/recordings/${answer.id}`).catch(() => null);
      else this._pollLater(recording, POLL_MS.working);
    } catch (error) {
      if (error.name !== "AbortError") this._hold(recording, error);
    }
    recording.sending = null;
    this._sendNext();
  }

  /** Send again later where the server is busy or full; else show why it was refused. */
  _hold(recording, problem) {
    if (problem.status !== 429 && problem.status !== 503) return this._fail(recording, problem);
    const wait_s = Math.max(LEAST_HOLD_S, problem.retry_s || 5);
    Object.assign(recording, { state: "held", problem, retryAt: Date.now() + 1000 * wait_s });
    this._countDown(recording);
    return undefined;
  }

  _countDown(recording) {
    this.onChange(recording);
    recording.timer = setTimeout(() => (Date.now() >= recording.retryAt ? this.retry(recording) : this._countDown(recording)), 500);
  }

  _fail(recording, problem) {
    Object.assign(recording, { state: "failed", problem });
    this.onChange(recording);
  }

  _pollLater(recording, pause_ms) {
    recording.timer = setTimeout(() => this._poll(recording), pause_ms);
  }

  async _poll(recording) {
    try {
      this._take(recording, await this.api.json("GET", `/v1/recordings/${recording.id}`));
      recording.nMissed = 0;
      this.onReach(null);
    } catch (error) {
      if (recording.isRemoved) return;
      if (error.status === 404) {
        Object.assign(recording, { state: "gone", problem: null });
        this.onChange(recording);
        return;
      }
      recording.nMissed = (recording.nMissed || 0) + 1;
      this.onReach(error);
      this._pollLater(recording, Math.min(LONGEST_PAUSE_MS, POLL_MS.working * 2 ** recording.nMissed));
      return;
    }
    if (!recording.isRemoved && POLL_MS[recording.state]) this._pollLater(recording, POLL_MS[recording.state]);
  }

  _take(recording, answer) {
    const state = OF_SERVER.includes(answer.state) ? answer.state : "failed";
    const problem = answer.error ? new Problem(answer.error.title, answer.error.detail, answer.error.status) : null;
    Object.assign(recording, { id: answer.id, name: answer.name || recording.name, state, share: answer.share, heard_until_s: answer.heard_until_s, duration_s: answer.duration_s, expires: answer.expires, problem });
    if (!recording.isRemoved) this.onChange(recording);
  }
}
