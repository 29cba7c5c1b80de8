// View mode: reads what the server says, starts the viewer, and connects everything around it.

import { viewOfLink } from "./fragment.js";
import { openFrame } from "./frame.js";
import { connectKeys } from "./keys.js";
import { notify, withdraw } from "./notices.js";
import { buildPanel, needsContrast } from "./panel.js";
import { connectBar } from "./place.js";
import { connectSaving } from "./saving.js";
import { connectSharing } from "./sharing.js";
import { watchChunks } from "./unreadable.js";
import { CurrentView } from "./view.js";

const CHECK_EVERY_SECONDS = 15;

const page = document.querySelector("[data-viewer]");
const manifest = JSON.parse(document.getElementById("manifest").textContent);

/** Why the layer's data can't be read, in a sentence; empty where it can. */
async function problemOf(layer) {
  const finest = `${layer.source}${layer.mags[0]}/zarr.json`;
  const response = await fetch(finest, { cache: "no-store" }).catch(() => null);
  if (response === null) return "The server can't be reached.";
  if (response.ok) return "";
  if (response.status === 403 || response.status === 404) {
    return "Its data is not there, or you may no longer see it. Reload the page.";
  }
  const body = await response.json().catch(() => null);
  return body?.messages?.[0]?.error ?? `The server answered with an error (${response.status}).`;
}

/** Shows in place of the viewer why nothing can be seen. */
function fail(text) {
  const overlay = page.querySelector("[data-overlay]");
  overlay.querySelector("[data-overlay-text]").textContent = text;
  overlay.hidden = false;
}

// Where nobody chose a range, the good one counts as the default: it is no change of this person.
async function addContrast(layer, card, view) {
  const contrast = await card.loadHistogram();
  if (!contrast) return;
  view.improveDefault(layer.name, { intensityRange: contrast }, (shown) => needsContrast(layer, shown));
}

// What is wrong with one chunk hides nothing else of the layer: it is told beside the picture.
function tellUnreadable(layer, card, mag, sentence) {
  card.fail(`A part of this layer can't be read in mag ${mag}. ${sentence}`);
  notify(
    `layer ${layer.name}`,
    `A part of layer '${layer.name}' can't be read in mag ${mag}; coarser voxels, or none, are shown there. ${sentence} ` +
      "Whoever manages the dataset can put the file back in order; then reload the page.",
  );
}

/** Tells when the data is no longer there, and takes that back when it is again. */
async function check(layer) {
  if (document.hidden) return;
  const problem = await problemOf(layer);
  if (problem) notify("data", problem);
  else withdraw("data");
}

async function start() {
  const names = manifest.layers.map((layer) => layer.name);
  const { defaultView: base, view: own } = manifest;
  const view = new CurrentView({ base, own, value: viewOfLink(location.hash, { base, own }) });
  const cards = buildPanel(
    page.querySelector("[data-layers]"), document.getElementById("layer-card"), manifest, view,
  );
  const problems = await Promise.all(manifest.layers.map(problemOf));
  for (const [i, problem] of problems.entries()) {
    if (problem) cards.get(names[i]).fail(problem);
  }
  const readable = manifest.layers.filter((_, i) => !problems[i]);
  if (!readable.length) {
    return fail(problems[0] ?? "This dataset has no layer with voxels.");
  }
  const shown = { ...manifest, layers: readable };
  const frame = await openFrame(page.querySelector("iframe"), shown);
  watchChunks(frame, readable, (layer, ...found) => tellUnreadable(layer, cards.get(layer.name), ...found));
  frame.show(view.value);

  view.onChange(({ layer, everything, place }) => {
    if (everything) frame.show(view.value);
    else if (!place) frame.applyAppearance(view.value, layer && readable.filter(({ name }) => name === layer));
  });
  connectBar(page.querySelector("[data-place]"), frame, view, shown);
  connectKeys(frame, view, shown.layers, document.getElementById("help"));
  connectSharing(document, manifest, view);
  await Promise.all(readable.map((layer) => addContrast(layer, cards.get(layer.name), view)));
  connectSaving(page, manifest, view);
  window.addEventListener("hashchange", () => {
    view.show(viewOfLink(location.hash, view));
  });
  setInterval(() => check(readable[0]), CHECK_EVERY_SECONDS * 1000);
  page.dataset.viewer = "ready";
}

start().catch((error) => {
  console.error(error);
  fail(`${error.message} Does this browser support WebGL 2? Reload the page to try again.`);
});
