// Pictures that are picked, and their zip with its progress.
import { t } from "../words.js";

const IN_MEMORY = 500 << 20; // larger zips go to the disk by the browser's own download

export function selecting(gallery) {
  const form = document.querySelector("[data-pack]");
  const bar = form.querySelector("progress");
  const word = form.querySelector("[data-picked]");
  const picked = () => [...gallery.querySelectorAll("input[name=item]:checked")];
  const show = () => {
    const n = picked().length;
    form.classList.toggle("on", n > 0);
    gallery.classList.toggle("picking", n > 0);
    word.textContent = t("gal.picked", { n });
  };
  let last = null;
  gallery.addEventListener("click", (event) => {
    const box = event.target.closest("input[name=item]");
    if (!box) return;
    if (event.shiftKey && last?.isConnected) {
      const all = [...gallery.querySelectorAll("input[name=item]")];
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const each of all.slice(from, to + 1)) each.checked = box.checked;
    }
    last = box;
    show();
  });
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reply = await fetch(form.action, { method: "POST", body: new URLSearchParams(picked().map((box) => ["item", box.value])) })
      .catch(() => null);
    if (!reply?.ok) { word.textContent = t("gal.failed"); return; }
    const all = Number(reply.headers.get("Content-Length"));
    if (all > IN_MEMORY) { await reply.body.cancel(); form.submit(); return; }
    try {
      save(await collect(reply, all), reply.headers.get("Content-Disposition"));
      show();
    } catch { // the connection broke
      word.textContent = t("gal.failed");
    } finally {
      bar.hidden = true;
    }
  });

  async function collect(reply, all) {
    const reader = reply.body.getReader();
    const parts = [];
    bar.hidden = false;
    for (let got = 0; ;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      got += value.length;
      bar.value = (100 * got) / all;
      word.textContent = t("gal.packing", { p: Math.floor((100 * got) / all) });
    }
    return new Blob(parts, { type: "application/zip" });
  }
}

function save(blob, disposition) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = /filename="([^"]+)"/.exec(disposition ?? "")?.[1] ?? "daydrop.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
