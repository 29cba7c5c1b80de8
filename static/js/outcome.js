// Follows a job on the page where somebody asked for it: an element with data-outcome="<address>" shows
// that address's HTML until it says, by data-ended, that the job is over.

const EVERY_SECONDS = 1;
const LEVELS = ["success", "info", "warning", "danger"];

const callbacks = [];

/** Calls `callback` when a job that this page follows is over. */
export function whenEnded(callback) {
  callbacks.push(callback);
}

async function follow(element) {
  while (element.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_SECONDS * 1000));
    if (document.hidden) continue;
    const response = await fetch(element.dataset.outcome, { headers: { "X-Requested-With": "fetch" } });
    if (!response.ok || response.redirected) return; // signed out, or the job was cleared away
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").body;
    if (element.innerHTML !== fresh.innerHTML) element.replaceChildren(...fresh.childNodes);
    const ended = element.querySelector("[data-ended]");
    if (!ended) continue;
    const box = element.closest(".alert");
    box?.classList.remove(...LEVELS.map((level) => `alert-${level}`));
    box?.classList.add(`alert-${ended.dataset.ended}`);
    for (const callback of callbacks) callback();
    return;
  }
}

async function followPatiently(element) {
  try {
    await follow(element);
  } catch {
    followPatiently(element); // offline: try again next time
  }
}

for (const element of document.querySelectorAll("[data-outcome]")) followPatiently(element);
