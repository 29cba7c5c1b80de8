// Keys that mean the same in the viewer's frame and in the page around it: help, and layers by number.

/** Opens `help` with h, and shows or hides with 1 to 9 the layers in the order of the panel. */
export function connectKeys(frame, view, layers, help) {
  function press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "h") open(event);
    const layer = layers[Number(event.key) - 1];
    if (layer) view.changeLayer(layer.name, { isDisabled: !view.value.layers[layer.name].isDisabled });
  }
  function open({ view: from, target }) {
    help.showModal();
    // A dialog gives the focus back by itself, but not into a frame.
    const giveBack = () => {
      from.focus();
      target.focus();
    };
    help.addEventListener("close", giveBack, { once: true });
  }
  document.addEventListener("keydown", press);
  frame.onKey(press);
}

const isTyping = (element) => element.matches("input:not([type=checkbox], [type=range]), textarea, select");
