// What the server understands by words, asked once for each: words that it does not understand are left out of questions.

export class Meanings {
  constructor(api) {
    this.api = api;
    this.known = new Map();
  }

  of(word) {
    return this.known.get(word) || null;
  }

  isUsable(word) {
    const meaning = this.of(word);
    return !meaning || meaning.is_understood;
  }

  /** Learn those of `words` that are not known yet. */
  async learn(words, signal) {
    const news = words.filter((word) => !this.known.has(word));
    if (!news.length) return;
    const query = news.map((word) => `word=${encodeURIComponent(word)}`).join("&");
    const told = await this.api.json("GET", `/v1/words?${query}`, { signal });
    told.words.forEach((meaning, index) => this.known.set(news[index], meaning));
  }

  async suggest(start, signal) {
    return (await this.api.json("GET", `/v1/words/suggestions?start=${encodeURIComponent(start)}`, { signal })).words;
  }
}
