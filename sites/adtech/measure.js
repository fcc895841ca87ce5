// Exports the batch of a question, has the aggregation service sum it, and shows each answer that came back.
// @ts-check
import { byId, element } from "../common/dom.js";
import { factList, summaryCharts } from "../common/summary.js";

/**
 * @typedef {import("../common/summary.js").Summary & {
 *   job_request_id: string, api: string, file: string, reports: number,
 *   result_info: {return_code: string, return_message: string}}} Batch
 */

const facts = byId("facts").dataset;
/** @type {Record<string, import("../common/summary.js").Meaning>} */
const meanings = JSON.parse(facts.buckets ?? "{}");
const button = /** @type {HTMLButtonElement} */ (byId("measure"));

/** @param {Batch} batch */
function card(batch) {
  const { return_code: code, return_message: message } = batch.result_info;
  if (batch.facts.length === 0) {
    return element(
      "article",
      { class: "card warning", "data-testid": "summary" },
      element("h3", {}, `${batch.job_request_id}: ${code}`),
      element("p", {}, message),
    );
  }
  return element(
    "article",
    { class: "card", "data-testid": "summary" },
    element("h3", {}, `${batch.job_request_id}: ${code}`),
    summaryCharts(batch, meanings),
    factList({ Batch: batch.file, Reports: batch.reports, Epsilon: batch.epsilon }),
  );
}

async function refresh() {
  const answer = await fetch(facts.measurement ?? "", { cache: "no-store" });
  if (!answer.ok) return;
  /** @type {{batches: Batch[]}} */
  const { batches } = await answer.json();
  const own = batches.filter(({ api }) => api === facts.question).reverse();
  if (own.length) byId("summaries").replaceChildren(...own.map(card));
}

button.addEventListener("click", async () => {
  button.disabled = true;
  byId("measured").textContent = "Exported; the service is at work…";
  try {
    const answer = await fetch(facts.measurement ?? "", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ api: facts.question }),
    });
    const { error } = await answer.json();
    byId("measured").textContent = error ? `Not asked: ${error.message}. What would help: ${error.fix}.` : "";
    await refresh();
  } finally {
    button.disabled = false;
  }
});
refresh();
