// Tooltips of the grids over time: when, how many events, how much audio, which scene.
"use strict";
(() => {
  const data = document.getElementById("hm-data");
  if (!data) return;
  const heats = JSON.parse(data.textContent);
  const tip = document.createElement("div");
  tip.className = "hm-tip";
  tip.hidden = true;
  document.querySelector("main").append(tip);

  function showDuration(seconds) {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 36000) return `${Math.round(seconds / 60)} min`;
    return `${Math.round(seconds / 3600)} h`;
  }

  function describe(map, row, column) {
    const heat = heats[Number(map.dataset.heat)];
    const cell = row * heat.columns.length + column;
    const analysed_s = heat.analysed_s[cell];
    const when = `${heat.unit === "week" ? "week from " : ""}${heat.rows[row]} ${heat.columns[column]}`;
    if (!heat.rows[row]) return "no audio in between";
    if (!analysed_s) return `${when}: no audio`;
    if (map.dataset.place === undefined) {
      const scene = heat.scenes[cell];
      return scene < 0 ? when : `${when}: ${heat.names[scene]}`;
    }
    const count = heat.counts[Number(map.dataset.place)][cell];
    return `${when}: ${count} ${count === 1 ? "event" : "events"} in ${showDuration(analysed_s)}`;
  }

  function show(event) {
    const map = event.currentTarget;
    const box = map.getBoundingClientRect();
    const { width, height } = map.viewBox.baseVal;
    const clamp = (value, most) => Math.max(0, Math.min(most - 1, Math.floor(value)));
    const row = clamp(((event.clientY - box.top) / box.height) * height, height);
    const column = clamp(((event.clientX - box.left) / box.width) * width, width);
    tip.textContent = describe(map, row, column);
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
    const host = tip.offsetParent ? tip.offsetParent.getBoundingClientRect() : { left: 0, top: 0 };
    const isBody = !tip.offsetParent || tip.offsetParent === document.body;
    tip.style.left = `${Math.max(8, left) + (isBody ? window.scrollX : -host.left)}px`;
    tip.style.top = `${event.clientY - tip.offsetHeight - 12 + (isBody ? window.scrollY : -host.top)}px`;
  }

  for (const map of document.querySelectorAll(".hm-map")) {
    map.addEventListener("pointermove", show);
    map.addEventListener("pointerdown", show);
    map.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
})();
