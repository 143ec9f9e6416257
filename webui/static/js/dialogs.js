// Questions and news in a SweetAlert; fetched when one is near: the page itself is there sooner.
const FOLDER = new URL("../vendor/sweetalert2/", import.meta.url);
let loading = null;

export function dialogs() {
  loading ??= Promise.all([
    load("link", { rel: "stylesheet", href: new URL("sweetalert2.min.css", FOLDER).href }),
    load("script", { src: new URL("sweetalert2.min.js", FOLDER).href }),
  ]).catch((failure) => { loading = null; throw failure; });
  return loading;
}

function load(tag, attributes) {
  return new Promise((resolve, reject) => {
    const node = Object.assign(document.createElement(tag), attributes);
    Object.assign(node, { onload: resolve, onerror: () => { node.remove(); reject(new Error("no dialogs")); } });
    if (tag === "link") document.head.prepend(node); // before our own colours for it
    else document.head.append(node);
  });
}

let last = Promise.resolve();

// One after the other: a question that took the place of another would answer it.
export function ask(options) {
  const answer = last.then(() => shown(options));
  last = answer.catch(() => {});
  return answer;
}

async function shown(options) {
  try { await dialogs(); } catch { return plainly(options); }
  const before = document.activeElement;
  return Swal.fire({
    buttonsStyling: false,
    customClass: { confirmButton: "btn btn-primary", cancelButton: "btn btn-outline-secondary", denyButton: "btn btn-outline-primary" },
    returnFocus: false, // to a button that is hidden by then, perhaps
    didClose: () => land(before),
    ...options,
  });
}

// A keyboard goes on where it was, or where the page says, and not from the top again.
function land(before) {
  if (document.activeElement !== document.body) return; // whoever asked has chosen a place
  const places = [before, ...document.querySelectorAll("[data-landing]")];
  places.find((place) => place !== document.body && place?.getClientRects().length)?.focus();
}

// The browser's own question, where the dialog could not be fetched.
function plainly({ title, text = "", showCancelButton }) {
  const words = `${title}\n${text}`;
  if (showCancelButton) return { isConfirmed: confirm(words) };
  alert(words);
  return { isConfirmed: true };
}
