// Between view configurations and Neuroglancer's state. Pure functions; nothing here touches a page.
//
// The page's truth is the view configuration, with the keys that datasource-properties.json has:
//   position    voxel of mag 1 (x, y, z)          position, moved to the middle of that voxel
//   zoom        voxels per screen pixel           crossSectionScale; in the finest voxel edge
//   rotation    degrees about x, y, z             crossSectionOrientation, a quaternion
//   interpolation                                 a switch in the shaders of image layers
//   blendMode   Additive | Cover                  blend: additive | default
//   layers[name].alpha            percent         opacity; selectedAlpha of segmentations
//   layers[name].color            0-255 each      the shader's tint
//   layers[name].intensityRange   low, high       the shader's range
//   layers[name].gammaCorrectionValue             the shader's exponent, inverted
//   layers[name].isInverted, isDisabled           the shader's switch; visible
// Beyond these keys a view has some of this site alone: `layout`, `additional` (the position on axes
// beyond space), `zoom3D` (projectionScale: finest voxel edges over the height of the 3D panel),
// `rotation3D` (projectionOrientation, in degrees as above) and, per layer, `hiddenChannels`.
// Keys that mean nothing to Neuroglancer (fourBit, loadingStrategy, mapping ...) are left alone.
// Neuroglancer's own state, which names sources and shader code, is never stored nor shared.

export const LAYOUTS = ["4panel", "xy", "3d"];
const WHITE = "255,255,255";
const ROTATION_3D = [-28, 32, 8]; // three sides are seen
const CROSS_SECTION_PIXELS = 2000;
const QUARTER_TURN = 1 - 1e-6; // the sine from which on an angle is one, as single precision tells it

const GRAY_SHADER = `#uicontrol invlerp normalized
#uicontrol vec3 tint color(default="#ffffff")
#uicontrol float gamma slider(min=0.01, max=10, default=1)
#uicontrol bool inverted checkbox(default=false)
#uicontrol bool interpolated checkbox(default=false)
void main() {
  float v = interpolated ? normalized(getInterpolatedDataValue()) : normalized(getDataValue());
  if (inverted) v = 1.0 - v;
  v = pow(v, 1.0 / gamma);
  if (VOLUME_RENDERING) emitRGBA(vec4(tint * v, v)); else emitRGB(tint * v);
}`;

const RGB_SHADER = `#uicontrol invlerp normalized(channel=0)
#uicontrol vec3 tint color(default="#ffffff")
#uicontrol float gamma slider(min=0.01, max=10, default=1)
#uicontrol bool inverted checkbox(default=false)
#uicontrol bool interpolated checkbox(default=false)
float shown(int channel) {
  return interpolated ? normalized(getInterpolatedDataValue(channel)) : normalized(getDataValue(channel));
}
void main() {
  vec3 v = vec3(shown(0), shown(1), shown(2));
  if (inverted) v = 1.0 - v;
  v = pow(v, vec3(1.0 / gamma));
  if (VOLUME_RENDERING) emitRGBA(vec4(tint * v, max(v.r, max(v.g, v.b)))); else emitRGB(tint * v);
}`;

/** The complete state that shows `view`; sources become absolute addresses below `origin`. */
export function stateOf(manifest, view, origin) {
  const [x, y, z] = manifest.voxelSize;
  const dimensions = { x: [x, "m"], y: [y, "m"], z: [z, "m"] };
  for (const axis of manifest.additionalAxes) dimensions[axis.name] = [1, ""];
  const state = {
    // Always sent: without it scales are read in metres, and axes come in the order of the arrays.
    dimensions,
    layers: manifest.layers.flatMap((layer) => layersOf(layer, view, manifest, origin)),
    layout: layoutOf(view.layout),
    showAxisLines: true,
    showScaleBar: true,
    showSlices: true,
    showDefaultAnnotations: false,
    hideCrossSectionBackground3D: true,
    projectionOrientation: quaternionOf(ROTATION_3D),
    crossSectionBackgroundColor: "#000000",
    projectionBackgroundColor: "#0c1117",
    ...placeOf(manifest, view),
  };
  return state;
}

/** Neuroglancer's layout; alone, its 3D panel draws no cross-sections unless it is told to. */
export function layoutOf(layout = LAYOUTS[0]) {
  if (layout !== "3d") return layout;
  const size = { width: CROSS_SECTION_PIXELS, height: CROSS_SECTION_PIXELS };
  const turned = (value) => ({ ...size, orientation: { link: "relative", value } });
  return {
    type: "3d",
    crossSections: { xy: size, xz: turned(quaternionOf([90, 0, 0])), yz: turned(quaternionOf([0, 90, 0])) },
  };
}

/** Position, zooms and rotations as Neuroglancer has them; what `view` does not say is left out. */
export function placeOf(manifest, view) {
  const place = {};
  if (view.position) {
    // In OME-Zarr, whole numbers are the middles of voxels.
    const others = manifest.additionalAxes.map((axis, i) => view.additional?.[i] ?? axis.bounds[0]);
    place.position = [...view.position.map(Math.floor), ...others];
  }
  if (view.zoom) place.crossSectionScale = view.zoom;
  if (view.rotation) place.crossSectionOrientation = quaternionOf(view.rotation);
  if (view.zoom3D) place.projectionScale = view.zoom3D;
  if (view.rotation3D) place.projectionOrientation = quaternionOf(view.rotation3D);
  return place;
}

/** The voxel that a coordinate lies in: a voxel reaches half its length to both sides of its middle. */
const voxelAt = (coordinate) => Math.floor(coordinate + 0.5);

/** The part of a view that a person changes by moving: the inverse of `placeOf`. */
export function viewOfPlace(manifest, { position, ...place }) {
  const view = {};
  if (position) {
    view.position = [...position.slice(0, 3)].map(voxelAt);
    if (manifest.additionalAxes.length) view.additional = [...position.slice(3)].map(voxelAt);
  }
  if (place.crossSectionScale) view.zoom = place.crossSectionScale;
  if (place.crossSectionOrientation) view.rotation = degreesOf(place.crossSectionOrientation);
  if (place.projectionScale) view.zoom3D = place.projectionScale;
  if (place.projectionOrientation) view.rotation3D = degreesOf(place.projectionOrientation);
  return view;
}

/** The names of a layer's Neuroglancer layers: one, or one a channel. */
export function namesOf(layer) {
  if (layer.isRgb || layer.isSegmentation || layer.channels === 1) return [layer.name];
  return Array.from({ length: layer.channels }, (_, channel) => `${layer.name} [${channel}]`);
}

/** What of a Neuroglancer layer follows from the view: it can be changed without loading anew. */
export function appearanceOf(layer, view, channel = 0) {
  const shown = view.layers[layer.name];
  const visible = !shown.isDisabled && !(shown.hiddenChannels ?? []).includes(channel);
  const opacity = shown.alpha / 100;
  if (layer.isSegmentation) return { visible, selectedAlpha: opacity };
  const controls = {
    tint: hexOf(channelColor(layer, shown.color, channel)),
    gamma: Math.max(shown.gammaCorrectionValue, 0.01),
    inverted: shown.isInverted,
    interpolated: view.interpolation,
  };
  if (shown.intensityRange) controls.normalized = { range: drawable(shown.intensityRange) };
  return { visible, opacity, shaderControls: controls };
}

/** The colour of a channel: of several channels each has its own, unless the layer was given one. */
export function channelColor(layer, color, channel) {
  const hasSeveral = namesOf(layer).length > 1;
  return hasSeveral && String(color) === WHITE ? (layer.channelColors[channel] ?? color) : color;
}

/** The zoom at which the box of all layers fills a panel of `width` x `height` pixels. */
export function zoomToFit(manifest, width, height) {
  const finest = Math.min(...manifest.voxelSize);
  const edges = [0, 1].map((axis) => {
    const low = Math.min(...manifest.layers.map(({ box }) => box.topLeft[axis]));
    const high = Math.max(...manifest.layers.map(({ box }) => box.topLeft[axis] + box.size[axis]));
    return ((high - low) * manifest.voxelSize[axis]) / finest;
  });
  return Math.max(edges[0] / width, edges[1] / height) * 1.05 || 1;
}

function layersOf(layer, view, manifest, origin) {
  return namesOf(layer).map((name, channel) => ({
    name,
    type: layer.isSegmentation ? "segmentation" : "image",
    source: sourceOf(layer, manifest, origin),
    tab: "rendering",
    ...(layer.isRgb || layer.isSegmentation ? {} : { localDimensions: { "c'": [1, ""] }, localPosition: [channel] }),
    ...(layer.isSegmentation
      ? { segments: [] } // none chosen: all are shown
      : {
          shader: layer.isRgb ? RGB_SHADER : GRAY_SHADER,
          blend: view.blendMode === "Cover" ? "default" : "additive",
          codeVisible: false,
        }),
    ...appearanceOf(layer, view, channel),
  }));
}

function sourceOf(layer, manifest, origin) {
  const url = `${origin}${layer.source}|zarr3:`;
  if (!layer.isRgb) return url;
  // Red, green and blue reach one shader if the channel is an axis of its own (c^), not a local one.
  const outputDimensions = { "c^": [1, ""] };
  for (const [i, axis] of ["x", "y", "z"].entries()) outputDimensions[axis] = [manifest.voxelSize[i], "m"];
  return { url, transform: { outputDimensions: inArrayOrder(layer, outputDimensions) } };
}

// The arrays' axes are the additional ones, then c, z, y, x.
function inArrayOrder(layer, { "c^": c, x, y, z }) {
  const ordered = {};
  for (const name of layer.additionalAxes) ordered[name] = [1, ""];
  return { ...ordered, "c^": c, z, y, x };
}

const hexOf = (color) => `#${color.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;

// A range of no width would divide by zero.
const drawable = ([low, high]) => (high > low ? [low, high] : [low, low + 1]);

/** Degrees about x, then y, then z, as a quaternion (x, y, z, w). */
export function quaternionOf([x, y, z]) {
  const [a, b, c] = [x, y, z].map((degrees) => (degrees * Math.PI) / 360);
  const [sa, sb, sc] = [a, b, c].map(Math.sin);
  const [ca, cb, cc] = [a, b, c].map(Math.cos);
  return [
    sa * cb * cc - ca * sb * sc,
    ca * sb * cc + sa * cb * sc,
    ca * cb * sc - sa * sb * cc,
    ca * cb * cc + sa * sb * sc,
  ];
}

/** The inverse of `quaternionOf`, rounded to hundredths of a degree. */
export function degreesOf([x, y, z, w]) {
  const sine = Math.max(-1, Math.min(1, 2 * (w * y - z * x)));
  // At a quarter turn about y, turns about x and z are the same: all of it counts as about x.
  const about = Math.abs(sine) > QUARTER_TURN
    ? [2 * Math.atan2(x, w), Math.asin(sine), 0]
    : [
        Math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)),
        Math.asin(sine),
        Math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)),
      ];
  return about.map((radians) => Math.round((radians * 18000) / Math.PI) / 100 + 0);
}
