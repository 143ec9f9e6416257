// What is unfinished, remembered over reloads: an entry for each batch, held by the tab that sends it.
const PREFIX = "daydrop.batch.";
const SILENCE = 300; // ms in which every living tab says what it holds
const held = new Map();
const elsewhere = new Set();
const channel = "BroadcastChannel" in self ? new BroadcastChannel("daydrop") : null;

if (channel)
  channel.onmessage = ({ data }) => {
    if (data === "who?") channel.postMessage([...held.keys()]);
    else for (const id of data) elsewhere.add(id);
  };

// The batches of tabs that are gone, each with its files: key to { url, offset }.
export async function left() {
  if (!stored().length) return [];
  elsewhere.clear();
  channel?.postMessage("who?");
  if (channel) await new Promise((resolve) => setTimeout(resolve, SILENCE));
  return stored().filter(({ id }) => !elsewhere.has(id) && !held.has(id));
}

function stored() {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(PREFIX)).map((name) =>
      ({ id: name.slice(PREFIX.length), files: JSON.parse(localStorage.getItem(name)) ?? {} }));
  } catch { return []; } // private mode, or an entry of another version
}

// This tab sends these files of a batch from now on; the others are told.
export function hold(id, files) {
  held.set(id, files);
  channel?.postMessage([id]);
  write(id);
}

export function forget(id, key) {
  const files = held.get(id);
  if (!files || !(key in files)) return;
  delete files[key];
  write(id);
}

export function drop(id) {
  held.delete(id);
  try { localStorage.removeItem(PREFIX + id); } catch { /* as below */ }
}

function write(id) {
  try { localStorage.setItem(PREFIX + id, JSON.stringify(held.get(id))); } catch { /* no resuming after a reload */ }
}
