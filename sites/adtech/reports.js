// Lists what the collector holds, and sends batches of it to the aggregation service.
// @ts-check
import { histogramChart } from "../common/chart.js";
import { byId, element } from "../common/dom.js";
import { follow } from "../common/follow.js";
import { aggregate, apiName } from "../common/service.js";

/** @typedef {{id: number, received: string, bytes: number, dialect: string, service: string, histogram_size: number, preview: string}} Collected */

const SHOWN = 12;
const AGGREGATED = "aggregated";
const facts = byId("facts").dataset;
const labels = (facts.labels ?? "").split("|");
/** @type {Collected[]} */
const collected = [];

/** @param {Collected} report */
const nameOf = (report) => `${report.id} ${report.received}`;

/** @returns {Set<string>} names of the reports that an earlier batch has used up */
const aggregated = () => new Set(JSON.parse(localStorage.getItem(AGGREGATED) ?? "[]"));

/** @param {Collected[]} batch reports that no batch may use again */
function setAside(batch) {
  localStorage.setItem(AGGREGATED, JSON.stringify([...aggregated(), ...batch.map(nameOf)]));
}

/** @param {Collected} report */
function row(report) {
  return element(
    "tr",
    {},
    element("td", {}, report.received.replace("T", " ").slice(0, 19)),
    element("td", {}, apiName(report.dialect)),
    element("td", {}, String(report.histogram_size)),
    element("td", {}, String(report.bytes)),
    element("td", {}, element("code", {}, `${report.preview.slice(0, 16)} … ${report.preview.slice(-16)} …`)),
  );
}

/** Reports that no batch has used yet, by API, service and histogram size: only equals may be summed. */
function batches() {
  const used = aggregated();
  /** @type {Map<string, Collected[]>} */
  const found = new Map();
  for (const report of collected) {
    if (used.has(nameOf(report))) continue;
    const kind = [report.dialect, report.service, report.histogram_size].join(" ");
    found.set(kind, [...(found.get(kind) ?? []), report]);
  }
  return [...found.values()];
}

/** @param {Collected[]} batch */
async function send(batch) {
  const answer = byId("answer");
  answer.replaceChildren(element("p", {}, `Sending ${batch.length} reports…`));
  const exported = await (await fetch(facts.export ?? "")).json();
  /** @type {Map<number, string>} */
  const sealed = new Map(
    exported.reports.map((/** @type {{id: number, report: string}} */ { id, report }) => [id, report]),
  );
  const reports = batch.map((report) => sealed.get(report.id) ?? "");
  const result = await aggregate(facts.service ?? "", reports, Number(facts.epsilon));
  if ("refusal" in result) {
    answer.replaceChildren(result.refusal);
    setAside(result.replayed.map((position) => batch[position]));
  } else {
    answer.replaceChildren(
      element("h3", {}, `Sum of ${result.reports} reports, noised`),
      histogramChart(labels, result),
    );
    setAside(batch);
  }
  show();
}

/** @param {Collected[]} batch */
function sendButton(batch) {
  const [{ dialect }] = batch;
  const text = `Send ${batch.length} ${batch.length === 1 ? "report" : "reports"} of ${apiName(dialect)}`;
  const button = element("button", { "data-testid": `send-${dialect}` }, text);
  button.addEventListener("click", () => {
    send(batch).catch((reason) => byId("answer").replaceChildren(element("p", {}, `Not sent: ${reason.message}`)));
  });
  return button;
}

function show() {
  byId("count").textContent = String(collected.length);
  byId("rows").replaceChildren(...collected.slice(-SHOWN).reverse().map(row));
  byId("more").textContent =
    collected.length > SHOWN ? `The latest ${SHOWN} of ${collected.length} are shown.` : "";
  const buttons = batches().map(sendButton);
  byId("batches").replaceChildren(
    ...(buttons.length ? buttons : [element("p", {}, "Every collected report has been aggregated.")]),
  );
}

follow(facts.reports ?? "", collected, show);
