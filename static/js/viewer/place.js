// The bar above the viewer: position, zoom, further axes, layout, interpolation.

const parsePosition = (text) => text.split(/[\s,;]+/).filter(Boolean).map(Number);

/** Connects the bar's controls with the viewer and the view. */
export function connectBar(bar, frame, view, manifest) {
  const position = bar.querySelector("[data-bar=position]");
  const zoom = bar.querySelector("[data-bar=zoom]");
  const interpolation = bar.querySelector("[data-bar=interpolation]");
  const axes = addAxes(bar, manifest, (additional) => move({ additional }));

  function move(patch) {
    view.notePlace({ ...frame.place, ...patch });
    frame.applyPlace(view.value);
  }
  function show() {
    const { value } = view;
    if (value.position && document.activeElement !== position) position.value = value.position.join(", ");
    if (value.zoom && document.activeElement !== zoom) zoom.value = Number(value.zoom.toPrecision(4));
    for (const [i, input] of axes.entries()) {
      if (document.activeElement !== input) input.value = value.additional?.[i] ?? input.min;
    }
    interpolation.checked = value.interpolation;
    for (const button of bar.querySelectorAll("[data-layout]")) {
      button.setAttribute("aria-pressed", String(button.dataset.layout === (value.layout ?? "4panel")));
    }
  }

  position.addEventListener("change", () => {
    const said = parsePosition(position.value);
    const isPosition = said.length === 3 && said.every(Number.isFinite);
    position.setAttribute("aria-invalid", String(!isPosition));
    if (isPosition) move({ position: said });
  });
  zoom.addEventListener("change", () => {
    if (Number(zoom.value) > 0) move({ zoom: Number(zoom.value) });
  });
  interpolation.addEventListener("change", () => view.changeInterpolation(interpolation.checked));
  for (const button of bar.querySelectorAll("[data-layout]")) {
    button.addEventListener("click", () => {
      view.notePlace({ layout: button.dataset.layout });
      frame.setLayout(button.dataset.layout);
      show();
    });
  }
  frame.onMove(() => {
    view.notePlace(frame.place);
    show();
  });
  view.onChange(show);
  show();
}

function addAxes(bar, manifest, onChange) {
  const template = bar.querySelector("template");
  const inputs = manifest.additionalAxes.map(({ name, bounds: [first, end] }) => {
    const field = template.content.firstElementChild.cloneNode(true);
    field.querySelector("[data-label]").textContent = name;
    template.before(field);
    const input = field.querySelector("input");
    Object.assign(input, { min: first, max: end - 1, value: first });
    return input;
  });
  for (const input of inputs) {
    input.addEventListener("change", () => onChange(inputs.map((other) => Number(other.value))));
  }
  return inputs;
}
