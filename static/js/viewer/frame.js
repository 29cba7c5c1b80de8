// The one module that touches Neuroglancer, which runs in a frame of the same origin.

import { appearanceOf, LAYOUTS, layoutOf, namesOf, placeOf, stateOf, viewOfPlace, zoomToFit } from "./mapping.js";

// The page around the frame has its own controls for these.
const HIDDEN = [
  "showHelpButton", "showSettingsButton", "showEditStateButton", "showScreenshotButton",
  "showToolPaletteButton", "showLayerListPanelButton", "showSelectionPanelButton",
  "showLayerSidePanelButton", "showLocation", "showAnnotationToolStatus", "showLayerPanel",
  "showLayerHoverValues", "showTopBar", "showUIControls",
];
// Keys with which Neuroglancer would change, unknown to the page, what the page shows and keeps, or
// open panels of its own. Help and layers by number are the page's (keys.js).
const DIGITS = Array.from({ length: 9 }, (_, i) => `digit${i + 1}`);
const UNBOUND_KEYS = [
  "keyh", "keyn", "space", "shift+space", "backslash", ...DIGITS, ...DIGITS.map((digit) => `control+${digit}`),
];
const AXIS_NAMES = ".neuroglancer-display-dimensions-widget input";
// Neuroglancer leaves out of its state what is turned in no way.
const UNTURNED = [0, 0, 0, 1];
const POLL_MILLISECONDS = 50;
// How much of the 3D panel around the data stays free, so that it fits at any angle.
const ROOM_IN_3D = 1.6;
const TIMEOUT_MILLISECONDS = 60_000;

/** The viewer inside `frame`, once Neuroglancer has started there. */
export async function openFrame(frame, manifest) {
  const deadline = performance.now() + TIMEOUT_MILLISECONDS;
  while (!frame.contentWindow?.viewer?.state) {
    if (performance.now() > deadline) throw new Error("The viewer did not start.");
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
  return new Frame(frame, manifest);
}

class Frame {
  #viewer;
  #window;
  #manifest;
  #said = {};
  #opened = {};

  constructor(frame, manifest) {
    this.#window = frame.contentWindow;
    this.#viewer = this.#window.viewer;
    this.#manifest = manifest;
    for (const name of HIDDEN) {
      const shown = this.#viewer.uiConfiguration[name];
      if (shown) shown.value = false;
    }
    for (const key of UNBOUND_KEYS) this.#viewer.inputEventBindings.global.set(key, "nothing");
    this.#window.document.addEventListener("focusin", ({ target }) => this.#passOverAxisNames(target));
  }

  /** Show `view` from scratch. */
  show(view) {
    const state = stateOf(this.#manifest, view, location.origin);
    const { width, height } = this.#panel(view.layout ?? LAYOUTS[0]);
    const fitting = zoomToFit(this.#manifest, width, height);
    if (!view.zoom) state.crossSectionScale = fitting;
    if (!view.zoom3D) state.projectionScale = fitting * height * ROOM_IN_3D;
    this.#viewer.state.reset();
    this.#viewer.state.restoreState(state);
    this.#said = view;
    this.#opened = this.#place();
  }

  /** Bring one layer, or all, to how `view` shows them, without loading them anew. */
  applyAppearance(view, layers = this.#manifest.layers) {
    for (const layer of layers) {
      for (const [channel, name] of namesOf(layer).entries()) {
        const managed = this.#viewer.layerManager.getLayerByName(name);
        if (managed) apply(managed, appearanceOf(layer, view, channel));
      }
    }
  }

  applyPlace(view) {
    this.#viewer.state.restoreState(placeOf(this.#manifest, view));
  }

  setLayout(layout) {
    this.#viewer.state.restoreState({ layout: layoutOf(layout) });
  }

  /** The zoom in voxels per screen pixel, also where the view leaves it to the size of the panels. */
  get zoom() {
    return this.#place().zoom;
  }

  /**
   * Where the person is, in the words of a view. Where nobody has moved, that is what the view said:
   * what was fitted to this screen, or rounded, is no move.
   */
  get place() {
    const place = this.#place();
    for (const [key, value] of Object.entries(place)) {
      if (String(value) === String(this.#opened[key])) place[key] = this.#said[key] ?? null;
    }
    return place;
  }

  #place() {
    const state = JSON.parse(JSON.stringify(this.#viewer.state.toJSON()));
    return viewOfPlace(this.#manifest, {
      position: state.position,
      crossSectionScale: state.crossSectionScale,
      crossSectionOrientation: state.crossSectionOrientation ?? UNTURNED,
      projectionScale: state.projectionScale,
      projectionOrientation: state.projectionOrientation ?? UNTURNED,
    });
  }

  /** Calls back, at most once a painted frame, after anything in the viewer has changed. */
  onMove(callback) {
    let isDue = false;
    this.#viewer.state.changed.add(() => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        callback();
      });
    });
  }

  /** Calls back with each key that is pressed in the viewer. */
  onKey(callback) {
    this.#window.addEventListener("keydown", callback, { capture: true }); // before Neuroglancer ends it
  }

  /** Calls back with `{address, sentence}` of chunks that could not be used (worker.js says so). */
  onUnreadable(callback) {
    this.#window.addEventListener("unreadable", ({ detail }) => callback(detail));
  }

  // Whoever comes in by keyboard would meet fields that rename axes first: the picture takes the keys.
  #passOverAxisNames(target) {
    if (!target.matches(AXIS_NAMES)) return;
    for (const input of this.#window.document.querySelectorAll(AXIS_NAMES)) input.tabIndex = -1;
    target.closest(".neuroglancer-rendered-data-panel").focus();
  }

  #panel(layout) {
    const parts = layout === "4panel" ? 2 : 1;
    return { width: this.#window.innerWidth / parts, height: this.#window.innerHeight / parts };
  }
}

function apply(managed, { visible, opacity, selectedAlpha, shaderControls }) {
  if (managed.visible !== visible) managed.setVisible(visible);
  const layer = managed.layer;
  if (!layer) return;
  if (opacity !== undefined) layer.opacity.value = opacity;
  if (selectedAlpha !== undefined) layer.displayState.selectedAlpha.value = selectedAlpha;
  if (shaderControls) layer.shaderControlState.restoreState(shaderControls);
}
