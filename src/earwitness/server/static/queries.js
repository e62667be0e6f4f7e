// Sends one query for all recordings, the selected one first; a newer query cancels the older.

const DEBOUNCE_MS = 50;
const PATIENCE_MS = 120; // for the meaning of a word

export class Queries {
  /** `getQuery()` returns { events, scenes, settings }; `getOrder()` the recordings; `onAnswer(recording)`, `onProblem`. */
  constructor(api, meanings, { getQuery, getOrder, onMeaning, onAnswer, onProblem }) {
    Object.assign(this, { api, meanings, getQuery, getOrder, onMeaning, onAnswer, onProblem });
    this.version = 1;
    this.current = new AbortController();
  }

  /** Query all again: at once after a word, a moment later while a slider moves. */
  queryAll(isHasty = false) {
    this.version += 1;
    this.current.abort();
    this.current = new AbortController();
    clearTimeout(this.timer);
    if (isHasty) this._round(this.version);
    else this.timer = setTimeout(() => this._round(this.version), DEBOUNCE_MS);
  }

  /** Query a recording that is new or of which more has been analysed; again if it was done meanwhile. */
  async queryOne(recording) {
    if (!isReady(recording) || recording.isQueried) return;
    recording.isQueried = true;
    const { version } = this;
    const isAllKnown = await this._learn(version);
    const isAnswered = await this._query(recording, version, this.current.signal);
    recording.isQueried = false;
    if (!isAllKnown && (await this.learning) && version === this.version) this.queryAll(true);
    else if (isAnswered && recording.state === "done" && this.isDue(recording)) this.queryOne(recording);
  }

  async _round(version) {
    const isAllKnown = await this._learn(version);
    for (const recording of this.getOrder().filter(isReady)) {
      if (version !== this.version) return;
      await this._query(recording, version, this.current.signal);
    }
    if (!isAllKnown && (await this.learning) && version === this.version) this.queryAll(true);
  }

  /** Fetch the words' meanings, so that an unknown word does not fail the query, but do not wait long: the others are
   * queried first. Resolves to whether all meanings are known. */
  async _learn(version) {
    const { events, scenes } = this.getQuery();
    const news = [...events, ...scenes].filter((word) => !this.meanings.of(word));
    if (!news.length) return true;
    this.learning = this.meanings.learn(news).then(() => { this.onMeaning(); return true; }, (error) => this.onProblem(error));
    const isLearnt = await Promise.race([this.learning, new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE_MS))]);
    return Boolean(isLearnt);
  }

  async _query(recording, version, signal) {
    const isWhole = recording.state === "done";
    try {
      const answer = await this.api.json("POST", `/v1/recordings/${recording.id}/ask`, { body: this.usable(), signal });
      if (version !== this.version || recording.isRemoved) return false;
      const answeredUntil_s = isWhole || answer.state === "done" ? Infinity : answer.heard_until_s;
      if (answeredUntil_s === Infinity) answer.heard_until_s = null; // nothing more will come
      Object.assign(recording, { answer, answeredVersion: version, answeredUntil_s });
      this.onAnswer(recording);
      return true;
    } catch (error) {
      if (error.name !== "AbortError" && error.status !== 409 && error.status !== 404 && !recording.isRemoved) this.onProblem(error);
      return false;
    }
  }

  /** The query without the words that are unknown, or not known yet. */
  usable() {
    const { events, scenes, settings } = this.getQuery();
    const isUsable = (word) => this.meanings.isUsable(word);
    return { events: events.filter(isUsable), scenes: scenes.filter(isUsable), settings };
  }

  /** Whether a recording has more than its last answer covers. */
  isDue(recording) {
    if (!isReady(recording)) return false;
    return recording.answeredVersion !== this.version || recording.answeredUntil_s < (recording.state === "done" ? Infinity : recording.heard_until_s);
  }
}

export function isReady(recording) {
  return recording.state === "done" || (recording.state === "working" && recording.heard_until_s > 0);
}
