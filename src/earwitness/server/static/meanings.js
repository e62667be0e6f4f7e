// The meanings of words, fetched from the server once each; words that it does not know are left out of queries.

export class Meanings {
  constructor(api) {
    this.api = api;
    this.known = new Map();
    this.pending = new Map(); // word -> a promise that resolves when it is known
  }

  of(word) {
    return this.known.get(word) || null;
  }

  isUsable(word) {
    const meaning = this.of(word);
    return Boolean(meaning && meaning.is_understood);
  }

  /** Fetch those of `words` that are not known yet; none is fetched twice. */
  async learn(words) {
    const news = words.filter((word) => !this.known.has(word) && !this.pending.has(word));
    if (news.length) {
      const coming = this._fetch(news).finally(() => news.forEach((word) => this.pending.delete(word)));
      news.forEach((word) => this.pending.set(word, coming));
    }
    await Promise.all(words.map((word) => this.pending.get(word)));
  }

  async _fetch(words) {
    const query = words.map((word) => `word=${encodeURIComponent(word)}`).join("&");
    const answer = await this.api.json("GET", `/v1/words?${query}`);
    answer.words.forEach((meaning, index) => this.known.set(words[index], meaning));
  }

  async suggest(start, signal) {
    return (await this.api.json("GET", `/v1/words/suggestions?start=${encodeURIComponent(start)}`, { signal })).words;
  }
}
