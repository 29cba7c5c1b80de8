// Keeps what a person changed, on this server, for that person; and makes it the default for all.

import { Kept } from "./kept.js";
import { notify, withdraw } from "./notices.js";
import { differenceTo } from "./view.js";

const DELAY_MILLISECONDS = 800;
const [OWN, DEFAULT] = ["own view", "default view"];

/** Saves changes of `view` a moment after the last one; connects the buttons of `page`. */
export function connectSaving(page, manifest, view) {
  const saveOwn = manifest.keepsOwnView ? keepOwn(page, manifest, view) : () => {};
  page.querySelector("[data-reset]").addEventListener("click", () => {
    view.reset();
    saveOwn();
  });
  const makeDefault = page.querySelector("[data-make-default]");
  if (makeDefault) connectDefault(makeDefault, manifest, view);
}

// Returns what saves at once.
function keepOwn(page, manifest, view) {
  const state = page.querySelector("[data-saving]");
  let saved = JSON.stringify(differenceTo(view.base, view.own));
  let timer = null;
  const kept = new Kept(manifest.addresses["view-configuration"], (problem) => {
    state.textContent = problem ? "Not saved" : saved === "{}" ? "Default view" : "Saved for you";
    if (problem) notify(OWN, `Your view of this dataset is not saved: ${problem}`);
    else withdraw(OWN);
  });

  function save() {
    clearTimeout(timer);
    timer = null;
    const difference = differenceTo(view.base, view.own);
    if (JSON.stringify(difference) === saved) return;
    saved = JSON.stringify(difference);
    if (saved === "{}") kept.remove();
    else kept.put(difference);
  }
  view.onChange(() => {
    clearTimeout(timer);
    timer = setTimeout(save, DELAY_MILLISECONDS);
  });
  window.addEventListener("pagehide", () => {
    if (timer !== null) save();
  });
  return save;
}

function connectDefault(button, manifest, view) {
  let sent = null;
  const kept = new Kept(manifest.addresses["default-view-configuration"], (problem) => {
    if (problem) return notify(DEFAULT, `The default view is not saved: ${problem}`, "danger");
    view.makeDefault(sent);
    withdraw(DEFAULT);
    notify(DEFAULT, "Everybody who opens this dataset now sees it like this.", "success");
  });
  button.addEventListener("click", () => {
    withdraw(DEFAULT);
    sent = structuredClone(view.value);
    kept.put(withoutAutomaticColors(sent, view.base, manifest));
  });
}

// Colours that nobody chose stay automatic: they change with the layers of the dataset.
function withoutAutomaticColors(view, base, { layers }) {
  const chosen = structuredClone(view);
  for (const { name, channelColors } of layers) {
    const shown = chosen.layers[name];
    if (channelColors.length && String(shown.color) === String(base.layers[name].color)) delete shown.color;
  }
  return chosen;
}
