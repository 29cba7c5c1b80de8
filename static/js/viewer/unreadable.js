// Chunks that can't be read: which layer and mag they belong to, and why.

const CHUNK = /^([^/]+)\/c\/(.+)$/;

/** Calls back with a layer, a mag and a sentence, once for each of `layers`, when a chunk of it fails. */
export function watchChunks(frame, layers, callback) {
  const told = new Set();
  frame.onUnreadable(async ({ address, sentence }) => {
    const path = new URL(address).pathname;
    const layer = layers.find(({ source }) => path.startsWith(source));
    const [, mag, chunk] = CHUNK.exec(path.slice(layer?.source.length)) ?? [];
    if (!chunk || told.has(layer.name)) return;
    const cause = sentence ?? (await serversWord(layer, mag, chunk.split("/").map(Number)));
    if (!cause || told.has(layer.name)) return;
    told.add(layer.name);
    callback(layer, mag, cause);
  });
}

// A chunk that the server hands on as it is stored fails only when it is decoded here. Asked for one
// voxel of it, the server decodes it as well, and has the sentence.
async function serversWord(layer, mag, chunk) {
  const description = await fetch(`${layer.source}${mag}/zarr.json`).then((response) => response.json());
  const lengths = description.chunk_grid.configuration.chunk_shape;
  const factors = mag.includes("-") ? mag.split("-").map(Number) : [mag, mag, mag].map(Number);
  const query = new URLSearchParams({ width: 1, height: 1, depth: 1, mag });
  for (const [axis, name] of ["x", "y", "z"].entries()) {
    const first = Math.floor(layer.box.topLeft[axis] / factors[axis]);
    query.set(name, (first + chunk.at(-1 - axis) * lengths.at(-1 - axis)) * factors[axis]);
  }
  const response = await fetch(`${layer.voxels}?${query}`);
  if (response.ok) return "";
  const body = await response.json().catch(() => null);
  return body?.messages?.[0]?.error ?? "";
}
