// Forms that ask before they are sent; without a script they are sent at once.
import { ask } from "./dialogs.js";

for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await isMeant(form.dataset)) form.submit();
  });
}

async function isMeant({ ask: title, text, yes, no }) {
  try {
    const choice = await ask({
      icon: "question", title, text, showCancelButton: true, focusCancel: true, returnFocus: true,
      confirmButtonText: yes, cancelButtonText: no,
      customClass: { confirmButton: "btn btn-outline-danger", cancelButton: "btn btn-outline-secondary" },
    });
    return choice.isConfirmed;
  } catch { // the dialog could not be fetched
    return confirm(`${title}\n${text}`);
  }
}
