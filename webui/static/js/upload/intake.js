// Every way in which files reach the page: inputs, drops of files and folders, paste.

// What systems leave in folders is no choice of the person who drops one.
const LITTER = /^(\._.*|\.DS_Store|Thumbs\.db|ehthumbs(_vista)?\.db|desktop\.ini)$/i;

export function listen(take) {
  const add = (found) => {
    const wanted = found.filter(({ file }) => !LITTER.test(file.name));
    if (wanted.length) take(wanted);
  };
  for (const id of ["files", "folder", "camera", "whole"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", () => {
      const chosen = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
      input.value = ""; // the same files may be chosen again
      if (chosen.length) add(chosen);
    });
  }
  if (!("webkitdirectory" in HTMLInputElement.prototype))
    for (const each of document.querySelectorAll("#folder, [for=folder]")) each.hidden = true;
  listenToDrops(add);
  document.addEventListener("paste", (event) => {
    const pasted = [...event.clipboardData.files];
    if (pasted.length) add(pasted.map(named));
  });
}

function named(file) {
  // a picture from the clipboard has no name of its own
  if (file.name !== "image.png") return { file, path: file.name };
  // in letters: the server would take a date in the name for the day it was taken
  const at = [...String(Date.now())].map((digit) => "abcdefghij"[digit]).join("");
  const renamed = new File([file], `pasted-${at}.png`, { type: file.type, lastModified: file.lastModified });
  return { file: renamed, path: renamed.name };
}

function listenToDrops(add) {
  const veil = document.getElementById("veil");
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    // the list of items is emptied at the first await: take all entries before it
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const plain = [...event.dataTransfer.files];
    const found = entries.length ? (await Promise.all(entries.map(walk))).flat() : plain.map(named);
    if (found.length) add(found);
  });
}

async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    return file ? [{ file, path: entry.fullPath.replace(/^\//, "") }] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader gives at most 100 entries a time
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return (await Promise.all(found.map(walk))).flat();
    found.push(...some);
  }
}
