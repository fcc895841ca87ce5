// Measures one purchase with each of the two APIs that the browser has, and posts the sealed reports.
// @ts-check
import { byId, element } from "../common/dom.js";

const section = byId("measurement");
const facts = section.dataset;
const histogramSize = Number(facts.histogramSize);
const epsilon = Number(facts.epsilon);
const value = Number(facts.value);

/** @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function measureWithAttribution() {
  const { report } = await /** @type {Attribution} */ (navigator.attribution).measureConversion({
    aggregationService: facts.aggregationService ?? "",
    histogramSize,
    epsilon,
    value,
    maxValue: Number(facts.maxValue),
  });
  return report;
}

/** @returns {Promise<Uint8Array<ArrayBuffer>>} */
function measureWithPrivateAttribution() {
  return /** @type {PrivateAttribution} */ (navigator.privateAttribution).measureConversion({
    aggregator: facts.aggregator ?? "",
    histogramSize,
    epsilon,
    value,
    ads: Array.from({ length: histogramSize }, (_, index) => `campaign-${index}`),
  });
}

/** @param {Uint8Array} report */
function showSealed(report) {
  const bytes = Array.from(report.slice(0, 96), (byte) => byte.toString(16).padStart(2, "0"));
  const sealed = byId("sealed");
  sealed.textContent = `${bytes.join(" ")} …`;
  sealed.hidden = false;
}

/** @param {Uint8Array<ArrayBuffer>} report */
async function post(report) {
  const answer = await fetch(facts.collector ?? "", {
    method: "POST",
    headers: { "Content-Type": "application/dap-report" },
    body: report,
  });
  if (!answer.ok) throw new Error(`adtech.test answered ${answer.status}`);
}

/**
 * Measure, post and say so; gives whether the report arrived.
 * @param {string} api
 * @param {() => Promise<Uint8Array<ArrayBuffer>>} measure
 */
async function report(api, measure) {
  const line = element("li", { "data-testid": `report-${api}` });
  byId("reports").append(line);
  try {
    const sealed = await measure();
    showSealed(sealed);
    await post(sealed);
    line.append(element("b", {}, `Report sent (${sealed.byteLength} bytes, sealed)`), ` by navigator.${api}`);
    return true;
  } catch (reason) {
    const { name, message } = /** @type {Error} */ (reason);
    line.append(element("b", {}, "No report"), ` from navigator.${api}: ${name}, ${message}`);
    return false;
  }
}

const outcomes = [];
if (navigator.attribution) outcomes.push(await report("attribution", measureWithAttribution));
if (navigator.privateAttribution) outcomes.push(await report("privateAttribution", measureWithPrivateAttribution));
if (outcomes.length === 0) {
  byId("reports").append(
    element("li", {}, "This browser has no attribution API, so nothing was measured. Your order is fine."),
  );
}
section.dataset.state = outcomes.length === 0 ? "absent" : outcomes.every(Boolean) ? "sent" : "failed";
