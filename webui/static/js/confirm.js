// Forms that ask before they are sent; without a script they are sent at once.
import { ask } from "./dialogs.js";

for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { ask: title, text, yes, no } = form.dataset;
    const choice = await ask({
      icon: "question", title, text, showCancelButton: true, focusCancel: true,
      confirmButtonText: yes, cancelButtonText: no,
      customClass: { confirmButton: "btn btn-outline-danger", cancelButton: "btn btn-outline-secondary" },
    });
    if (choice.isConfirmed) form.submit();
  });
}
