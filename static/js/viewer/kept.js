// What is to be stored at an address on the server, until it is: one request after the other, the
// last wish wins, and while the server can't be reached it is tried again.

import { csrfToken } from "../site.js";

const RETRY_MILLISECONDS = 10_000;
const UNREACHABLE = "the server could not be reached. It is tried again by itself.";

/** A JSON document, or its absence, that the server shall keep at `address`. */
export class Kept {
  #address;
  #onDone;
  #wish = null;
  #isSending = false;

  /** `onDone(problem)` is called after each request; `problem` is empty where it went well. */
  constructor(address, onDone) {
    this.#address = address;
    this.#onDone = onDone;
    window.addEventListener("online", () => this.#send());
  }

  put(body) {
    this.#wish = { method: "PUT", body: JSON.stringify(body) };
    this.#send();
  }

  remove() {
    this.#wish = { method: "DELETE" };
    this.#send();
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#wish) {
      const wish = this.#wish;
      const response = await fetch(this.#address, {
        ...wish,
        keepalive: true, // what was changed last is saved even if the page is left
        headers: { "X-CSRFToken": csrfToken(), "Content-Type": "application/json" },
      }).catch(() => null);
      this.#onDone(problemOf(response));
      if (response === null) {
        setTimeout(() => this.#send(), RETRY_MILLISECONDS);
        break;
      }
      if (this.#wish === wish) this.#wish = null;
    }
    this.#isSending = false;
  }
}

function problemOf(response) {
  if (response === null) return UNREACHABLE;
  // Without a session, a private dataset can't be told from one that is not there.
  if (response.redirected || response.status === 403 || response.status === 404) {
    return "you are no longer signed in, or may no longer see or change the dataset. Reload the page.";
  }
  return response.ok ? "" : `the server answered with an error (${response.status}). Try again later.`;
}
