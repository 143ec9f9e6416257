// One file on its way: parts from an offset, what the answers mean, when to try again.

export const PIECE = 8 << 20;
const STALLED = Number(document.documentElement.dataset.stall) || 20_000;
const FILING = 180_000; // all bytes are sent: the server reads and files them now
const WAITS = [1, 2, 4, 8, 15, 30];
const AGAIN_AT_MOST = 5; // after faults of the server, and after bodies that it found broken
const AGAIN = new Set([0, 408, 409, 423, 425, 429, 502, 503, 504]); // as often as it takes
const READ_AT_ONCE = 64 << 20;
const isAndroid = /Android/.test(navigator.userAgent);

export class Stopped extends Error {}

// What became of a request: `offset` when the server told it, `wait` in seconds when it asked for it.
class Answer {
  constructor(xhr) {
    this.status = xhr.status;
    const offset = xhr.status ? xhr.getResponseHeader("Upload-Offset") : null;
    this.offset = offset === null ? null : Number(offset);
    this.wait = Number(xhr.status && xhr.getResponseHeader("Retry-After")) || 0;
    try { this.body = JSON.parse(xhr.responseText || "{}"); } catch { this.body = {}; }
  }
}

// Sends what is left of `row` and resolves to the last answer; throws Stopped after `row.stop()`.
export async function send(row, show) {
  let tries = 0, faults = 0, stalledAt = -1;
  for (;;) {
    const before = row.offset;
    const answer = await part(row, show);
    if (answer.offset !== null) row.offset = answer.offset;
    if (row.offset > before) tries = faults = 0;
    if (answer.status === 200) return answer;
    if (answer.status === 204) continue;
    if (answer.status === 409 && row.offset !== before) continue;
    if (!AGAIN.has(answer.status)) {
      const isFault = answer.status === 400 || (answer.status >= 500 && answer.status !== 507);
      if (!isFault || ++faults > AGAIN_AT_MOST) return answer;
    }
    if (answer.stalled) {
      // file-backed pieces may hang in Safari for ever; bytes in memory do not
      if (stalledAt === row.offset) row.buffered = true;
      stalledAt = row.offset;
    }
    if (!answer.status && navigator.onLine && !(await isReadable(row))) return { status: -1, body: {} };
    const wait = answer.wait || WAITS[Math.min(tries++, WAITS.length - 1)] * (0.7 + Math.random() * 0.6);
    show(answer.status === 423 ? "locked" : "waiting", wait, !answer.status);
    await pause(row, wait * 1000);
    if (!answer.status) await ask(row);
  }
}

async function isReadable(row) {
  try { await row.file.slice(row.offset, row.offset + 1).arrayBuffer(); return true; } catch { return false; }
}

async function piece(row) {
  if (isAndroid && row.file.size <= READ_AT_ONCE) return row.file.slice(row.offset).arrayBuffer();
  if (row.buffered) return row.file.slice(row.offset, row.offset + PIECE).arrayBuffer();
  return row.file.slice(row.offset);
}

async function part(row, show) {
  let body;
  try { body = await piece(row); } catch { return { status: -1, offset: null, body: {} }; }
  if (row.isStopped) throw new Stopped();
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const start = row.offset;
    let timer, stalled = false;
    const watch = (time) => {
      clearTimeout(timer);
      timer = setTimeout(() => { stalled = true; xhr.abort(); }, time);
    };
    row.xhr = xhr;
    xhr.open("PATCH", row.url);
    xhr.setRequestHeader("Content-Type", "application/offset+octet-stream");
    xhr.setRequestHeader("Upload-Offset", start);
    xhr.setRequestHeader("Tus-Resumable", "1.0.0");
    xhr.setRequestHeader("Accept-Language", document.documentElement.lang);
    xhr.upload.onprogress = (event) => {
      watch(STALLED);
      row.sent = start + event.loaded;
      show("sending");
    };
    xhr.upload.onload = () => {
      watch(FILING);
      if (start + (body.size ?? body.byteLength) >= row.file.size) show("filing");
    };
    xhr.onloadend = () => {
      clearTimeout(timer);
      row.xhr = null;
      if (row.isStopped) return reject(new Stopped());
      const answer = new Answer(xhr);
      answer.stalled = stalled;
      resolve(answer);
    };
    watch(STALLED);
    xhr.send(body);
  });
}

// Asks for the offset after a silence; the row keeps its own when nobody answers.
async function ask(row) {
  try {
    const answer = await fetch(row.url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
    const offset = answer.headers.get("Upload-Offset");
    if (offset !== null) row.offset = row.sent = Number(offset);
  } catch { /* still no network: the next part says so and waits */ }
}

// Waits, but not longer than until the network is back or the page is looked at again.
function pause(row, time) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      document.removeEventListener("visibilitychange", seen);
      row.wake = null;
      if (row.isStopped) reject(new Stopped()); else resolve();
    };
    const seen = () => document.visibilityState === "visible" && end();
    const timer = setTimeout(end, time);
    addEventListener("online", end);
    document.addEventListener("visibilitychange", seen);
    row.wake = end;
  });
}
