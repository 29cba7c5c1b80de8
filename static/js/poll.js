// Keeps parts of a page fresh: an element with data-poll="<address>" gets that address's HTML every
// five seconds while somebody looks, unless they are using something in it.

const EVERY_SECONDS = 5;

async function refresh(element) {
  if (document.hidden || element.contains(document.activeElement)) return;
  const response = await fetch(element.dataset.poll, { headers: { "X-Requested-With": "fetch" } });
  if (!response.ok || response.redirected) return;
  const html = await response.text();
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  element.replaceChildren(...fresh.childNodes);
}

for (const element of document.querySelectorAll("[data-poll]")) {
  setInterval(() => refresh(element).catch(() => {}), EVERY_SECONDS * 1000); // offline: next time
}
