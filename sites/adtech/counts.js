// Lists what Private Aggregation sent, and adds it up: how many browsers saw each campaign.
// @ts-check
import { byId } from "../common/dom.js";
import { follow } from "../common/follow.js";
import { opening, showLatest } from "./openings.js";

/** @typedef {import("./openings.js").Arrived} Arrived */

const CARDS_SHOWN = 6;
const facts = byId("facts").dataset;
/** @type {Record<string, import("./openings.js").Meaning>} */
const meanings = JSON.parse(facts.buckets ?? "{}");
/** @type {Arrived[]} */
const arrived = [];

/** @param {...string} kinds */
const ofKind = (...kinds) => arrived.filter(({ kind }) => kinds.includes(kind));

/** @param {Arrived} one */
const card = (one) => opening(one, JSON.parse(one.report.shared_info).api, meanings);

function sums() {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const { opened } of ofKind("private-aggregation")) {
    for (const { bucket, value } of opened ?? []) found.set(bucket, (found.get(bucket) ?? 0) + value);
  }
  return found;
}

function show() {
  const found = sums();
  for (const row of document.querySelectorAll("[data-bucket]")) {
    const bucket = /** @type {HTMLElement} */ (row).dataset.bucket ?? "";
    const [sum, browsers] = row.querySelectorAll(".number");
    const value = found.get(bucket) ?? 0;
    const people = value / meanings[bucket].scale;
    sum.textContent = String(value);
    browsers.textContent = `${people} ${people === 1 ? "browser" : "browsers"}`;
  }
  showLatest("aggregatable", "cards", ofKind("private-aggregation", "private-aggregation-debug"), card, CARDS_SHOWN);
}

follow(facts.reports ?? "", arrived, show);
