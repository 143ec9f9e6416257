// The upload page: takes files in, asks what may come, sends three at a time, tells how it ended.
import "./page.js";
import { ask, dialogs } from "./dialogs.js";
import { listen } from "./upload/intake.js";
import * as memory from "./upload/memory.js";
import { Row, keyOf } from "./upload/row.js";
import { Stopped, send } from "./upload/transfer.js";
import { duration, size, t } from "./words.js";

const LIMITS = JSON.parse(document.getElementById("limits-data").textContent);
const PARALLEL = 3;
const ANNOUNCED = 1000;
const LINES = 300;
const TOLD = 8; // folders in the last dialog
const HASHED = 64 << 20;
const $ = (id) => document.getElementById(id);
const title = document.title;

let rows = [], batch = null, unfinished = [], isPaused = false, isAsking = false, refs = 0, told = -1, offline = false;
let wakeLock = null, samples = [], said = "", isEnding = false, questions = 0, isCancelled = false;
let ended = { urls: [], receipts: [] }; // of the batches since the list was empty

const of = (...states) => rows.filter((row) => states.includes(row.state));
const isBusy = () => isAsking || isEnding || questions > 0 || rows.some((row) => row.isOpen && row.state !== "paused");

// ---- taking in --------------------------------------------------------------------------------

async function add(found) {
  await remembered;
  if (!isBusy() && !isPaused && !of("left", "failed").length) clear();
  isCancelled = false;
  const known = new Map(rows.filter((row) => row.isOpen || row.state === "left" || row.state === "failed").map((row) => [row.key, row]));
  const chosen = found.map((each) => new Row(each, refs++));
  const fresh = chosen.filter((row) => !known.has(row.key));
  for (const row of chosen) if (known.get(row.key)?.state === "failed") again(known.get(row.key), row.file);
  rows.push(...fresh);
  dialogs().catch(() => {}); // long before one is wanted; who asks then does without
  $("tray").hidden = false;
  if ($("tray").getBoundingClientRect().top > innerHeight * 0.7) $("tray").scrollIntoView(); // phones
  draw(fresh);
  for (const row of fresh) resume(row);
  if (!isAsking) announce();
}

// A file that failed, chosen once more: perhaps it can be read now.
function again(row, file = row.file) {
  row.file = file;
  row.set("queued", { detail: "" });
}

function resume(row) {
  const from = unfinished.find(({ files }) => row.key in files);
  const before = from?.files[row.key];
  if (!before || rows.some((other) => other !== row && other.url === before.url)) return;
  Object.assign(row, { url: before.url, offset: before.offset, sent: before.offset });
  memory.hold(from.id, from.files);
  batch ??= { id: from.id };
  $("unfinished").hidden = true;
}

function draw(fresh) {
  const list = $("rows");
  for (const row of fresh.slice(0, Math.max(0, LINES - list.children.length))) list.append(row.line(cancelOne));
  const hidden = rows.length - list.querySelectorAll("li[data-state]").length;
  document.querySelector("#rows .rest")?.remove();
  if (hidden > 0) {
    const rest = document.createElement("li");
    rest.className = "rest";
    rest.textContent = t("up.more_rows", { n: hidden });
    list.append(rest);
  }
}

function clear() {
  for (const id of batches()) close(id).catch(() => {}); // else it ends by itself
  rows = [];
  batch = null;
  told = -1;
  isCancelled = false;
  ended = { urls: [], receipts: [] };
  $("rows").replaceChildren();
}

// ---- asking -----------------------------------------------------------------------------------

// One batch at a time: files added meanwhile are asked for when it is finished.
async function announce() {
  if (isAsking || isEnding) return; // what was added meanwhile is asked for afterwards
  const fresh = rows.filter((row) => row.state === "queued" && !row.url);
  if (!fresh.length || (batch && rows.some((row) => row.isOpen && row.url))) return pump();
  if (!batch && rows.some((row) => row.isRunning)) return; // they still send to a batch that has ended
  isAsking = true;
  const asked = fresh.slice(0, ANNOUNCED);
  for (const row of asked) row.set("checking");
  paint();
  const answer = await manifest(asked);
  isAsking = false;
  if (!answer) { // all were cancelled
    offline = false;
    return announce();
  }
  if (!answer.files) { // the list itself was not understood, or the server is at fault
    for (const row of of("checking")) row.set("failed", { detail: answer.detail ?? "" });
    return announce();
  }
  batch = answer;
  const byRef = new Map(answer.files.map((file) => [file.ref, file]));
  for (const row of asked) take(row, byRef.get(row.ref));
  remember();
  await decide(asked);
}

function take(row, file) {
  if (row.state !== "checking") return file.url && discard(row, file.url); // cancelled meanwhile
  Object.assign(row, { url: file.url ?? null, offset: file.offset ?? 0, sent: file.offset ?? 0, toCheck: file.state === "check" });
  if (file.state !== "refused") return row.set("queued");
  const isLeft = file.code === "batch_files" || file.code === "batch_bytes";
  row.set(isLeft ? "left" : "refused", { detail: file.detail });
}

async function manifest(asked) {
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join("");
  const files = asked.map((row) => ({
    ref: row.ref, name: row.file.name, path: row.path, size: row.file.size, type: row.file.type,
    mtime: new Date(row.file.lastModified).toISOString(),
  }));
  for (let wait = 1; ; wait = Math.min(30, wait * 2)) {
    if (asked.every((row) => row.state === "cancelled")) return null;
    let seconds = wait;
    try {
      const reply = await fetch("/api/v1/batches", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify({ files }),
      });
      if (reply.status !== 429 && reply.status !== 503) { offline = false; return await reply.json(); }
      seconds = Number(reply.headers.get("Retry-After")) || wait;
    } catch { offline = true; }
    paint();
    await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); addEventListener("online", resolve, { once: true }); });
  }
}

// Sending begins at once when nothing was refused; else a person decides.
async function decide(asked) {
  const refused = asked.filter((row) => row.state === "refused");
  const going = asked.filter((row) => row.state === "queued");
  for (const row of [...refused].reverse()) if (row.node) $("rows").prepend(row.node); // refused ones first
  if (refused.length) {
    paint("up.review");
    const lines = refused.slice(0, 12).map((row) => row.detail);
    if (refused.length > 12) lines.push(t("up.refused_more", { n: refused.length - 12 }));
    const choice = await decided({
      icon: "warning",
      title: t("up.refused_title", { n: refused.length }),
      text: lines.join("\n"),
      showCancelButton: going.length > 0,
      confirmButtonText: going.length ? t("up.refused_go", { n: going.length }) : t("up.refused_ok"),
      cancelButtonText: t("up.refused_back"),
    });
    if (going.length && !choice.isConfirmed) return cancelAll();
  }
  pump();
}

async function decided(question) {
  questions += 1;
  try { return await ask(question); } finally { questions -= 1; }
}

// ---- sending ----------------------------------------------------------------------------------

function pump() {
  if (questions) return; // a person is being asked
  if (isPaused && !rows.some((row) => row.isOpen)) isPaused = false;
  paint();
  if (isPaused) return;
  const running = rows.filter((row) => row.isRunning).length;
  const next = rows.filter((row) => row.state === "queued" && row.url && !row.isRunning);
  for (const row of next.slice(0, PARALLEL - running)) run(row);
  if (isAsking || rows.some((row) => row.isRunning)) return;
  if (batch && !rows.some((row) => row.isOpen && row.url)) finish();
  else if (!batch && rows.some((row) => row.state === "queued" && !row.url)) announce();
}

async function run(row) {
  row.isRunning = true;
  row.isStopped = false;
  holdAwake();
  try {
    if (row.toCheck && (await isKnown(row))) return;
    if (row.isStopped) throw new Stopped();
    row.set("sending");
    settle(row, await send(row, (state, wait, isOffline) => {
      offline = Boolean(isOffline);
      row.set(state, { n: wait });
      paint();
    }));
  } catch (stopped) {
    if (!(stopped instanceof Stopped)) throw stopped;
  } finally {
    row.isRunning = false;
    if (row.state === "queued" && !row.url) announce(); else pump();
  }
}

function settle(row, answer) {
  offline = false;
  const receipt = answer.body?.receipt;
  if (answer.status === 200 && receipt) {
    row.sent = row.file.size;
    row.set(receipt.outcome === "duplicate" ? "duplicate" : "filed", { detail: receipt.detail });
    return forget(row);
  }
  if (answer.status === 404 || answer.status === 410) { // the reservation ended, for all of its files
    const id = batchOf(row);
    for (const each of rows)
      if (each === row || (each.isOpen && !each.isRunning && each.url && batchOf(each) === id)) leave(each);
    $("alarm").textContent = t("code.expired");
    return row.set("queued");
  }
  if (answer.body?.code === "checksum_mismatch" && !row.wasDamaged) {
    leave(row);
    row.wasDamaged = true;
    return row.set("queued");
  }
  const isOurs = answer.status === -1 || answer.status >= 500 && answer.status !== 507;
  const plain = answer.status === -1 ? "code.file_unreadable" : isOurs ? "code.internal" : "code.turned_away";
  const detail = answer.body?.detail ?? t(plain, { n: String(answer.status) });
  row.set(isOurs ? "failed" : "refused", { detail });
  $("alarm").textContent = `${row.file.name}: ${detail}`;
}

// The next try is a file of another batch.
function leave(row) {
  forget(row);
  Object.assign(row, { url: null, offset: 0, sent: 0 });
  batch = null;
}

// Where the browser may hash (not on plain http), bytes that are there already are not sent again.
async function isKnown(row) {
  row.toCheck = false;
  if (!crypto.subtle || row.file.size > HASHED || row.offset) return false;
  row.set("checking");
  try {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await row.file.arrayBuffer()));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const reply = await fetch(`/api/v1/batches/${batch.id}/check`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ files: [{ ref: row.ref, sha256 }] }),
    });
    const file = (await reply.json()).files[0];
    if (file.state !== "duplicate" || row.isStopped) return false;
    row.sent = row.file.size;
    row.set("duplicate", { detail: file.receipt?.detail ?? "" });
    forget(row);
    return true;
  } catch { return false; } // sending it finds out just as well
}

// ---- ending -----------------------------------------------------------------------------------

// The batches that rows of this page belong to: more than one where uploads of two visits go on.
const batchOf = (row) => row.url.split("/")[4];

function batches() {
  const ids = rows.filter((row) => row.url).map(batchOf);
  return new Set(batch ? [...ids, batch.id] : ids);
}

async function close(id) {
  memory.drop(id);
  const reply = await fetch(`/api/v1/batches/${id}/finish`, { method: "POST" });
  if (!reply.ok) throw new Error(reply.status);
  return reply.json();
}

async function closed(id) {
  const from = unfinished.find((each) => each.id === id);
  if (from && Object.keys(from.files).length) { // its other files are still to be chosen
    remind();
    return { url: `/b/${id}`, receipts: [] };
  }
  for (const wait of [0, 1, 2, 4, 8, 15]) { // after that the batch ends by itself
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    try { return await close(id); } catch { offline = !navigator.onLine; paint(); }
  }
  return { url: `/b/${id}`, receipts: [] };
}

// Every file has come to an end. Where some failed, a person says whether they are tried once more.
async function finish(isToEnd = false) {
  if (of("failed").length && !isToEnd && !(await isEnough())) return of("queued").length ? announce() : undefined;
  for (const row of of("failed")) forget(row);
  const ids = batches();
  batch = null;
  isEnding = true;
  for (const row of rows) row.url = null; // who is tried again is asked for anew
  for (const { url, receipts } of await Promise.all([...ids].map(closed))) {
    ended.urls.push(url);
    ended.receipts.push(...receipts);
  }
  isEnding = false;
  offline = false;
  wakeLock?.release();
  wakeLock = null;
  paint();
  const good = of("filed", "duplicate");
  if (of("left").length) for (const row of of("queued")) row.set("left"); // never round the limit by itself
  if (of("queued").length) return announce();
  if (good.length) await celebrate();
}

async function isEnough() {
  paint();
  const failed = of("failed"), good = of("filed", "duplicate").length;
  const lines = failed.slice(0, TOLD).map((row) => `${row.file.name}: ${row.detail}`);
  if (failed.length > TOLD) lines.push(t("up.refused_more", { n: failed.length - TOLD }));
  const choice = await decided({
    icon: "warning", title: t("up.partly", { ok: good, bad: failed.length }), text: lines.join("\n"),
    showCancelButton: true, showDenyButton: true,
    confirmButtonText: t("up.retry_all"), denyButtonText: t("up.enough"), cancelButtonText: t("up.later"),
  });
  if (choice.isConfirmed) retry();
  return choice.isDenied;
}

const receiptUrl = () => (ended.urls.length > 1 ? "/Receipts/" : ended.urls[0]);

async function celebrate() {
  const shown = rows, before = rows.length;
  const folders = new Map();
  for (const each of ended.receipts)
    if (each.path && (each.outcome === "filed" || each.outcome === "sidecar")) {
      const folder = each.path.split("/").slice(0, -1).join("/");
      folders.set(folder, (folders.get(folder) ?? 0) + 1);
    }
  const lines = [...folders].sort().slice(0, TOLD).map(([place, n]) => t("up.done_line", { place, n }));
  if (folders.size > TOLD) lines.push(t("up.refused_more", { n: folders.size - TOLD }));
  for (const [key, state] of [["up.done_duplicates", "duplicate"], ["up.done_refused", "refused"], ["up.done_failed", "failed"], ["up.done_left", "left"]])
    if (of(state).length) lines.push(t(key, { n: of(state).length }));
  const filed = of("filed").length;
  const choice = await ask({
    icon: "success",
    title: filed ? t("up.done_title", { n: filed }) : lines[0],
    text: lines.join("\n"),
    showCancelButton: true,
    confirmButtonText: t("up.done_receipt"),
    cancelButtonText: t("up.done_more"),
  });
  if (choice.isConfirmed) location.href = receiptUrl();
  else if (rows === shown && rows.length === before && !of("left").length && !isBusy()) begin();
}

function begin() {
  clear();
  $("tray").hidden = true;
  paint();
  $("files").focus();
}

function cancelOne(row) {
  if (row.state === "filing") return; // all its bytes are there
  const url = row.url;
  const near = [...$("rows").querySelectorAll("button.x:not([hidden])")];
  const next = near[near.indexOf(row.button) + 1] ?? near[near.indexOf(row.button) - 1];
  row.stop("cancelled");
  (next ?? $("status")).focus();
  forget(row);
  if (url) discard(row, url);
  pump();
}

// Where the last byte was faster than the word to cancel, the file is here, and is said to be.
async function discard(row, url) {
  try {
    await fetch(url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } });
    const { receipt } = await (await fetch(url)).json();
    if (!receipt) return;
    row.sent = row.file.size;
    row.set(receipt.outcome === "duplicate" ? "duplicate" : "filed", { detail: receipt.detail });
    paint();
  } catch { /* it expires */ }
}

async function cancelAll() {
  const ids = batches();
  batch = null;
  isCancelled = true;
  isPaused = offline = false;
  const begun = rows.filter((row) => row.isRunning && row.state !== "filing").map((row) => [row, row.url]);
  for (const row of rows) if ((row.isOpen && row.state !== "filing") || row.state === "left" || row.state === "failed") row.stop("cancelled");
  for (const row of rows) if (row.state !== "filing") row.url = null;
  if (of("filed", "duplicate").length) ended.urls.push(...[...ids].map((id) => `/b/${id}`));
  paint();
  for (const id of ids) {
    memory.drop(id);
    await fetch(`/api/v1/batches/${id}`, { method: "DELETE" }).catch(() => {}); // else it expires
  }
  for (const [row, url] of begun) discard(row, url);
}

// ---- what is remembered over a reload ---------------------------------------------------------

function remember() {
  const files = {};
  for (const row of rows) if (row.isOpen && row.url && batchOf(row) === batch.id) files[row.key] = { url: row.url, offset: row.offset };
  memory.hold(batch.id, files);
}

function forget(row) {
  if (row.url) memory.forget(batchOf(row), row.key);
}

// After a reload: the server says what is unfinished, the person has the files.
async function recall() {
  const found = await Promise.all((await memory.left()).map(stillOpen));
  unfinished = found.filter(Boolean);
  if (!batch && !rows.length) remind();
}

function remind() {
  const n = unfinished.reduce((sum, { files }) => sum + Object.keys(files).length, 0);
  $("unfinished").textContent = t("up.unfinished", { n });
  $("unfinished").hidden = !n;
}

async function stillOpen({ id, files: before }) {
  let state;
  try {
    const reply = await fetch(`/api/v1/batches/${id}`);
    state = reply.ok ? await reply.json() : { files: [] };
  } catch { return null; }
  const files = {};
  for (const file of state.files)
    if (file.offset !== undefined && !state.closed_at) {
      const key = keyOf(file.path, file.size, Math.round(file.mtime * 1000));
      const url = file.url ?? before[key]?.url; // from another network the server does not tell it
      if (url) files[key] = { url, offset: file.offset };
    }
  if (Object.keys(files).length) return { id, files };
  memory.drop(id);
  return null;
}

// ---- showing ----------------------------------------------------------------------------------

function paint(key) {
  const focused = document.activeElement;
  const counted = rows.filter((row) => !["refused", "left", "cancelled"].includes(row.state));
  const all = counted.reduce((sum, row) => sum + row.file.size, 0);
  const done = counted.reduce((sum, row) => sum + Math.min(row.sent, row.file.size), 0);
  meter("files", counted.length, LIMITS.files, counted.length);
  meter("bytes", all, LIMITS.bytes, size(all));
  const good = of("filed", "duplicate").length, bad = of("failed", "refused").length, left = of("left").length;
  const percent = all ? Math.floor((100 * done) / all) : 0;
  $("total").value = all ? (1000 * done) / all : 0;
  const [state, text] = status(key, { counted, all, done, good, bad });
  $("status").textContent = text;
  if (state !== said && state !== "sending") $("live").textContent = text;
  said = state;
  document.title = isBusy() ? `(${percent} %) ${title}` : title;
  const open = rows.some((row) => row.isOpen);
  $("pause").hidden = !open;
  $("pause").textContent = t(isPaused ? "up.go_on" : "up.pause");
  $("cancel").hidden = !open && !left;
  $("retry").hidden = $("enough").hidden = !of("failed").length || open;
  $("next").hidden = !left || open;
  $("receipt").hidden = !ended.urls.length || open;
  if (ended.urls.length) $("receipt").href = receiptUrl();
  $("next").textContent = t("up.next", { n: Math.min(left, LIMITS.files) });
  const quarter = Math.floor(percent / 25);
  if (open && quarter !== told) {
    told = quarter;
    $("live").textContent = t("up.percent", { p: quarter * 25 });
  }
  if (focused?.closest(".dock [hidden]")) $("status").focus(); // else a keyboard starts from the top again
}

function status(key, { counted, all, done, good, bad }) {
  if (key) return [key, t(key, { n: good })];
  if (isPaused) return ["paused", t("up.paused", { i: good, n: counted.length })];
  if (offline) return ["offline", t("up.offline")];
  if (isAsking) return ["checking", t("up.checking", { n: of("checking").length })];
  if (isCancelled) return ["cancelled", t("up.cancelled", { n: good })];
  if (!rows.some((row) => row.isOpen)) {
    if (bad) return ["partly", t("up.partly", { ok: good, bad })];
    return good ? ["done", t("up.done", { n: good })] : ["ended", rows.length ? t("up.cancelled", { n: good }) : ""];
  }
  const text = t("up.sending", { i: good, n: counted.length, done: size(done), all: size(all) });
  const speed = pace(done);
  const left = speed ? ` · ${t("up.speed", { speed: size(speed), eta: duration((all - done) / speed) })}` : "";
  return ["sending", text + left];
}

// Bytes a second over the last six seconds.
function pace(done) {
  const now = performance.now();
  samples.push([now, done]);
  samples = samples.filter(([at]) => now - at < 6000);
  const [at, before] = samples[0];
  return now - at > 700 ? Math.max(0, ((done - before) * 1000) / (now - at)) : 0;
}

function meter(name, value, most, shown) {
  const bar = $(`meter-${name}`);
  bar.value = value;
  bar.classList.toggle("over", value > most);
  $(`meter-${name}-text`).textContent = t(`up.meter_${name}`, { i: shown, n: name === "bytes" ? size(most) : most });
}

async function holdAwake() {
  if (!wakeLock && navigator.wakeLock)
    try { wakeLock = await navigator.wakeLock.request("screen"); } catch { wakeLock = null; } // low battery
}

// ---- buttons ----------------------------------------------------------------------------------

$("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  offline = false;
  samples = [];
  for (const row of rows) {
    if (isPaused && row.isOpen && row.url) row.stop("paused");
    else if (!isPaused && row.state === "paused") { row.isStopped = false; row.set("queued"); }
  }
  pump();
});
function retry() {
  for (const row of of("failed")) again(row);
  paint();
  if (of("queued").some((row) => row.url)) pump(); else announce();
}
$("retry").addEventListener("click", retry);
$("enough").addEventListener("click", () => { if (batches().size) finish(true); else begin(); });
$("next").addEventListener("click", () => {
  for (const row of of("left")) row.set("queued", { detail: "" });
  rows = rows.filter((row) => row.isOpen || row.state === "failed" || (row.node?.remove(), false));
  draw(rows.filter((row) => !row.node));
  batch = null;
  announce();
});
$("cancel").addEventListener("click", async () => {
  const choice = await ask({
    icon: "question", title: t("up.cancel_title"), text: t("up.cancel_text"), showCancelButton: true,
    confirmButtonText: t("up.cancel_yes"), cancelButtonText: t("up.cancel_no"),
  });
  if (choice.isConfirmed) cancelAll();
});
addEventListener("beforeunload", (event) => { if (isBusy()) event.preventDefault(); });
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && isBusy()) { wakeLock = null; holdAwake(); }
});
setInterval(() => { if (isBusy() && !isPaused) paint(); }, 1000);

$("form").addEventListener("submit", (event) => event.preventDefault());
const remembered = recall();
listen(add);
