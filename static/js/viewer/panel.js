// The panel beside the viewer: one card a layer, made from the page's template.

import { channelColor, namesOf } from "./mapping.js";
import { contrastOf, RangeControl } from "./range.js";

const hex = (color) => `#${color.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
const rgb = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
const isSame = (a, b) => a[0] === b[0] && a[1] === b[1];

/** Fills `container` with the layers' cards, which show and change `view`. */
export function buildPanel(container, template, manifest, view) {
  const cards = new Map();
  for (const layer of manifest.layers) {
    const root = template.content.firstElementChild.cloneNode(true);
    container.append(root);
    cards.set(layer.name, new Card(root, layer, view));
  }
  view.onChange(({ layer, everything }) => {
    if (everything) for (const card of cards.values()) card.show();
    else if (layer) cards.get(layer)?.show();
  });
  return cards;
}

class Card {
  #root;
  #layer;
  #view;
  #range = null;

  constructor(root, layer, view) {
    this.#root = root;
    this.#layer = layer;
    this.#view = view;
    this.#part("name").textContent = layer.name;
    this.#part("kind").textContent = kindOf(layer);
    for (const part of root.querySelectorAll("[data-only]")) {
      if ((part.dataset.only === "segmentation") !== layer.isSegmentation) part.remove();
    }
    this.#onInput("visible", "change", (input) => ({ isDisabled: !input.checked }));
    for (const part of ["alpha", "alpha-number"]) {
      this.#onInput(part, "input", (input) => ({ alpha: Math.max(0, Math.min(100, Number(input.value))) }));
    }
    this.#labelControls();
    if (!layer.isSegmentation) this.#addImageControls();
    this.show();
  }

  /** Says, in the card, that the layer can't be shown. */
  fail(text) {
    const problem = this.#part("problem");
    problem.textContent = text;
    problem.hidden = false;
  }

  /** Loads the histogram, and returns the range that shows the layer in good contrast, or null. */
  async loadHistogram() {
    if (!this.#range) return null;
    const response = await fetch(this.#layer.histogram).catch(() => null);
    if (!response?.ok) return null;
    const histograms = (await response.json()).filter((histogram) => histogram.numberOfElements > 0);
    const contrast = contrastOf(histograms, this.#layer.isInteger);
    if (!contrast) return null;
    if (this.#layer.isWide) {
      const lows = histograms.map(({ min }) => min);
      const highs = histograms.map(({ max }) => max);
      this.#range.setLimits([Math.min(...lows, contrast[0]), Math.max(...highs)]);
    }
    this.#range.drawHistogram(histograms[0]);
    this.show();
    const auto = this.#part("auto");
    auto.hidden = false;
    auto.addEventListener("click", () => this.#change({ intensityRange: contrast }));
    return contrast;
  }

  show() {
    const shown = this.#view.value.layers[this.#layer.name];
    this.#root.classList.toggle("is-off", shown.isDisabled);
    this.#part("visible").checked = !shown.isDisabled;
    this.#part("alpha").value = shown.alpha;
    this.#part("alpha-number").value = Math.round(shown.alpha);
    if (this.#layer.isSegmentation) return;
    this.#part("color").value = hex(shown.color);
    this.#part("inverted").checked = shown.isInverted;
    this.#part("gamma").value = shown.gammaCorrectionValue;
    if (shown.intensityRange) this.#range.show(shown.intensityRange);
    for (const box of this.#root.querySelectorAll("[data-channel]")) {
      box.checked = !(shown.hiddenChannels ?? []).includes(Number(box.dataset.channel));
    }
  }

  #addImageControls() {
    const shown = this.#view.value.layers[this.#layer.name];
    this.#onInput("color", "input", (input) => ({ color: rgb(input.value) }));
    this.#onInput("inverted", "change", (input) => ({ isInverted: input.checked }));
    this.#onInput("gamma", "input", (input) => ({ gammaCorrectionValue: Number(input.value) }));
    this.#range = new RangeControl(this.#part("range"), {
      isInteger: this.#layer.isInteger,
      onChange: (intensityRange) => this.#change({ intensityRange }),
    });
    const [low, high] = this.#layer.valueRange;
    this.#range.setLimits([shown.min ?? low, shown.max ?? high]);
    this.#addChannels(shown.color);
  }

  #addChannels(color) {
    const channels = namesOf(this.#layer).length;
    const list = this.#part("channels");
    if (channels === 1) return list.remove();
    for (let channel = 0; channel < channels; channel++) {
      const entry = list.querySelector("template").content.firstElementChild.cloneNode(true);
      const box = entry.querySelector("input");
      box.dataset.channel = channel;
      entry.querySelector("circle").setAttribute("fill", hex(channelColor(this.#layer, color, channel)));
      entry.querySelector("[data-label]").textContent = `Channel ${channel}`;
      box.addEventListener("change", () => this.#toggleChannel(channel, !box.checked));
      list.append(entry);
    }
  }

  #toggleChannel(channel, isHidden) {
    const hidden = new Set(this.#view.value.layers[this.#layer.name].hiddenChannels ?? []);
    if (isHidden) hidden.add(channel);
    else hidden.delete(channel);
    this.#change({ hiddenChannels: [...hidden].sort((a, b) => a - b) });
  }

  #labelControls() {
    for (const control of this.#root.querySelectorAll("[data-says]")) {
      control.setAttribute("aria-label", `${control.dataset.says} of ${this.#layer.name}`);
    }
  }

  #onInput(part, event, patchOf) {
    const input = this.#part(part);
    input.addEventListener(event, () => this.#change(patchOf(input)));
  }

  #change(patch) {
    this.#view.changeLayer(this.#layer.name, patch);
  }

  #part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }
}

function kindOf(layer) {
  const kind = layer.isSegmentation ? "segmentation" : layer.isRgb ? "RGB" : "color";
  return `${kind} · ${layer.elementClass}`;
}

/** Whether nobody chose a range for a layer whose type is so wide that it would look black. */
export function needsContrast(layer, view) {
  const range = view.layers[layer.name].intensityRange;
  return layer.isWide && (range === null || isSame(range, layer.valueRange));
}

