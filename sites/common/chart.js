// A bar for each campaign, with a line for one standard deviation of the noise on either side.
// @ts-check
import { element, svg } from "./dom.js";

const WIDTH = 340;
const ROW = 46;
const LEFT = 4;
const RIGHT = 40;

/**
 * @param {string[]} labels
 * @param {number[]} values noised counts, which may be negative
 * @param {number} deviation standard deviation of the noise, in counts
 * @returns {HTMLElement} a figure with the picture and, in words, the same numbers
 */
export function barChart(labels, values, deviation) {
  const low = Math.min(0, ...values.map((value) => value - deviation));
  const high = Math.max(1, ...values.map((value) => value + deviation));
  /** @param {number} value */
  const x = (value) => LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const height = values.length * ROW + 4;
  const rows = values.map((value, index) => {
    const top = index * ROW;
    const middle = top + 31;
    return svg(
      "g",
      {},
      svg("text", { x: x(0) + 2, y: top + 15, class: "label" }, labels[index] ?? `bucket ${index}`),
      svg("rect", {
        class: "noised",
        x: Math.min(x(0), x(value)),
        y: top + 22,
        width: Math.max(1, Math.abs(x(value) - x(0))),
        height: 18,
        rx: 3,
      }),
      svg("path", {
        class: "error",
        d: `M${x(value - deviation)} ${middle}H${x(value + deviation)}M${x(value - deviation)} ${middle - 5}v10M${x(value + deviation)} ${middle - 5}v10`,
      }),
      svg("text", { x: WIDTH - 4, y: middle + 5, class: "value", "text-anchor": "end" }, String(value)),
    );
  });
  const axis = svg("path", { class: "axis", d: `M${x(0)} 18V${height}` });
  const sentence = values.map((value, index) => `${labels[index] ?? index}: ${value}`).join(", ");
  return element(
    "figure",
    { class: "chart" },
    svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": sentence }, axis, ...rows),
    element("figcaption", {}, `Noised purchases per campaign; the thin line is ± ${deviation.toFixed(1)}, one standard deviation of the noise.`),
  );
}
