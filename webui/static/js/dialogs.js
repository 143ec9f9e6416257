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

export async function ask(options) {
  await dialogs();
  return Swal.fire({
    buttonsStyling: false,
    customClass: { confirmButton: "btn btn-primary", cancelButton: "btn btn-outline-secondary", denyButton: "btn btn-outline-primary" },
    returnFocus: false,
    ...options,
  });
}
