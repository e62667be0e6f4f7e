// Asking: one question to all recordings, the one that is looked at first; a newer question cancels the older.

const DEBOUNCE_MS = 50;
const PATIENCE_MS = 120; // for what a word means

export class Asking {
  /** `getQuestion()` gives { events, scenes, settings }; `getOrder()` the recordings; `onAnswer(recording)`, `onProblem`. */
  constructor(api, meanings, { getQuestion, getOrder, onMeaning, onAnswer, onProblem }) {
    Object.assign(this, { api, meanings, getQuestion, getOrder, onMeaning, onAnswer, onProblem });
    this.version = 1;
    this.current = new AbortController();
  }

  /** Ask all anew, soon: at once after a word, a moment later while a slider moves. */
  askAll(isHasty = false) {
    this.version += 1;
    this.current.abort();
    this.current = new AbortController();
    clearTimeout(this.timer);
    if (isHasty) this._round(this.version);
    else this.timer = setTimeout(() => this._round(this.version), DEBOUNCE_MS);
  }

  /** Ask one recording: it is new, or more of it has been heard; again if it was done meanwhile. */
  async askOne(recording) {
    if (!isAskable(recording) || recording.isAsking) return;
    recording.isAsking = true;
    const { version } = this;
    const isAllKnown = await this._learn();
    const isAnswered = await this._ask(recording, version, this.current.signal);
    recording.isAsking = false;
    if (!isAllKnown && (await this.learning) && version === this.version) this.askAll(true);
    else if (isAnswered && recording.state === "done" && this.isDue(recording)) this.askOne(recording);
  }

  async _round(version) {
    const isAllKnown = await this._learn();
    for (const recording of this.getOrder().filter(isAskable)) {
      if (version !== this.version) return;
      await this._ask(recording, version, this.current.signal);
    }
    if (!isAllKnown && (await this.learning) && version === this.version) this.askAll(true);
  }

  /** Learn what the words mean, so that one which is not understood does not spoil the question; but do not wait long
   * for a word that the server has to think about: the others are asked without it. Tell whether all are known. */
  async _learn() {
    const { events, scenes } = this.getQuestion();
    const news = [...events, ...scenes].filter((word) => !this.meanings.of(word));
    if (!news.length) return true;
    this.learning = this.meanings.learn(news).then(() => { this.onMeaning(); return true; }, (error) => this.onProblem(error));
    const isLearnt = await Promise.race([this.learning, new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE_MS))]);
    return Boolean(isLearnt);
  }

  async _ask(recording, version, signal) {
    const isWhole = recording.state === "done";
    try {
      const answer = await this.api.json("POST", `/v1/recordings/${recording.id}/ask`, { body: this.usable(), signal });
      if (version !== this.version || recording.isRemoved) return false;
      const askedUntil_s = isWhole || answer.state === "done" ? Infinity : answer.heard_until_s;
      if (askedUntil_s === Infinity) answer.heard_until_s = null; // nothing more will come
      Object.assign(recording, { answer, asked: version, askedUntil_s });
      this.onAnswer(recording);
      return true;
    } catch (error) {
      if (error.name !== "AbortError" && error.status !== 409 && error.status !== 404 && !recording.isRemoved) this.onProblem(error);
      return false;
    }
  }

  /** The question without the words that are not understood, or not yet. */
  usable() {
    const { events, scenes, settings } = this.getQuestion();
    const isUsable = (word) => this.meanings.isUsable(word);
    return { events: events.filter(isUsable), scenes: scenes.filter(isUsable), settings };
  }

  /** Tell whether a recording has something to say that it was not asked for. */
  isDue(recording) {
    if (!isAskable(recording)) return false;
    return recording.asked !== this.version || recording.askedUntil_s < (recording.state === "done" ? Infinity : recording.heard_until_s);
  }
}

export function isAskable(recording) {
  return recording.state === "done" || (recording.state === "working" && recording.heard_until_s > 0);
}
