// Notices lie over the viewer, one for each topic, until they are dismissed or no longer true.

const shown = new Map();

/** Shows `text` about `topic`, in place of what was said of it; a dismissed one is not repeated. */
export function notify(topic, text, level = "warning") {
  if (shown.get(topic)?.text === text) return;
  withdraw(topic);
  const notice = document.getElementById("notice").content.firstElementChild.cloneNode(true);
  notice.classList.add(`alert-${level}`);
  notice.querySelector("[data-text]").textContent = text;
  document.querySelector("[data-messages]").append(notice);
  shown.set(topic, { text, notice });
}

/** Takes back what was said about `topic`. */
export function withdraw(topic) {
  shown.get(topic)?.notice.remove();
  shown.delete(topic);
}
