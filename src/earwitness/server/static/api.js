// The server's API: requests with the token, problems as errors, uploads with progress.

const KEY = "earwitness.token";

/** An error with title and detail for people; retry_s where the server says when to try again. */
export class Problem extends Error {
  constructor(title, detail, status = 0, retry_s = null) {
    super(detail);
    Object.assign(this, { name: "Problem", title, detail, status, retry_s });
  }
}

const UNREACHABLE = () => new Problem("The server does not answer", "It may have been stopped, or the connection was lost.");

export class Api {
  /** `requestToken(isWrong)` shows a form and returns a promise of the token. */
  constructor(askToken) {
    this.askToken = askToken;
    this.token = sessionStorage.getItem(KEY);
  }

  get hasToken() {
    return Boolean(this.token);
  }

  async json(method, path, { body, signal } = {}) {
    const response = await this.request(method, path, { body, signal });
    return response.status === 204 ? null : response.json();
  }

  /** Send a request with the token; request one where the server requires it. */
  async request(method, path, { body, signal } = {}) {
    for (;;) {
      const used = this.token;
      const headers = { Accept: "*/*", ...this._authorize() };
      if (body !== undefined) headers["Content-Type"] = "application/json";
      let response;
      try {
        response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
      } catch (error) {
        throw error.name === "AbortError" ? error : UNREACHABLE();
      }
      if (response.ok) return response;
      if (response.status !== 401) throw await readProblem(response);
      await this._renew(used);
    }
  }

  /** Send a file as the body of a request; return { done: a promise of the answer, abort }. */
  upload(file, name, onProgress) {
    let current = null;
    let isAborted = false;
    const send = async () => {
      for (;;) {
        const used = this.token;
        const sent = await this._sendOnce(file, name, onProgress, (request) => { current = request; if (isAborted) request.abort(); });
        if (sent.status !== 401) return finish(sent);
        await this._renew(used);
      }
    };
    return { done: send(), abort: () => { isAborted = true; if (current) current.abort(); } };
  }

  _sendOnce(file, name, onProgress, onBegin) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `/v1/recordings?name=${encodeURIComponent(toWellFormed(name))}`);
      Object.entries(this._authorize()).forEach(([header, value]) => request.setRequestHeader(header, value));
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      request.onload = () => resolve(request);
      request.onerror = () => reject(UNREACHABLE());
      request.onabort = () => reject(new DOMException("Cancelled", "AbortError"));
      onBegin(request);
      request.send(file);
    });
  }

  _authorize() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  /** Request another token, unless one came meanwhile; all waiting requests share one form. */
  async _renew(used) {
    if (this.token !== used) return;
    this.coming = this.coming || this.askToken(Boolean(used)).finally(() => { this.coming = null; });
    this.token = await this.coming;
    sessionStorage.setItem(KEY, this.token);
  }
}

function finish(request) {
  if (request.status >= 200 && request.status < 300) return JSON.parse(request.responseText);
  throw parseProblem(request.status, request.responseText, request.getResponseHeader("Retry-After"));
}

async function readProblem(response) {
  return parseProblem(response.status, await response.text(), response.headers.get("Retry-After"));
}

function parseProblem(status, text, retryAfter) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = {}; // a proxy's page, perhaps
  }
  const retry_s = retryAfter && Number.isFinite(Number(retryAfter)) ? Number(retryAfter) : null;
  return new Problem(String(body.title || `The server answered ${status}`), String(body.detail || "The server gave no details."), status, retry_s);
}

/** A name without halves of surrogate pairs, which cannot be sent. */
function toWellFormed(text) {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}
