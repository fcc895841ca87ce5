// A bar for each bucket, with the interval that holds the true sum nine times in ten, and the true sum where it is known.
// @ts-check
import { element, svg } from "./dom.js";

/** @typedef {{label: string, noised: number, low: number, high: number, true?: number}} Row */

const WIDTH = 340;
const LEFT = 4;
const RIGHT = 44;
const BAR = 17;
const TRUE_BAR = 13;

/**
 * @param {Row[]} rows noised sums, which may be negative, each with the ends of its interval
 * @param {string} caption
 * @param {number} [decimals] with how many the numbers are shown
 * @returns {HTMLElement} a figure with the picture and, in words, the same numbers
 */
export function barChart(rows, caption, decimals = 0) {
  const sums = rows.flatMap((row) => [row.noised, row.low, row.high, row.true ?? 0]);
  const low = Math.min(0, ...sums);
  const high = Math.max(1, ...sums);
  /** @param {number} value */
  const x = (value) => LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  /** @param {number} value */
  const text = (value) => (Number(value.toFixed(decimals)) || 0).toFixed(decimals);
  const shownTrue = rows.some((row) => row.true !== undefined);
  const rowHeight = shownTrue ? 66 : 50;

  /** @param {string} kind @param {number} value @param {number} top @param {number} height */
  const bar = (kind, value, top, height) =>
    svg("rect", { class: kind, x: Math.min(x(0), x(value)), y: top, width: Math.max(1.5, Math.abs(x(value) - x(0))), height, rx: 2 });
  /** @param {string} kind @param {number} value @param {number} baseline */
  const number = (kind, value, baseline) =>
    svg("text", { class: kind, x: WIDTH - 4, y: baseline, "text-anchor": "end" }, text(value));

  const drawn = rows.map((row, index) => {
    const parts = [svg("text", { x: x(0) + 4, y: 15, class: "label" }, row.label)];
    if (row.true !== undefined) parts.push(bar("true", row.true, 21, TRUE_BAR), number("soft", row.true, 32));
    const top = shownTrue ? 37 : 21;
    const middle = top + BAR / 2;
    parts.push(
      bar("noised", row.noised, top, BAR),
      svg("path", {
        class: "error",
        d: `M${x(row.low)} ${middle}H${x(row.high)}M${x(row.low)} ${middle - 4.5}v9M${x(row.high)} ${middle - 4.5}v9`,
      }),
      number("value", row.noised, top + 13),
    );
    return svg("g", { transform: `translate(0 ${index * rowHeight})` }, ...parts);
  });
  const height = rows.length * rowHeight;
  const axis = svg("path", { class: "axis", d: `M${x(0)} 0V${height}` });
  const sentence = rows.map((row) =>
    row.true === undefined
      ? `${row.label}: ${text(row.noised)}`
      : `${row.label}: true ${text(row.true)}, noised ${text(row.noised)}`,
  );
  return element(
    "figure",
    { class: "chart" },
    svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": sentence.join(", ") }, axis, ...drawn),
    element("figcaption", {}, caption),
  );
}

/**
 * The sums of a batch of W3C Attribution, which count purchases.
 * @param {string[]} labels of its buckets
 * @param {{histogram: number[], p5: number[], p95: number[], standard_deviation: number}} batch
 */
export function histogramChart(labels, { histogram, p5, p95, standard_deviation: deviation }) {
  const rows = histogram.map((noised, index) => {
    return { label: labels[index] ?? `bucket ${index}`, noised, low: p5[index], high: p95[index] };
  });
  return barChart(
    rows,
    `Noised purchases per campaign, with a standard deviation of ${deviation.toFixed(1)}; the thin line holds the true sum nine times in ten.`,
  );
}
