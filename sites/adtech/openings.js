// Shows reports that a browser sent: one sealed beside what it says, and the latest of many.
// @ts-check
import { byId, element } from "../common/dom.js";

/** @typedef {{bucket: string, value: number, id: number}} Contribution */
/** @typedef {{id: number, received: string, kind: string, report: any, opened: Contribution[] | null}} Arrived */
/** @typedef {{text: string, scale: number, unit: string}} Meaning */

/** @param {Arrived} one */
const isDebug = ({ kind }) => kind.endsWith("-debug");

/** @param {Arrived} one */
export const time = ({ received }) =>
  element("time", { datetime: received }, received.replace("T", " ").slice(0, 19));

/** @param {Arrived} one @returns {(Node | string)[]} */
export const mark = (one) => (isDebug(one) ? [" ", element("b", { class: "mark" }, "debug")] : []);

/**
 * @param {Contribution} entry
 * @param {Record<string, Meaning>} meanings
 */
function contributionRow({ bucket, value }, meanings) {
  const meaning = meanings[bucket];
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, element("code", {}, bucket)),
    element("td", { class: "number" }, String(value)),
    element("td", {}, meaning ? `${meaning.text}: ${value / meaning.scale} ${meaning.unit}` : "unknown"),
  );
}

/**
 * @param {Contribution[] | null} opened
 * @param {Record<string, Meaning>} meanings
 */
function openedSide(opened, meanings) {
  if (opened === null) return element("p", {}, "It does not open with the keys at hand.");
  const entries = opened.filter(({ value }) => value > 0);
  if (entries.length === 0) {
    return element("p", {}, "All entries are empty. It was sent so that no report can be told from a missing one.");
  }
  const padding = `The other ${opened.length - entries.length} entries are empty, so that all reports are equally long.`;
  const rows = entries.map((entry) => contributionRow(entry, meanings));
  return element(
    "div",
    {},
    element("table", { "aria-label": "What is inside" }, element("tbody", {}, ...rows)),
    element("p", { class: "status" }, padding),
  );
}

/**
 * A report as it arrived, beside what is inside.
 * @param {Arrived} one
 * @param {string} about what its heading says before the time
 * @param {Record<string, Meaning>} meanings of its buckets
 */
export function opening(one, about, meanings) {
  const { report, opened } = one;
  const [{ payload, key_id: key, debug_cleartext_payload: cleartext }] = report.aggregation_service_payloads;
  const debugged = cleartext ? "; for debugging, its clear text came with it" : "";
  return element(
    "article",
    { class: "card opening" },
    element("h3", {}, `${about}, `, time(one), ...mark(one)),
    element(
      "div",
      {},
      element("h4", {}, "As it arrived"),
      element("pre", { class: "sealed" }, `${payload.slice(0, 88)} …`),
      element("p", { class: "status" }, `${payload.length} characters of base64, sealed to the key ${key}${debugged}`),
    ),
    element("div", {}, element("h4", {}, "Opened with the test key"), openedSide(opened, meanings)),
  );
}

/**
 * Show the latest of one kind under `id`.
 * @param {string} id
 * @param {string} place suffix of the id of the element that holds them
 * @param {Arrived[]} found oldest first
 * @param {(one: Arrived) => HTMLElement | HTMLElement[]} draw
 * @param {number} shown
 */
export function showLatest(id, place, found, draw, shown) {
  byId(`${id}-count`).textContent = String(found.length);
  if (found.length === 0) return;
  byId(`${id}-${place}`).replaceChildren(...found.slice(-shown).reverse().flatMap(draw));
  byId(`${id}-more`).textContent = found.length > shown ? `The latest ${shown} of ${found.length} are shown.` : "";
}
