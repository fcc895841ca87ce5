// The strip at the bottom of each page: what the agent just did, told by the demo itself.
// @ts-check
import { byId, element } from "./dom.js";

const PERIOD = 1500;
const SHOWN = 8;
const strip = byId("strip");
const latest = byId("strip-latest");
const list = byId("strip-list");
let seen = "";

/** @param {string} time */
function shortTime(time) {
  const parts = /^\d{4}-(\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(time);
  return parts ? `${parts[1]} ${parts[2]}` : time;
}

/** @param {{time: string, site: string, text: string}} entry */
function row(entry) {
  return element(
    "li",
    {},
    element("time", {}, shortTime(entry.time)),
    element("b", {}, entry.site),
    element("span", {}, entry.text),
  );
}

async function refresh() {
  const answer = await fetch(strip.dataset.source ?? "", { cache: "no-store" });
  if (!answer.ok) throw new Error(`the strip answered ${answer.status}`);
  const text = await answer.text();
  if (text === seen) return;
  seen = text;
  /** @type {{time: string, site: string, text: string}[]} */
  const entries = JSON.parse(text).entries;
  const recent = entries.slice(-SHOWN).reverse();
  strip.hidden = recent.length === 0;
  if (recent.length === 0) return;
  latest.textContent = `${recent[0].site}: ${recent[0].text}`;
  list.replaceChildren(...recent.map(row));
}

async function follow() {
  try {
    if (!document.hidden) await refresh();
    setTimeout(follow, PERIOD);
  } catch {
    strip.hidden = true; // the demo has ended: nothing more to tell
  }
}

follow();
