// Keeps the list of datasets fresh without moving it under the reader's hands: rows that changed are
// replaced in place; where other datasets appeared or went, the reader is asked first, unless they
// asked for a scan themselves.

import { whenEnded } from "./outcome.js";
import { watchThumbnails } from "./thumbnails.js";

const EVERY_SECONDS = 30;
const EVERY_SECONDS_WHILE_WORKING = 5;

const container = document.querySelector("[data-table]");
const news = document.querySelector("[data-news]");

const rowsOf = (root) => [...root.querySelectorAll("[data-row]")];
const idsOf = (root) => rowsOf(root).map((row) => row.dataset.row).join();

function isBusy(row) {
  return row.contains(document.activeElement) || row.querySelector("details[open]") !== null;
}

// The token in forms differs with every answer and says nothing about the row.
function contentOf(row) {
  return row.innerHTML.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
}

async function refresh({ isAskedFor = false } = {}) {
  const response = await fetch(container.dataset.table + location.search, {
    headers: { "X-Requested-With": "fetch" },
  });
  if (!response.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").body;
  if (idsOf(fresh) !== idsOf(container)) {
    if (isAskedFor) container.replaceChildren(...fresh.childNodes);
    news.hidden = isAskedFor;
    return;
  }
  const current = new Map(rowsOf(container).map((row) => [row.dataset.row, row]));
  for (const row of rowsOf(fresh)) {
    const old = current.get(row.dataset.row);
    if (contentOf(old) !== contentOf(row) && !isBusy(old)) old.replaceWith(row);
  }
}

function schedule() {
  const isWorking = container.querySelector("progress, [data-waits]") !== null;
  setTimeout(async () => {
    if (!document.hidden) await refresh().catch(() => {}); // offline: try again next time
    schedule();
  }, (isWorking ? EVERY_SECONDS_WHILE_WORKING : EVERY_SECONDS) * 1000);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh().catch(() => {});
});
whenEnded(() => refresh({ isAskedFor: true }).catch(() => {})); // offline: the timer tries again
watchThumbnails(container);
schedule();
