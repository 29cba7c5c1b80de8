// What a link says after its `#`: position, zoom, rotation, layout, and how layers are shown, each
// only where it is otherwise than everybody sees the dataset. Written as JSON; read, too, in the older
// form `x,y,z,mode,zoom`. Whatever a link says, only known keys with valid values are taken: there is
// no way to name a source or a shader in it.

import { LAYOUTS } from "./mapping.js";
import { differenceTo, merged } from "./view.js";

const ZOOM_DIGITS = 6;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isBoolean = (value) => typeof value === "boolean";
const isPoint = (value) => Array.isArray(value) && value.length === 3 && value.every(isNumber);
const isNumbers = (value) => Array.isArray(value) && value.every(isNumber);
const isZoom = (value) => isNumber(value) && value > 0;
const isWithin = (low, high) => (value) => isNumber(value) && value >= low && value <= high;

const VIEW_KEYS = {
  position: isPoint,
  additional: isNumbers,
  zoom: isZoom,
  rotation: isPoint,
  zoom3D: isZoom,
  rotation3D: isPoint,
  layout: (value) => LAYOUTS.includes(value),
  interpolation: isBoolean,
};
const LAYER_KEYS = {
  alpha: isWithin(0, 100),
  color: (value) => isPoint(value) && value.every(isWithin(0, 255)),
  gammaCorrectionValue: isWithin(0, 10),
  intensityRange: (value) => isNumbers(value) && value.length === 2 && value[0] <= value[1],
  isDisabled: isBoolean,
  isInverted: isBoolean,
  hiddenChannels: isNumbers,
};

const pick = (values, keys) =>
  Object.fromEntries(Object.keys(keys).filter((key) => keys[key](values[key])).map((key) => [key, values[key]]));

/** The view that a fragment asks for; only of layers that `layerNames` has. */
export function parseFragment(fragment, layerNames) {
  const text = textOf(fragment);
  if (!text) return {};
  if (!text.startsWith("{")) return parseNumbers(text);
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    return {};
  }
  const view = pick({ ...said, zoom: said.zoom ?? said.zoomStep }, VIEW_KEYS);
  const layers = said.layers ?? said.stateByLayer ?? {};
  for (const name of layerNames) {
    if (!Object.hasOwn(layers, name) || layers[name] === null) continue;
    view.layers ??= {};
    view.layers[name] = pick(layers[name], LAYER_KEYS);
  }
  return view;
}

/**
 * The view that a person meets who opens an address with this fragment. A link in JSON shows everybody
 * the same, whatever they have set for themselves; numbers say where to look, and nothing more.
 */
export function viewOfLink(fragment, { base, own }) {
  const said = parseFragment(fragment, Object.keys(base.layers));
  return merged(isJson(fragment) ? base : own, said);
}

/** The fragment, without `#`, of a link to `view` of a dataset that is shown as `base` without one. */
export function fragmentOf(base, view) {
  const difference = differenceTo(base, view);
  const said = pick(difference, VIEW_KEYS);
  for (const key of ["zoom", "zoom3D"]) {
    if (said[key]) said[key] = Number(said[key].toPrecision(ZOOM_DIGITS));
  }
  const layers = Object.entries(difference.layers ?? {}).map(([name, layer]) => [name, pick(layer, LAYER_KEYS)]);
  if (layers.length) said.layers = Object.fromEntries(layers);
  // Both may stand in a fragment as they are.
  return encodeURIComponent(JSON.stringify(said)).replaceAll("%2C", ",").replaceAll("%3A", ":");
}

function isJson(fragment) {
  try {
    return JSON.parse(textOf(fragment)) instanceof Object;
  } catch {
    return false;
  }
}

const textOf = (fragment) => decoded(fragment.replace(/^#/, "").replace(/^!/, ""));

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

// x, y, z, the mode (0: cross-sections), the zoom, and perhaps three angles.
function parseNumbers(text) {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  const [x, y, z, , zoom, ...angles] = numbers;
  return pick({ position: [x, y, z], zoom, rotation: angles.slice(0, 3) }, VIEW_KEYS);
}
