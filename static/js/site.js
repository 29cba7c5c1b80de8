// What every page needs: menus that close, dialogs that open, messages, copying, confirmations.

/** Shows a message where the server's messages stand. `level` is success, info, warning, danger. */
export function showMessage(text, level = "info") {
  const message = document.createElement("div");
  message.className = `alert alert-${level}`;
  message.dataset.message = "";
  const body = document.createElement("div");
  body.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-close";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Hide this message");
  message.append(body, close);
  document.querySelector("[data-messages]").replaceChildren(message);
}

/** The token that Django asks for with every change. */
export function csrfToken() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    source.select?.(); // without clipboard rights the person can still press Ctrl+C
    return;
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const target = event.target.closest("[data-dismiss], [data-copy], [data-opens], [data-closes]");
  if (!target) return;
  if ("dismiss" in target.dataset) target.closest("[data-message]").remove();
  if (target.dataset.copy) copy(target);
  if (target.dataset.opens) document.getElementById(target.dataset.opens).showModal();
  if ("closes" in target.dataset) target.closest("dialog").close();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
