// Pictures: a spectrogram's tiles, decoded when first shown; the heat map of tags; the attention map.
"use strict";
(() => {
  const { parts } = window.earwitness;
  const { readBytes, clamp } = parts;
  const N_CACHED = 24; // decoded tiles

  /** The pictures of a view's spectrogram. `onLoad` is called whenever one has been decoded. */
  class Pictures {
    constructor(spectrogram, onLoad) {
      this.spectrogram = spectrogram;
      this.onLoad = onLoad;
      this.images = new Map();
    }

    /** Draw the time from start_s to end_s into a box. */
    draw(context, start_s, end_s, x, y, width, height) {
      const { overview, tiles, step_s } = this.spectrogram;
      context.imageSmoothingEnabled = true;
      this._drawPart(context, overview, start_s, end_s, x, y, width, height);
      const n_columns = (end_s - start_s) / step_s;
      const isCoarse = (overview.end_s - overview.start_s) / 2000 > step_s * 1.01;
      if (!tiles.length || !isCoarse || n_columns > 6 * width) return;
      for (const tile of tiles) {
        if (tile.end_s > start_s && tile.start_s < end_s) this._drawPart(context, tile, start_s, end_s, x, y, width, height);
      }
    }

    _drawPart(context, part, start_s, end_s, x, y, width, height) {
      const image = this._find(part);
      if (!image) return;
      const span = part.end_s - part.start_s;
      const [first, last] = [Math.max(start_s, part.start_s), Math.min(end_s, part.end_s)];
      if (last <= first) return;
      const left = ((first - part.start_s) / span) * image.width;
      const across = ((last - first) / span) * image.width;
      const scale = width / (end_s - start_s);
      const [to, wide] = [x + (first - start_s) * scale, (last - first) * scale];
      context.drawImage(image, left, 0, across, image.height, to, y, wide, height);
    }

    /** Decode the overview; `onLoad` is called when it is ready. */
    load() {
      this._find(this.spectrogram.overview);
    }

    _find(part) {
      const known = this.images.get(part);
      if (known) {
        this.images.delete(part);
        this.images.set(part, known); // the most recently used is removed last
        return known.complete && known.naturalWidth ? known : null;
      }
      const image = new Image();
      image.onload = () => this.onLoad();
      image.src = readSource(part.png);
      this.images.set(part, image);
      if (this.images.size > N_CACHED) this.images.delete(this.images.keys().next().value);
      return null;
    }
  }

  /** A picture's address: `source` itself, or the text of an inert element of this page ("#its-id"). */
  function readSource(source) {
    return source.startsWith("#") ? document.getElementById(source.slice(1)).textContent.trim() : source;
  }

  /** A frequency's height in the picture, 0 at the bottom and 1 on top, on the mel scale. */
  function heightOf(hz, centres_hz) {
    const above = centres_hz.findIndex((centre) => centre >= hz);
    if (above < 0) return 1;
    if (above === 0) return 0.5 / centres_hz.length;
    const [low, high] = [centres_hz[above - 1], centres_hz[above]];
    return (above - 0.5 + (hz - low) / (high - low)) / centres_hz.length;
  }

  /** The frequency at a height. */
  function frequencyAt(height, centres_hz) {
    const band = clamp(Math.floor(height * centres_hz.length), 0, centres_hz.length - 1);
    return centres_hz[band];
  }

  /** Bytes as a picture of one row: 0 is transparent, 255 the full colour. */
  function drawRow(bytes, colour) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.max(1, bytes.length), 1];
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, 1);
    const [red, green, blue] = colour.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
    bytes.forEach((byte, index) => image.data.set([red, green, blue, Math.round(255 * (byte / 255) ** 1.4)], 4 * index));
    context.putImageData(image, 0, 0);
    return canvas;
  }

  /** Darken a box where attention is low: bands lie at their frequencies, tokens at their times. */
  function shade(context, map, centres_hz, width, height) {
    const weights = typeof map.weights === "string" ? readBytes(map.weights) : Uint8Array.from(map.weights);
    const [least, most] = [Math.min(...weights), Math.max(...weights)];
    const canvas = document.createElement("canvas");
    const n_rows = 80;
    [canvas.width, canvas.height] = [map.n_tokens, n_rows];
    const small = canvas.getContext("2d");
    const image = small.createImageData(map.n_tokens, n_rows);
    for (let row = 0; row < n_rows; row += 1) {
      const hz = frequencyAt(1 - (row + 0.5) / n_rows, centres_hz);
      const band = clamp(map.edges_hz.findIndex((edge) => edge > hz) - 1, 0, map.n_bands - 1);
      for (let token = 0; token < map.n_tokens; token += 1) {
        const weight = weights[(hz >= map.edges_hz[map.n_bands] ? map.n_bands - 1 : band) * map.n_tokens + token];
        image.data.set([0, 0, 0, Math.round((190 * (most - weight)) / Math.max(1, most - least))], 4 * (row * map.n_tokens + token));
      }
    }
    small.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, 0, 0, width, height);
  }

  Object.assign(parts, { Pictures, heightOf, frequencyAt, drawRow, shade });
})();
