// The control for an intensity range: a histogram, a slider with two handles, two numbers.

const BAR_COUNT = 256;
const HEIGHT = 40;
const FLOAT_STEPS = 1000;
const LOW_SHARE = 0.005;
const HIGH_SHARE = 0.995;

/** The values between which all but the outermost samples lie, over all channels. */
export function contrastOf(histograms, isInteger) {
  if (!histograms.length) return null;
  const lows = histograms.map((histogram) => valueAt(histogram, LOW_SHARE));
  const highs = histograms.map((histogram) => valueAt(histogram, HIGH_SHARE));
  let [low, high] = [Math.min(...lows), Math.max(...highs)];
  if (low === high) low = Math.min(low, 0); // one value everywhere: shown against nothing
  const range = isInteger ? [Math.floor(low), Math.ceil(high)] : [low, high];
  return range[1] > range[0] ? range : null;
}

function valueAt({ elementCounts, min, max, numberOfElements }, share) {
  let seen = 0;
  for (const [bin, count] of elementCounts.entries()) {
    seen += count;
    if (seen >= share * numberOfElements) return min + ((max - min) * (bin + 0.5)) / elementCounts.length;
  }
  return max;
}

/** Brings the elements below `root` to life; `onChange` gets a new `[low, high]`. */
export class RangeControl {
  #sliders;
  #numbers;
  #chosen;
  #bars;
  #limits = [0, 1];
  #isInteger;

  constructor(root, { isInteger, onChange }) {
    this.#isInteger = isInteger;
    this.#sliders = [...root.querySelectorAll("input[type=range]")];
    this.#numbers = [...root.querySelectorAll("input[type=number]")];
    this.#chosen = root.querySelector("[data-chosen]");
    this.#bars = root.querySelector("[data-bars]");
    for (const inputs of [this.#sliders, this.#numbers]) {
      for (const [end, input] of inputs.entries()) {
        input.addEventListener(inputs === this.#sliders ? "input" : "change", () => {
          const range = inputs.map((other) => Number(other.value));
          if (!range.every(Number.isFinite)) return;
          // A handle that is pushed beyond the other takes it along.
          if (range[0] > range[1]) range[1 - end] = range[end];
          this.show(range);
          onChange(range);
        });
      }
    }
  }

  /** The values between which the handles move. */
  setLimits([low, high]) {
    this.#limits = [low, high];
    const step = this.#isInteger ? 1 : (high - low) / FLOAT_STEPS || 1;
    for (const slider of this.#sliders) Object.assign(slider, { min: low, max: high, step });
    for (const number of this.#numbers) number.step = this.#isInteger ? 1 : "any";
  }

  drawHistogram({ elementCounts, min, max }) {
    const [low, high] = this.#limits;
    const top = Math.log1p(Math.max(...elementCounts, 1));
    const width = Math.max(((max - min) / elementCounts.length / (high - low)) * BAR_COUNT, 0.5);
    const bars = elementCounts.map((count, bin) => {
      const x = ((min + ((max - min) * bin) / elementCounts.length - low) / (high - low)) * BAR_COUNT;
      const height = (Math.log1p(count) / top) * HEIGHT;
      return `M${x.toFixed(2)} ${HEIGHT}v-${height.toFixed(2)}h${width.toFixed(2)}v${height.toFixed(2)}z`;
    });
    this.#bars.setAttribute("d", bars.join(""));
  }

  show(range) {
    for (const [end, value] of range.entries()) {
      this.#sliders[end].value = value;
      this.#numbers[end].value = this.#isInteger ? value : Number(value.toPrecision(5));
    }
    const [low, high] = this.#limits;
    const at = (value) => Math.max(0, Math.min(1, (value - low) / (high - low))) * BAR_COUNT;
    this.#chosen.setAttribute("x", at(range[0]));
    this.#chosen.setAttribute("width", Math.max(at(range[1]) - at(range[0]), 1));
  }
}
