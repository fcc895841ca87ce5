// Draws the summary of a job of the aggregation service: a chart for each unit in which its buckets count.
// @ts-check
import { barChart } from "./chart.js";
import { element } from "./dom.js";

/** @typedef {{text: string, scale: number, unit: string}} Meaning */
/** @typedef {{bucket: string, metric: number, unnoised_metric?: number}} Fact */
/** @typedef {{epsilon: number, standard_deviation: number, interval: number, facts: Fact[]}} Summary */

/** How each unit is called, and with how many decimals it is shown. */
const UNITS = /** @type {Record<string, [string, number]>} */ ({
  bought: ["purchases", 1],
  "€": ["euros", 0],
  browser: ["browsers", 1],
});

/**
 * @param {Summary} summary
 * @param {Record<string, Meaning>} meanings of its buckets; others are left out
 * @returns {HTMLElement} a chart for each unit, side by side where there is room
 */
export function summaryCharts({ standard_deviation: deviation, interval, facts }, meanings) {
  /** @type {Map<string, import("./chart.js").Row[]>} */
  const byUnit = new Map();
  /** @type {Map<string, number>} */
  const scales = new Map();
  for (const { bucket, metric, unnoised_metric: unnoised } of facts) {
    const meaning = meanings[bucket];
    if (!meaning) continue;
    const { text: label, scale, unit } = meaning;
    const row = { label, noised: metric / scale, low: (metric - interval) / scale, high: (metric + interval) / scale };
    const known = unnoised === undefined ? row : { ...row, true: unnoised / scale };
    byUnit.set(unit, [...(byUnit.get(unit) ?? []), known]);
    scales.set(unit, scale);
  }
  const charts = [...byUnit].map(([unit, rows]) => {
    const [name, decimals] = UNITS[unit] ?? [unit, 1];
    const spread = (deviation / (scales.get(unit) ?? 1)).toPrecision(2);
    const which = rows.some((row) => row.true !== undefined) ? `True and noised ${name}` : `Noised ${name}`;
    return barChart(
      rows,
      `${which}. The noise has a standard deviation of ${Number(spread)} ${name}; the thin line holds the true sum nine times in ten.`,
      decimals,
    );
  });
  return element("div", { class: "charts" }, ...charts);
}

/**
 * Short facts as a list.
 * @param {Record<string, string | number>} facts
 */
export function factList(facts) {
  const entries = Object.entries(facts).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, String(value))),
  );
  return element("dl", { class: "facts" }, ...entries);
}
