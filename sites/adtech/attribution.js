// Lists what Attribution Reporting sent: event-level reports, aggregatable ones sealed and opened, debug messages.
// @ts-check
import { byId, element } from "../common/dom.js";
import { follow } from "../common/follow.js";
import { mark, opening, showLatest, time } from "./openings.js";

/** @typedef {import("./openings.js").Arrived} Arrived */

const SHOWN = 12;
const CARDS_SHOWN = 6;
const facts = byId("facts").dataset;
/** @type {Record<string, string>} */
const campaigns = JSON.parse(facts.campaigns ?? "{}");
/** @type {Record<string, import("./openings.js").Meaning>} */
const meanings = JSON.parse(facts.buckets ?? "{}");
/** @type {Arrived[]} */
const arrived = [];

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

/** @param {Arrived} one */
const card = (one) =>
  opening(one, JSON.parse(one.report.shared_info).attribution_destination.replace("https://", ""), meanings);

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

/** @param {...string} kinds */
const ofKind = (...kinds) => arrived.filter(({ kind }) => kinds.includes(kind));

function show() {
  showLatest("event-level", "rows", ofKind("event-level", "event-level-debug"), eventLevelRow, SHOWN);
  showLatest("aggregatable", "cards", ofKind("aggregatable", "aggregatable-debug", "aggregate-debug"), card, CARDS_SHOWN);
  showLatest("verbose", "rows", ofKind("verbose-debug"), verboseRows, SHOWN);
}

follow(facts.reports ?? "", arrived, show);
