// Opens the page of a dataset's sharing links in a dialog: a link with data-links leads to the page,
// whose parts are shown here, and whose forms are sent without leaving.

import { showMessage } from "./site.js";

const dialog = document.getElementById("links");
const body = dialog.querySelector("[data-links-body]");

async function show(address, form) {
  const response = await fetch(address, {
    method: form ? "POST" : "GET",
    body: form && new FormData(form),
    headers: { "X-Requested-With": "fetch" },
  });
  // Elsewhere than asked: signed out meanwhile. The page says what is wrong.
  if (!response.ok || response.redirected) throw new Error("the links can't be shown here");
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").body;
  body.replaceChildren(...fresh.childNodes);
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[data-links]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.closest("details")?.removeAttribute("open");
  try {
    await show(link.href);
    dialog.showModal();
  } catch {
    location.assign(link.href);
  }
});

body.addEventListener("submit", async (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  event.stopPropagation(); // the page's own handler would ask the same question again
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) return;
  const button = event.submitter;
  button.disabled = true;
  try {
    await show(event.target.action, event.target);
    body.querySelector("[role=alert]")?.previousElementSibling?.querySelector?.("input")?.focus();
  } catch {
    dialog.close();
    showMessage("That did not work: the server did not answer as expected. Load the page again.", "danger");
  } finally {
    button.disabled = false;
  }
});
