// Runs before Neuroglancer, whose wheel expects a Python server behind it. There is none: the event
// stream stays silent, and with a fragment in the address the state is not posted anywhere.
window.EventSource = class {
  constructor() {
    setTimeout(() => this.onopen?.({}), 0);
  }
  close() {}
};
if (!location.hash) history.replaceState(null, "", "#!%7B%7D");

// Its worker starts in worker.js; what that one says to the page, Neuroglancer must not hear.
const ownWorker = new URL("worker.js", document.currentScript.src);
window.Worker = class extends Worker {
  constructor(script, options) {
    const address = new URL(ownWorker);
    address.searchParams.set("script", script);
    super(address, options);
    this.addEventListener("message", (event) => {
      if (!event.data.unreadable) return;
      event.stopImmediatePropagation();
      window.dispatchEvent(new CustomEvent("unreadable", { detail: event.data.unreadable }));
    });
  }
};
