// Samples as a WAV file: one channel, 16 bits, which every server can decode.

/** `blocks` of float samples, -1 to 1, at `rate_hz`, as a Blob. */
export function makeWav(blocks, rate_hz) {
  const n_samples = blocks.reduce((sum, block) => sum + block.length, 0);
  const head = new DataView(new ArrayBuffer(44));
  const write = (at, text) => [...text].forEach((sign, index) => head.setUint8(at + index, sign.charCodeAt(0)));
  write(0, "RIFF");
  head.setUint32(4, 36 + 2 * n_samples, true);
  write(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); // PCM
  head.setUint16(22, 1, true); // channels
  head.setUint32(24, rate_hz, true);
  head.setUint32(28, 2 * rate_hz, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  write(36, "data");
  head.setUint32(40, 2 * n_samples, true);
  const samples = blocks.map((block) => Int16Array.from(block, (value) => Math.round(32767 * Math.min(1, Math.max(-1, value)))));
  return new Blob([head.buffer, ...samples], { type: "audio/wav" }); // typed arrays are little-endian where browsers run
}
