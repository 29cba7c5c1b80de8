// The largest segment id is asked for only while a layer's category is segmentation.

for (const category of document.querySelectorAll("[data-category]")) {
  const select = category.querySelector("select");
  const segments = category.parentElement.querySelector("[data-segments]");
  if (!segments) continue;
  const show = () => { segments.hidden = select.value !== "segmentation"; };
  select.addEventListener("change", show);
  show(); // a browser may have kept another choice over a reload
}
