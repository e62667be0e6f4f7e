// State that survives a reload: words and settings in the address, which can be shared; recordings in this tab.

const KEY = "earwitness.recordings";
const NUMBERS = ["event_threshold", "event_hold", "merge_gap_s", "min_duration_s"];

/** The query in the address, { events, scenes, settings }, or null. */
export function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const settings = {};
  for (const name of NUMBERS) {
    const value = address.has(name) ? Number(address.get(name)) : NaN;
    if (Number.isFinite(value) && value >= 0) settings[name] = value;
  }
  if (!["event", "scene", ...NUMBERS, "none"].some((name) => address.has(name))) return null;
  return { events: address.getAll("event"), scenes: address.getAll("scene"), settings };
}

export function writeAddress({ events, scenes, settings }) {
  const address = new URLSearchParams();
  events.forEach((word) => address.append("event", word));
  scenes.forEach((word) => address.append("scene", word));
  Object.entries(settings).forEach(([name, value]) => address.append(name, String(value)));
  if (!address.size) address.append("none", "");
  history.replaceState(null, "", `#${address}`);
}

export function readSaved() {
  try {
    const saved = JSON.parse(sessionStorage.getItem(KEY) || "{}");
    return { recordings: Array.isArray(saved.recordings) ? saved.recordings : [], selected: saved.selected || null };
  } catch {
    return { recordings: [], selected: null };
  }
}

export function writeSaved(recordings, selected) {
  const saved = recordings.filter((each) => each.id).map(({ id, name, expires }) => ({ id, name, expires }));
  sessionStorage.setItem(KEY, JSON.stringify({ recordings: saved, selected: selected ? selected.id : null }));
}
