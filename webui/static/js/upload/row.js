// A file in the tray: what it is, how far it has come, and its line on the page.
import { size, t } from "../words.js";

const LOOKS = {
  filed: ["check", "good"], duplicate: ["copy", "good"], refused: ["alert", "bad"], failed: ["alert", "bad"],
  left: ["clock", "warn"], waiting: ["refresh", "warn"], locked: ["clock", "warn"], paused: ["pause", ""],
  sending: ["upload", ""], filing: ["clock", ""], queued: ["clock", ""], checking: ["search", ""],
  cancelled: ["x", ""],
};
const SAYS_ALL = new Set(["filed", "duplicate", "refused", "failed", "left"]); // with a sentence of the server
const PICTURES = 12;
const ICONS = document.querySelector(".icon use").getAttribute("href").split("#")[0];
export const OPEN = new Set(["queued", "checking", "sending", "filing", "waiting", "locked", "paused"]);
let pictures = 0;

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  svg.append(use);
  return svg;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Two files of one name and size are two files: raw pictures of a camera are all of one size.
export const keyOf = (path, size, modified) => `${path}|${size}|${modified}`;

export class Row {
  constructor({ file, path }, ref) {
    Object.assign(this, { file, path, ref: String(ref), state: "queued", offset: 0, sent: 0, url: null, detail: "", xhr: null });
    this.key = keyOf(path, file.size, file.lastModified);
  }

  get isOpen() { return OPEN.has(this.state); }

  stop(state) {
    this.isStopped = true;
    this.xhr?.abort();
    this.wake?.();
    this.set(state);
  }

  set(state, facts = {}) {
    const changed = state !== this.state || facts.n !== this.facts?.n || facts.detail !== undefined;
    this.state = state;
    this.facts = facts;
    if (facts.detail !== undefined) this.detail = facts.detail;
    if (changed) this.paint();
    if (this.bar) this.bar.value = this.file.size ? this.sent / this.file.size : 0;
    if (state === "sending" && this.word)
      this.word.textContent = t("up.s.sending", { p: Math.floor((100 * this.sent) / this.file.size) });
  }

  line(cancel) {
    this.node = document.createElement("li");
    this.picture = this.preview();
    const name = element("div", "name", this.path);
    name.title = this.path;
    name.append(element("small", "", size(this.file.size)));
    this.what = element("div", "what");
    this.button = element("button", "x");
    this.button.type = "button";
    this.button.setAttribute("aria-label", t("up.cancel_one", { name: this.file.name }));
    this.button.append(icon("x"));
    this.button.addEventListener("click", () => cancel(this));
    this.node.append(this.picture, name, this.button, this.what);
    this.paint();
    return this.node;
  }

  preview() {
    if (pictures >= PICTURES || !this.file.type.startsWith("image/")) {
      const box = element("span", "pic");
      box.append(icon(this.file.type.startsWith("video/") ? "play" : "image"));
      return box;
    }
    pictures += 1;
    const image = element("img", "pic");
    image.alt = "";
    image.src = URL.createObjectURL(this.file);
    const done = () => { URL.revokeObjectURL(image.src); pictures -= 1; };
    image.onload = done;
    image.onerror = () => { // HEIC is drawn by Safari only
      done();
      const box = element("span", "pic");
      box.append(icon("image"));
      image.replaceWith(box);
    };
    return image;
  }

  paint() {
    if (!this.node) return;
    const [look, tone] = LOOKS[this.state];
    this.node.className = tone;
    this.node.dataset.state = this.state;
    this.word = element("span", "", t(`up.s.${this.state}`, { p: 0, n: Math.round(this.facts?.n ?? 0) }));
    this.bar = null;
    if (this.detail && SAYS_ALL.has(this.state)) this.word.textContent = this.detail;
    const parts = [icon(look), this.word];
    if (this.state === "sending") {
      this.bar = document.createElement("progress");
      this.bar.setAttribute("aria-label", this.file.name);
      parts.push(this.bar);
    }
    this.what.replaceChildren(...parts);
    this.button.hidden = this.state === "filing" || (!this.isOpen && this.state !== "left");
  }
}
