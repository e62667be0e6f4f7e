// Shared by all parts of the report: elements made without markup, times and numbers as text, bytes, colours.
"use strict";
(() => {
  const earwitness = (window.earwitness = window.earwitness || {});
  const SVG = "http://www.w3.org/2000/svg";

  // The colours of Okabe and Ito (2008), which the colour-blind tell apart too; the faint yellow last.
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c7a00"];

  /** Make an element: properties, attributes (with "-" or "role"), "on" handlers, children (strings become text). */
  function make(tag, options = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(options)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name.includes("-") || !(name in element)) element.setAttribute(name, value === true ? "" : value);
      else element[name] = value;
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  }

  /** Make an icon of one path in a box of 24 x 24. */
  function icon(path) {
    const svg = document.createElementNS(SVG, "svg");
    const shape = document.createElementNS(SVG, "path");
    for (const [name, value] of [["viewBox", "0 0 24 24"], ["aria-hidden", "true"], ["class", "ew-icon"]]) {
      svg.setAttribute(name, value);
    }
    shape.setAttribute("d", path);
    svg.append(shape);
    return svg;
  }

  /** An element with a user's text, whatever direction it is written in. */
  const isolate = (text, options = {}) => make("bdi", options, String(text));

  /** Seconds as "12.34 s" under a minute, "m:ss.s" under an hour, then "h:mm:ss". */
  function showTime(s, digits = 1) {
    const rounded = Math.max(0, Number(s.toFixed(digits)));
    const hours = Math.floor(rounded / 3600);
    const minutes = Math.floor(rounded / 60) % 60;
    const rest = (rounded % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  }

  /** A time on an axis, with as many digits as its ticks need. */
  function showTick(s, step, isLong) {
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
    return isLong ? showTime(s, digits) : s.toFixed(digits);
  }

  /** A round distance between ticks, for about `count` of them. */
  function chooseStep(span, count) {
    const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
    return steps.find((step) => span / step <= count) || 86400 * Math.ceil(span / count / 86400);
  }

  /** A duration in words: "42.3 s", "3 min 12 s", "24 h 0 min". */
  function showDuration(s) {
    if (s < 60) return `${s.toFixed(1)} s`;
    const whole = Math.round(s);
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  }

  /** The bytes of a base64 text. */
  function readBytes(text) {
    const binary = atob(text.trim());
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
    return bytes;
  }

  const colourOf = (index) => COLOURS[index % COLOURS.length];

  /** A recording's file name, without folders. */
  const baseName = (name) => String(name).split(/[\\/]/).pop() || String(name);

  /** The cleared context of a canvas, resized to the pixels of the screen; lengths are CSS pixels. */
  function prepareCanvas(canvas, width, height) {
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    const [wide, high] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  /** The page's current colours: light, dark or on paper. */
  function readTheme(element) {
    const style = getComputedStyle(element);
    const of = (name) => style.getPropertyValue(`--ew-${name}`).trim();
    return { ink: of("ink"), faint: of("faint"), line: of("line"), paper: of("paper"), heat: of("heat"), accent: of("accent") };
  }

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const plural = (count, one, many) => `${count} ${count === 1 ? one : many || `${one}s`}`;

  earwitness.parts = { make, icon, isolate, showTime, showTick, chooseStep, showDuration, readBytes, colourOf, baseName, prepareCanvas, readTheme, clamp, plural };
})();
