// Lists what Attribution Reporting sent: event-level reports, aggregatable ones sealed and opened, debug messages.
// @ts-check
import { byId, element } from "../common/dom.js";
import { follow } from "../common/follow.js";

/** @typedef {{bucket: string, value: number, id: number}} Contribution */
/** @typedef {{id: number, received: string, kind: string, report: any, opened: Contribution[] | null}} Arrived */
/** @typedef {{key: string, text: string, scale: number, unit: string}} Meaning */

const SHOWN = 12;
const CARDS_SHOWN = 6;
const facts = byId("facts").dataset;
/** @type {Record<string, string>} */
const campaigns = JSON.parse(facts.campaigns ?? "{}");
/** @type {Record<string, Meaning>} */
const meanings = JSON.parse(facts.buckets ?? "{}");
/** @type {Arrived[]} */
const arrived = [];

/** @param {Arrived} one */
const isDebug = ({ kind }) => kind.endsWith("-debug");

/** @param {Arrived} one */
const time = ({ received }) =>
  element("time", { datetime: received }, received.replace("T", " ").slice(0, 19));

/** @param {Arrived} one @returns {(Node | string)[]} */
const mark = (one) => (isDebug(one) ? [" ", element("b", { class: "mark" }, "debug")] : []);

/**
 * A cell of a table that becomes a list of lines on a phone.
 * @param {string} label
 * @param {...(Node | string)} children
 */
const cell = (label, ...children) => element("td", { "data-label": label }, ...children);

/** @param {Arrived} one */
function eventLevelRow(one) {
  const { report } = one;
  const rate = `${Number((report.randomized_trigger_rate * 100).toPrecision(2))} %`;
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, campaigns[report.source_event_id] ?? `ad ${report.source_event_id}`, ...mark(one)),
    cell("It was", report.source_type === "navigation" ? "clicked" : "seen"),
    cell("Bought", report.trigger_data === "1" ? "what it showed" : "something else"),
    cell("Made up by chance", rate),
    cell("Received", time(one)),
  );
}

/** @param {Contribution} entry */
function contributionRow({ bucket, value }) {
  const meaning = meanings[bucket];
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, element("code", {}, bucket)),
    element("td", { class: "number" }, String(value)),
    element("td", {}, meaning ? `${meaning.text}: ${value / meaning.scale} ${meaning.unit}` : "unknown"),
  );
}

/** @param {Contribution[] | null} opened */
function openedSide(opened) {
  if (opened === null) return element("p", {}, "It does not open with the keys at hand.");
  const entries = opened.filter(({ value }) => value > 0);
  if (entries.length === 0) {
    return element("p", {}, "All entries are empty. It was sent so that no report can be told from a missing one.");
  }
  const padding = `The other ${opened.length - entries.length} entries are empty, so that all reports are equally long.`;
  return element(
    "div",
    {},
    element("table", { "aria-label": "What is inside" }, element("tbody", {}, ...entries.map(contributionRow))),
    element("p", { class: "status" }, padding),
  );
}

/** @param {Arrived} one */
function card(one) {
  const { report, opened } = one;
  const info = JSON.parse(report.shared_info);
  const [{ payload, key_id: key, debug_cleartext_payload: cleartext }] = report.aggregation_service_payloads;
  const debugged = cleartext ? "; for debugging, its clear text came with it" : "";
  return element(
    "article",
    { class: "card opening" },
    element("h3", {}, `${info.attribution_destination.replace("https://", "")}, `, time(one), ...mark(one)),
    element(
      "div",
      {},
      element("h4", {}, "As it arrived"),
      element("pre", { class: "sealed" }, `${payload.slice(0, 88)} …`),
      element("p", { class: "status" }, `${payload.length} characters of base64, sealed to the key ${key}${debugged}`),
    ),
    element("div", {}, element("h4", {}, "Opened with the test key"), openedSide(opened)),
  );
}

/** @param {Arrived} one @returns {HTMLElement[]} a row for each message of a report */
function verboseRows(one) {
  return one.report.map((/** @type {{type: string, body: Record<string, unknown>}} */ { type, body }) => {
    const details = Object.entries(body).map(([name, value]) => `${name} ${value}`);
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, type),
      cell("Details", details.join(", ")),
      cell("Received", time(one)),
    );
  });
}

/**
 * Show the latest of one kind under `id`.
 * @param {string} id
 * @param {string} place suffix of the id of the element that holds them
 * @param {Arrived[]} found oldest first
 * @param {(one: Arrived) => HTMLElement | HTMLElement[]} draw
 * @param {number} shown
 */
function list(id, place, found, draw, shown) {
  byId(`${id}-count`).textContent = String(found.length);
  if (found.length === 0) return;
  byId(`${id}-${place}`).replaceChildren(...found.slice(-shown).reverse().flatMap(draw));
  byId(`${id}-more`).textContent = found.length > shown ? `The latest ${shown} of ${found.length} are shown.` : "";
}

/** @param {...string} kinds */
const ofKind = (...kinds) => arrived.filter(({ kind }) => kinds.includes(kind));

function show() {
  list("event-level", "rows", ofKind("event-level", "event-level-debug"), eventLevelRow, SHOWN);
  list("aggregatable", "cards", ofKind("aggregatable", "aggregatable-debug", "aggregate-debug"), card, CARDS_SHOWN);
  list("verbose", "rows", ofKind("verbose-debug"), verboseRows, SHOWN);
}

follow(facts.reports ?? "", arrived, show);
