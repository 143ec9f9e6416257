// What every page has: menus that close, copy buttons, times on the reader's own clock.
for (const menu of document.querySelectorAll("[data-menu]")) {
  document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

const clock = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[data-time]"))
  time.textContent = clock.format(new Date(time.dateTime));

for (const button of document.querySelectorAll("[data-copy-from]")) {
  button.addEventListener("click", () => {
    const source = document.getElementById(button.dataset.copyFrom);
    getSelection().selectAllChildren(source);
    // navigator.clipboard is missing on plain http; this is not
    if (!document.execCommand("copy")) return;
    const word = button.querySelector("span");
    const before = word.textContent;
    word.textContent = button.dataset.done;
    setTimeout(() => { word.textContent = before; }, 2000);
  });
}
