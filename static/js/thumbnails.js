// Thumbnails come late: their place is held until they do. One that is refused because others are
// being drawn is asked for again.

const MOST_TRIES = 8;
const SECONDS_BETWEEN = 1;

const tries = new WeakMap();

function settle(image) {
  image.parentElement.classList.add("is-settled");
}

function tryAgain(image) {
  const count = (tries.get(image) ?? 0) + 1;
  tries.set(image, count);
  if (count > MOST_TRIES) return settle(image);
  setTimeout(() => (image.src = image.getAttribute("src")), SECONDS_BETWEEN * count * 1000);
}

const isThumbnail = (element) => element.matches?.("img.thumbnail");

/** Watches the thumbnails in `container`, also those that come into it later. */
export function watchThumbnails(container) {
  container.addEventListener("load", ({ target }) => isThumbnail(target) && settle(target), true);
  container.addEventListener("error", ({ target }) => isThumbnail(target) && tryAgain(target), true);
  for (const image of container.querySelectorAll("img.thumbnail")) {
    if (image.complete) image.naturalWidth ? settle(image) : tryAgain(image);
  }
}
