// The view that the page shows, and who wants to know when it changes.

/** `strong` over `weak`, key by key, layers key by key within each layer. */
export function merged(weak, strong) {
  const layers = { ...weak.layers };
  for (const [name, layer] of Object.entries(strong.layers ?? {})) {
    if (name in layers) layers[name] = { ...layers[name], ...layer };
  }
  return { ...weak, ...strong, layers };
}

/** What of `view` is otherwise than in `base`, among the keys that belong to a person. */
export function differenceTo(base, view) {
  const difference = {};
  if (view.interpolation !== base.interpolation) difference.interpolation = view.interpolation;
  for (const [name, layer] of Object.entries(view.layers)) {
    for (const [key, value] of Object.entries(layer)) {
      if (JSON.stringify(value) === JSON.stringify(base.layers[name]?.[key])) continue;
      difference.layers ??= {};
      difference.layers[name] ??= {};
      difference.layers[name][key] = value;
    }
  }
  return difference;
}

/** Holds a view and tells listeners what changed: `{layer}`, `{interpolation}` or `{everything}`. */
export class CurrentView {
  #listeners = [];

  constructor(value) {
    this.value = value;
  }

  onChange(listener) {
    this.#listeners.push(listener);
  }

  changeLayer(name, patch) {
    Object.assign(this.value.layers[name], patch);
    this.#tell({ layer: name });
  }

  changeInterpolation(interpolation) {
    this.value.interpolation = interpolation;
    this.#tell({ interpolation });
  }

  /** Notes where the viewer has moved to by itself; nobody is told. */
  notePlace(place) {
    Object.assign(this.value, place);
  }

  replace(value) {
    this.value = value;
    this.#tell({ everything: true });
  }

  #tell(change) {
    for (const listener of this.#listeners) listener(change);
  }
}
