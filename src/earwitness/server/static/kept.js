// What survives a reload: words and settings in the address, so that they can be passed on; recordings in this tab.

const KEY = "earwitness.recordings";
const NUMBERS = ["event_threshold", "event_hold", "merge_gap_s", "min_duration_s"];

/** The question in the address, { events, scenes, settings }, or null where there is none. */
export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const settings = {};
  for (const name of NUMBERS) {
    const value = given.has(name) ? Number(given.get(name)) : NaN;
    if (Number.isFinite(value) && value >= 0) settings[name] = value;
  }
  if (!["event", "scene", ...NUMBERS, "none"].some((name) => given.has(name))) return null;
  return { events: given.getAll("event"), scenes: given.getAll("scene"), settings };
}

export function writeAddress({ events, scenes, settings }) {
  const said = new URLSearchParams();
  events.forEach((word) => said.append("event", word));
  scenes.forEach((word) => said.append("scene", word));
  Object.entries(settings).forEach(([name, value]) => said.append(name, String(value)));
  if (!said.size) said.append("none", "");
  history.replaceState(null, "", `#${said}`);
}

export function readKept() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) || "{}");
    return { recordings: Array.isArray(kept.recordings) ? kept.recordings : [], selected: kept.selected || null };
  } catch {
    return { recordings: [], selected: null };
  }
}

export function writeKept(recordings, selected) {
  const kept = recordings.filter((each) => each.id).map(({ id, name, expires }) => ({ id, name, expires }));
  sessionStorage.setItem(KEY, JSON.stringify({ recordings: kept, selected: selected ? selected.id : null }));
}
