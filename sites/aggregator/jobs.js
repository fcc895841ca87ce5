// Shows the jobs of the service, what each spent, and what becomes of asking twice.
// @ts-check
import { byId, element } from "../common/dom.js";
import { factList, summaryCharts } from "../common/summary.js";

/** @typedef {{return_code: string, return_message: string}} ResultInfo */
/** @typedef {import("../common/summary.js").Summary & {reports: number, units: number, scale: number}} JobSummary */
/**
 * @typedef {object} Job
 * @property {string} job_request_id
 * @property {string} job_status
 * @property {string} input_data_blob_prefix
 * @property {Record<string, string>} job_parameters
 * @property {ResultInfo | null} [result_info]
 * @property {JobSummary | null} [summary]
 * @property {{job_request_id: string}[]} [exhausted]
 */

const PERIOD = 2000;
const facts = byId("facts").dataset;
/** @type {Record<string, import("../common/summary.js").Meaning>} */
const meanings = JSON.parse(facts.buckets ?? "{}");
let seen = "";

/** @param {Job} job */
function askAgain(job) {
  const button = /** @type {HTMLButtonElement} */ (
    element("button", { class: "quiet", "data-testid": "ask-again" }, "Ask about the same reports again")
  );
  button.addEventListener("click", async () => {
    button.disabled = true;
    await fetch(facts.again ?? "", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ job_request_id: job.job_request_id }),
    });
    await refresh();
    byId("jobs").scrollIntoView();
    button.disabled = false;
  });
  return element("div", { class: "actions" }, button);
}

/** @param {Job} job */
function parameters(job) {
  const rows = Object.entries(job.job_parameters).map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)),
  );
  return element(
    "details",
    {},
    element("summary", {}, "What was asked"),
    element("table", { class: "stack" }, element("tbody", {}, ...rows)),
  );
}

/** @param {Job} job */
function refused(job) {
  const spenders = [...new Set((job.exhausted ?? []).map((unit) => unit.job_request_id))];
  const count = job.exhausted?.length;
  const spent = spenders.length
    ? `${spenders.join(" and ")} spent ${count} budget ${count === 1 ? "unit" : "units"} of these reports before. Nothing is told, and nothing more was spent.`
    : (job.result_info?.return_message ?? "");
  return element(
    "article",
    { class: "card warning", "data-testid": "job" },
    element("h3", {}, `${job.job_request_id}: ${job.result_info?.return_code}`),
    element("p", {}, spent),
    parameters(job),
  );
}

/** @param {Job} job */
function card(job) {
  const { summary } = job;
  if (job.job_status !== "FINISHED") {
    return element("article", { class: "card" }, element("h3", {}, `${job.job_request_id}: ${job.job_status}`));
  }
  if (!summary) return refused(job);
  return element(
    "article",
    { class: "card", "data-testid": "job" },
    element("h3", {}, `${job.job_request_id}: ${job.result_info?.return_code}`),
    summaryCharts(summary, meanings),
    factList({
      Batch: job.input_data_blob_prefix,
      Reports: summary.reports,
      Epsilon: summary.epsilon,
      "Noise scale": summary.scale.toLocaleString("en"),
      "Standard deviation": Math.round(summary.standard_deviation).toLocaleString("en"),
      "Budget units spent": summary.units,
    }),
    parameters(job),
    askAgain(job),
  );
}

async function refresh() {
  const answer = await fetch(facts.jobs ?? "", { cache: "no-store" });
  const text = await answer.text();
  if (!answer.ok || text === seen) return;
  seen = text;
  /** @type {{jobs: Job[]}} */
  const { jobs } = JSON.parse(text);
  byId("job-count").textContent = String(jobs.length);
  if (jobs.length) byId("jobs").replaceChildren(...jobs.reverse().map(card));
}

async function follow() {
  try {
    await refresh();
  } finally {
    setTimeout(follow, PERIOD);
  }
}

follow();
