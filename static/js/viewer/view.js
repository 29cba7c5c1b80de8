// The view that the page shows, what of it is this person's own, and who wants to know of changes.

const PLACE_KEYS = ["position", "additional", "zoom", "rotation", "zoom3D", "rotation3D", "layout"];

/** `strong` over `weak`, key by key, layers key by key within each layer. */
export function merged(weak, strong) {
  const layers = { ...weak.layers };
  for (const [name, layer] of Object.entries(strong.layers ?? {})) {
    if (name in layers) layers[name] = { ...layers[name], ...layer };
  }
  return { ...weak, ...strong, layers };
}

const isSame = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** What of `view` is otherwise than in `base`, among the keys that belong to a person. */
export function differenceTo(base, view) {
  const difference = {};
  for (const key of [...PLACE_KEYS, "interpolation"]) {
    if (!isSame(view[key], base[key])) difference[key] = view[key];
  }
  for (const [name, layer] of Object.entries(view.layers)) {
    for (const [key, value] of Object.entries(layer)) {
      if (isSame(value, base.layers[name]?.[key])) continue;
      difference.layers ??= {};
      difference.layers[name] ??= {};
      difference.layers[name][key] = value;
    }
  }
  return difference;
}

/**
 * Holds three views: `value` is what is shown, `own` what this person sees without a link, and
 * `base` what everybody sees who has changed nothing. After a link the first two differ; what the
 * person then changes goes into both, what only the link says stays out of the person's own.
 *
 * Listeners are told what changed: `{layer}`, `{interpolation}`, `{place}` or `{everything}`.
 */
export class CurrentView {
  #listeners = [];

  constructor({ base, own, value }) {
    this.base = structuredClone(base);
    this.own = structuredClone(own);
    this.value = structuredClone(value);
  }

  onChange(listener) {
    this.#listeners.push(listener);
  }

  changeLayer(name, patch) {
    for (const view of [this.value, this.own]) Object.assign(view.layers[name], patch);
    this.#tell({ layer: name });
  }

  changeInterpolation(interpolation) {
    this.#assign({ interpolation });
    this.#tell({ interpolation });
  }

  /** Notes where the person has moved to; nothing happens where they are there already. */
  moveTo(place) {
    const moved = Object.fromEntries(Object.entries(place).filter(([key, said]) => !isSame(said, this.value[key])));
    if (!Object.keys(moved).length) return;
    this.#assign(moved);
    this.#tell({ place: moved });
  }

  /** Gives the layer a better default, wherever `isMissing` of a view; nobody has chosen that. */
  improveDefault(name, patch, isMissing) {
    for (const view of [this.base, this.own, this.value]) {
      if (isMissing(view)) Object.assign(view.layers[name], patch);
    }
    this.#tell({ layer: name });
  }

  /** Shows another view, for instance of a link, that is not the person's own. */
  show(value) {
    this.value = structuredClone(value);
    this.#tell({ everything: true });
  }

  /** Back to what everybody sees. */
  reset() {
    this.own = structuredClone(this.base);
    this.show(this.base);
  }

  /** What is shown is now what everybody sees, this person too. */
  makeDefault(value) {
    this.base = structuredClone(value);
    this.own = structuredClone(value);
    this.#tell({ place: {} });
  }

  #assign(patch) {
    for (const view of [this.value, this.own]) Object.assign(view, patch);
  }

  #tell(change) {
    for (const listener of this.#listeners) listener(change);
  }
}
