// The list of recordings: name, progress, number of events, best scene, and buttons.

const { make, isolate, showDuration, plural, baseName } = window.earwitness.parts;

export class Listing {
  constructor(element, { countBefore, onSelect, onRemove, onRetry }) {
    Object.assign(this, { element, countBefore, onSelect, onRemove, onRetry });
    this.rows = new Map();
  }

  /** Update a recording's row; it is made once, so that focus stays. */
  show(recording, isSelected) {
    const row = this.rows.get(recording) || this._add(recording);
    const state = describeState(recording, this.countBefore(recording));
    if (row.state.textContent !== state) row.state.textContent = state;
    const isBusy = ["queued", "sending", "waiting", "working", "held"].includes(recording.state);
    row.bar.hidden = !isBusy;
    row.bar.value = recording.state === "sending" || recording.state === "working" ? recording.share : 0;
    row.item.dataset.state = recording.state;
    row.pick.setAttribute("aria-current", String(isSelected));
    row.retry.hidden = recording.state !== "held" && !(recording.state === "failed" && recording.file && recording.file.size);
    row.retry.textContent = recording.state === "held" ? "Send now" : "Try again";
    const problem = recording.state === "failed" || recording.state === "held" ? recording.problem : null;
    row.problem.hidden = !problem;
    row.problem.textContent = problem ? problem.detail : "";
    row.name.textContent = baseName(recording.name);
    row.away.setAttribute("aria-label", `${isBusy ? "Cancel" : "Delete"} ${baseName(recording.name)}`);
    row.away.title = isBusy ? "Cancel" : "Delete now";
  }

  remove(recording) {
    const row = this.rows.get(recording);
    if (!row) return;
    const hadFocus = row.item.contains(document.activeElement);
    const next = row.item.nextElementSibling || row.item.previousElementSibling;
    row.item.remove();
    this.rows.delete(recording);
    if (hadFocus) (next ? next.querySelector("button") : document.getElementById("app-file")).focus();
  }

  _add(recording) {
    const name = isolate(baseName(recording.name), { className: "app-name", title: recording.name });
    const state = make("span", { className: "app-state" });
    const bar = make("progress", { className: "app-bar", max: 1, "aria-label": "Progress" });
    const problem = make("p", { className: "app-problem", hidden: true });
    const pick = make("button", { type: "button", className: "app-pick", onclick: () => this.onSelect(recording) }, name, state);
    const away = make("button", { type: "button", className: "app-away", onclick: () => this.onRemove(recording) }, "×");
    const retry = make("button", { type: "button", className: "app-link", hidden: true, onclick: () => this.onRetry(recording) }, "Try again");
    const item = make("li", { className: "app-row" }, pick, away, bar, problem, retry);
    const row = { item, name, state, bar, problem, pick, away, retry };
    this.rows.set(recording, row);
    this.element.append(item);
    return row;
  }
}

/** A recording's state as text. */
export function describeState(recording, n_before = 0) {
  const percent = `${Math.round(100 * (recording.share || 0))} %`;
  if (recording.state === "done") return describeAnswer(recording);
  return {
    queued: "Queued",
    sending: `Uploading... ${percent}`,
    held: `Server busy, retrying in ${Math.max(0, Math.ceil(((recording.retryAt || 0) - Date.now()) / 1000))} s`,
    waiting: recording.isRestored && !recording.heard_until_s && recording.duration_s === undefined ? "Checking..." : n_before ? `Waiting, ${n_before} before it` : "Waiting",
    working: `Analysing... ${percent}`,
    failed: recording.problem ? recording.problem.title : "Failed",
    gone: "No longer stored",
  }[recording.state];
}

function describeAnswer({ answer, duration_s }) {
  const parts = [duration_s ? showDuration(duration_s) : ""];
  if (answer) {
    const { events, event_words, scenes } = answer.recognition;
    if (event_words.length) parts.push(plural(events.length, "event"));
    const best = scenes.find((each) => each.is_winner);
    if (scenes.length) parts.push(best ? best.scene : "scene unsure");
  }
  return parts.filter(Boolean).join(" · ");
}
