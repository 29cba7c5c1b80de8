// Keeps what a person changed, on this server, for that person; and makes it the default for all.

import { csrfToken, showMessage } from "../site.js";
import { differenceTo } from "./view.js";

const DELAY_MILLISECONDS = 800;

function send(address, method, body) {
  return fetch(address, {
    method,
    keepalive: true, // what was changed last is saved even if the page is left
    headers: { "X-CSRFToken": csrfToken(), "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
}

/** Saves changes of `view` a moment after the last one; connects the buttons of `page`. */
export function connectSaving(page, manifest, view, showAgain) {
  const { addresses } = manifest;
  let base = manifest.defaultView;
  let timer = null;
  const state = page.querySelector("[data-saving]");
  const reset = page.querySelector("[data-reset]");
  const makeDefault = page.querySelector("[data-make-default]");

  async function save() {
    timer = null;
    const response = await send(addresses["view-configuration"], "PUT", differenceTo(base, view.value)).catch(() => null);
    state.textContent = response?.ok ? "Saved for you" : "Not saved: the server could not be reached.";
  }
  function saveSoon() {
    clearTimeout(timer);
    timer = setTimeout(save, DELAY_MILLISECONDS);
  }

  if (manifest.keepsOwnView) {
    view.onChange(saveSoon);
    window.addEventListener("pagehide", () => {
      if (timer !== null) {
        clearTimeout(timer);
        save();
      }
    });
  }
  reset?.addEventListener("click", async () => {
    if (manifest.keepsOwnView) {
      const response = await send(addresses["view-configuration"], "DELETE").catch(() => null);
      if (!response?.ok) return showMessage("The view could not be reset. Try again.", "danger");
    }
    showAgain(structuredClone(base));
    clearTimeout(timer);
    timer = null;
    state.textContent = "Default view";
  });
  makeDefault?.addEventListener("click", async () => {
    const response = await send(addresses["default-view-configuration"], "PUT", view.value).catch(() => null);
    if (!response?.ok) return showMessage("The default view could not be saved. Are you still signed in?", "danger");
    base = structuredClone(view.value);
    showMessage("Everybody who opens this dataset now sees it like this.", "success");
  });
}
