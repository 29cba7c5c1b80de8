// The bar above the viewer: position, zoom, further axes, layout, interpolation.

import { LAYOUTS } from "./mapping.js";

const parsePosition = (text) => text.split(/[\s,;]+/).filter(Boolean).map(Number);

/** Connects the bar's controls with the viewer and the view. */
export function connectBar(bar, frame, view, manifest) {
  const position = bar.querySelector("[data-bar=position]");
  const zoom = bar.querySelector("[data-bar=zoom]");
  const interpolation = bar.querySelector("[data-bar=interpolation]");
  const axes = addAxes(bar, manifest, (additional) => move({ additional }));

  function move(patch) {
    view.moveTo({ ...frame.place, ...patch });
    frame.applyPlace(view.value);
  }
  function show() {
    const { value } = view;
    if (value.position) fill(position, value.position.join(", "));
    fill(zoom, Number((value.zoom ?? frame.zoom).toPrecision(4)));
    for (const [i, input] of axes.entries()) fill(input, value.additional?.[i] ?? input.min);
    interpolation.checked = value.interpolation;
    for (const button of bar.querySelectorAll("[data-layout]")) {
      button.setAttribute("aria-pressed", String(button.dataset.layout === (value.layout ?? LAYOUTS[0])));
    }
  }

  position.addEventListener("change", () => {
    const said = parsePosition(position.value);
    if (isRight(position, said.length === 3 && said.every(Number.isFinite))) move({ position: said });
  });
  zoom.addEventListener("change", () => {
    if (isRight(zoom, Number(zoom.value) > 0)) move({ zoom: Number(zoom.value) });
  });
  interpolation.addEventListener("change", () => view.changeInterpolation(interpolation.checked));
  for (const button of bar.querySelectorAll("[data-layout]")) {
    button.addEventListener("click", () => {
      view.moveTo({ layout: button.dataset.layout });
      frame.setLayout(button.dataset.layout);
    });
  }
  frame.onMove(() => view.moveTo(frame.place));
  view.onChange(show);
  show();
}

/** Shows a value, unless the person is about to type another. */
function fill(input, value) {
  if (document.activeElement === input) return;
  input.value = value;
  isRight(input, true);
}

/** Says below the field what it expects, unless what stands there `isExpected`. */
function isRight(input, isExpected) {
  input.setAttribute("aria-invalid", String(!isExpected));
  document.getElementById(input.getAttribute("aria-describedby")).hidden = isExpected;
  return isExpected;
}

function addAxes(bar, manifest, onChange) {
  const template = bar.querySelector("template");
  const inputs = manifest.additionalAxes.map(({ name, bounds: [first, end] }, i) => {
    const field = template.content.firstElementChild.cloneNode(true);
    field.querySelector("[data-label]").textContent = name;
    template.before(field);
    const input = field.querySelector("input");
    const problem = field.querySelector("[role=alert]");
    problem.id = `axis-${i}-problem`;
    problem.textContent = `Expected: a whole number from ${first} to ${end - 1}.`;
    input.setAttribute("aria-describedby", problem.id);
    Object.assign(input, { min: first, max: end - 1, value: first });
    return input;
  });
  for (const input of inputs) {
    input.addEventListener("change", () => {
      const isExpected = input.value !== "" && input.validity.valid;
      if (isRight(input, isExpected)) onChange(inputs.map((other) => Number(other.value)));
    });
  }
  return inputs;
}
