// Runs before Neuroglancer, whose wheel expects a Python server behind it. There is none: the event
// stream stays silent, and with a fragment in the address the state is not posted anywhere.
window.EventSource = class {
  constructor() {
    setTimeout(() => this.onopen?.({}), 0);
  }
  close() {}
};
if (!location.hash) history.replaceState(null, "", "#!%7B%7D");
