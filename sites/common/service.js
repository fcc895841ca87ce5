// Asks the aggregation service for the sum of a batch.
// @ts-check
import { element } from "./dom.js";

/** @typedef {{histogram: number[], p5: number[], p95: number[], standard_deviation: number, epsilon: number, reports: number}} Sum */

const APIS = /** @type {Record<string, string>} */ ({
  current: "navigator.attribution",
  level1_2024: "navigator.privateAttribution",
});

/**
 * How a page calls the API of a dialect.
 * @param {string} dialect as reports and batches name it
 */
export const apiName = (dialect) => APIS[dialect] ?? dialect;

/**
 * The noised sum, or an explanation of the refusal as an element to show, with the positions in `reports` of those
 * that an earlier batch has used up.
 * @param {string} service URL
 * @param {string[]} reports sealed reports in base64
 * @param {number} epsilon
 * @returns {Promise<Sum | {refusal: HTMLElement, replayed: number[]}>}
 */
export async function aggregate(service, reports, epsilon) {
  const answer = await fetch(service, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ reports, epsilon }),
  });
  const body = await answer.json();
  if (answer.ok) return body;
  const { code, message, fix, reports: atFault } = body.error;
  const refusal = element(
    "div",
    { class: "card warning", "data-testid": "refusal" },
    element("h3", {}, `Refused: ${code}`),
    element("p", {}, message),
  );
  if (fix) refusal.append(element("p", {}, element("b", {}, "What would help: "), fix));
  return { refusal, replayed: code === "replayed-report" ? atFault : [] };
}
