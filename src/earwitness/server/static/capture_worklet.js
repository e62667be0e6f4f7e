// In the browser's audio thread: posts the microphone's samples in blocks of some hundredths of a second.

const N_SAMPLES = 2048;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(N_SAMPLES);
    this.n_filled = 0;
    this.port.onmessage = () => this._flush(); // the end: post what is left
  }

  process([[channel]]) {
    if (!channel) return true;
    for (let at = 0; at < channel.length; ) {
      const n = Math.min(channel.length - at, N_SAMPLES - this.n_filled);
      this.block.set(channel.subarray(at, at + n), this.n_filled);
      this.n_filled += n;
      at += n;
      if (this.n_filled === N_SAMPLES) this._post();
    }
    return true;
  }

  _post() {
    this.port.postMessage(this.block.slice(0, this.n_filled));
    this.n_filled = 0;
  }

  _flush() {
    if (this.n_filled) this._post();
    this.port.postMessage(null);
  }
}

registerProcessor("earwitness-capture", Capture);
