// Shows the batches of the service, and lets the visitor try what it refuses.
// @ts-check
import { histogramChart } from "../common/chart.js";
import { byId, element } from "../common/dom.js";
import { aggregate, apiName } from "../common/service.js";

/** @typedef {{id: number, dialect: string, service: string, histogram_size: number}} Collected */

const PERIOD = 2000;
const facts = byId("facts").dataset;
const labels = (facts.labels ?? "").split("|");
const epsilon = Number(facts.epsilon);
let seen = "";

/**
 * Sealed reports that adtech.test has collected, all of one kind: that of the oldest.
 * @returns {Promise<string[]>}
 */
async function reportsOfOneKind() {
  const listed = await (await fetch(facts.collected ?? "")).json();
  const exported = await (await fetch(facts.export ?? "")).json();
  /** @type {Collected[]} */
  const collected = listed.reports;
  const [first] = collected;
  if (!first) throw new Error("adtech.test has collected no report yet");
  const alike = collected.filter(
    (report) =>
      report.dialect === first.dialect &&
      report.service === first.service &&
      report.histogram_size === first.histogram_size,
  );
  const wanted = new Set(alike.map((report) => report.id));
  return exported.reports
    .filter((/** @type {{id: number}} */ report) => wanted.has(report.id))
    .map((/** @type {{report: string}} */ report) => report.report);
}

/**
 * Process reports and show the sum or the refusal under a heading.
 * @param {string} heading
 * @param {string[]} reports
 */
async function attempt(heading, reports) {
  const result = await aggregate(facts.aggregate ?? "", reports, epsilon);
  byId("answer").append(
    element("h3", {}, heading),
    "refusal" in result ? result.refusal : histogramChart(labels, result),
  );
  await refresh();
}

/**
 * Run what a button does, one at a time; say so where it cannot be done.
 * @param {string} id
 * @param {(reports: string[]) => Promise<void>} action
 */
function onPress(id, action) {
  const button = /** @type {HTMLButtonElement} */ (byId(id));
  button.addEventListener("click", async () => {
    button.disabled = true;
    byId("answer").replaceChildren();
    try {
      await action(await reportsOfOneKind());
    } catch (reason) {
      byId("answer").replaceChildren(element("p", {}, `Not possible: ${/** @type {Error} */ (reason).message}`));
    } finally {
      button.disabled = false;
    }
  });
}

/** @param {{dialect: string, reports: number, minimum_batch: number, epsilon: number, histogram: number[], p5: number[], p95: number[], standard_deviation: number}} batch */
function card(batch) {
  return element(
    "article",
    { class: "card", "data-testid": "batch" },
    element("h3", {}, `${batch.reports} reports of ${apiName(batch.dialect)}`),
    element("p", {}, `Epsilon ${batch.epsilon}; at least ${batch.minimum_batch} reports were asked for.`),
    histogramChart(labels, batch),
  );
}

async function refresh() {
  const answer = await fetch(facts.batches ?? "", { cache: "no-store" });
  const text = await answer.text();
  if (!answer.ok || text === seen) return;
  seen = text;
  const { batches } = JSON.parse(text);
  byId("count").textContent = String(batches.length);
  if (batches.length) byId("batches").replaceChildren(...batches.reverse().map(card));
}

async function follow() {
  try {
    await refresh();
  } finally {
    setTimeout(follow, PERIOD);
  }
}

onPress("replay", async (reports) => {
  await attempt("Once", reports);
  await attempt("Once more", reports);
});
onPress("small", (reports) => attempt("One report", reports.slice(0, 1)));
follow();
