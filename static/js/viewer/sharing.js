// The dialogs that give links: to this view for people, to the data for other programs.

import { csrfToken } from "../site.js";
import { fragmentOf } from "./fragment.js";
import { notify, withdraw } from "./notices.js";

/** Connects both dialogs of `page`. A token is made on the server only when somebody asks for it. */
export function connectSharing(page, manifest, view) {
  let token = new URLSearchParams(location.search).get("token") ?? "";

  async function ensureToken() {
    if (token) return true;
    withdraw("link");
    const response = await fetch(manifest.addresses.share, {
      method: "POST",
      headers: { "X-CSRFToken": csrfToken() },
    }).catch(() => null);
    if (!response?.ok) {
      notify("link", "The sharing link could not be made. Reload the page and try again.", "danger");
      return false;
    }
    token = (await response.json()).token;
    page.querySelector("[data-revokes-link]")?.removeAttribute("hidden"); // now there is one
    return true;
  }

  connectLink(page.querySelector("#share"), ensureToken, () => token, view);
  connectPrograms(page.querySelector("#open-with"), ensureToken, () => token);
}

function connectLink(dialog, ensureToken, token, view) {
  if (!dialog) return;
  const link = dialog.querySelector("#share-link");
  const withToken = dialog.querySelector("[data-with-token]");
  const show = () => {
    const address = new URL(location.pathname, location.origin);
    if (withToken ? withToken.checked : token()) address.searchParams.set("token", token());
    address.hash = fragmentOf(view.base, view.value);
    link.value = address.href;
  };
  withToken?.addEventListener("change", async () => {
    if (withToken.checked && !(await ensureToken())) withToken.checked = false;
    show();
  });
  document.querySelector("[data-opens=share]").addEventListener("click", show);
}

function connectPrograms(dialog, ensureToken, token) {
  const ask = dialog?.querySelector("[data-make-token]");
  if (!ask) return;
  const show = () => {
    for (const field of dialog.querySelectorAll("textarea")) {
      field.value = field.defaultValue.replaceAll(ask.dataset.makeToken, token());
    }
    dialog.querySelector("[data-token-needed]").hidden = true;
  };
  if (token()) show();
  ask.addEventListener("click", async () => {
    if (await ensureToken()) show();
  });
}
