// What the pages do beyond HTML: they follow the agent, and their forms act without leaving the page.
// Everything works without this file, by loading pages.

/** The one policy that turns the dashboard's own pages, escaped by the server, into documents. */
const policy = "trustedTypes" in window
  ? /** @type {any} */ (window).trustedTypes.createPolicy("dashboard", { createHTML: (/** @type {string} */ text) => text })
  : { createHTML: (/** @type {string} */ text) => text };

/** Whether a page is being asked for, and whether it must be asked for again. */
let asking = false, again = false;

/**
 * Put the parts of `text`, a page of the dashboard, in the place of this page's that are alive.
 * @param {string} text
 */
function show(text) {
  const fresh = new DOMParser().parseFromString(policy.createHTML(text), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    // What is being typed stays; the part follows when the focus has gone.
    const typing = part.contains(document.activeElement) && document.activeElement?.matches("input, select, textarea");
    if (next === null || typing) continue;
    const open = new Set([...part.querySelectorAll("details[open]")].map((one) => one.id));
    for (const one of next.querySelectorAll("details")) one.open ||= open.has(one.id);
    if (next.outerHTML === part.outerHTML) continue;
    const focused = part.contains(document.activeElement) ? path(/** @type {Element} */ (document.activeElement)) : null;
    const scrolled = [...part.querySelectorAll(SCROLLING)].map(({ scrollLeft, scrollTop }) => ({ left: scrollLeft, top: scrollTop }));
    // The part itself stays: readers of the screen tell of changes within a live region, not of a new one.
    for (const { name, value } of next.attributes) part.setAttribute(name, value);
    part.replaceChildren(...document.adoptNode(next).childNodes);
    part.querySelectorAll(SCROLLING).forEach((one, number) => one.scrollTo(scrolled[number] ?? {}));
    if (focused !== null) at(focused)?.focus({ preventScroll: true });
  }
  tick();
}

const SCROLLING = "[tabindex='0']";
const FOCUSABLE = "a, button, input, select, summary, textarea, [tabindex]";

/**
 * Where `element` is: the id of what it is in, and its number among those there that can have the focus.
 * @param {Element} element
 */
function path(element) {
  const within = /** @type {Element} */ (element.closest("[id]"));
  return { id: within.id, number: [within, ...within.querySelectorAll(FOCUSABLE)].indexOf(element) };
}

/**
 * What is there now, if anything is.
 * @param {{ id: string, number: number }} where
 */
function at({ id, number }) {
  const within = document.getElementById(id);
  return within === null ? null : /** @type {HTMLElement} */ ([within, ...within.querySelectorAll(FOCUSABLE)][number]);
}

/** Ask for this page once more, and show what has changed. */
async function refresh() {
  again = asking;
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) show(await answer.text());
  } catch {
    // The agent has ended, or comes back: the stream tries again, and asks then.
  } finally {
    asking = false;
    if (again) void refresh();
  }
}

/** The agent's time when it was last told, and ours then. */
let told = { milliseconds: NaN, speed: 0, at: 0 };

/** Take the clock that the page shows as told just now. */
function tick() {
  const clock = document.getElementById("clock");
  if (clock === null) return;
  told = { milliseconds: Number(clock.dataset.milliseconds), speed: Number(clock.dataset.speed), at: performance.now() };
}

setInterval(() => {
  const shown = document.getElementById("now");
  if (shown === null || !told.speed) return;
  const now = new Date(told.milliseconds + (performance.now() - told.at) * told.speed).toISOString();
  shown.textContent = now.slice(0, 19).replace("T", " ");
}, 250);

/** @type {EventSource | null} */
let stream = null;

/** The number of the latest event that was heard of. */
let heard = 0;

/** Whether the page says that the agent does not answer: what it shows may be past. */
let lost = false;
const GONE = '<p role="alert">The agent does not answer. Has it ended?</p>';

/** Say it once that the stream has ended, and take it back when it goes on.
 * @param {boolean} now */
function lose(now) {
  if (lost === now) return;
  lost = now;
  if (lost) say(GONE);
  else document.getElementById("problem")?.replaceChildren();
}

/** Tell who does not see that there is news.
 * @param {number} count */
function hear(count) {
  const place = document.getElementById("news");
  if (place !== null) place.textContent = `${count} new ${count === 1 ? "event" : "events"}`;
}

/** Follow the agent while the page is seen: browsers allow six streams to one host, and pages may be many. */
function follow() {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else if (stream === null) {
    const seen = document.getElementById("clock")?.dataset.seen ?? "";
    heard = parseInt(seen) || 0;
    stream = new EventSource(`/live?seen=${seen}`);
    stream.addEventListener("error", () => lose(true));
    stream.addEventListener("open", () => lose(false));
    stream.addEventListener("news", (event) => {
      const { latest } = JSON.parse(/** @type {MessageEvent} */ (event).data);
      if (latest > heard) hear(latest - heard);
      heard = latest;
    });
    for (const name of ["news", "clock", "settings"]) stream.addEventListener(name, () => void refresh());
  }
}

document.addEventListener("visibilitychange", follow);
document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (form.method !== "post") return;
  event.preventDefault();
  if (button?.getAttribute("aria-disabled")) return;
  button?.setAttribute("aria-disabled", "true");
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const text = await answer.text();
    document.getElementById("problem")?.replaceChildren();
    if (answer.ok) show(text);
    else say(text);
  } catch {
    say(GONE);
  } finally {
    button?.removeAttribute("aria-disabled");
  }
});
let typed = 0;
document.addEventListener("input", (event) => {
  const form = /** @type {HTMLInputElement} */ (event.target).form;
  if (!form?.matches("[data-instant]")) return;
  clearTimeout(typed);
  typed = setTimeout(() => {
    history.replaceState(null, "", `?${new URLSearchParams(/** @type {any} */ (new FormData(form)))}`);
    void refresh();
  }, 250);
});

/** Show the message of an error page, and say it to who does not see.
 * @param {string} text */
function say(text) {
  const told = new DOMParser().parseFromString(policy.createHTML(text), "text/html").querySelector("[role=alert]");
  const place = document.getElementById("problem");
  if (told !== null && place !== null) place.replaceChildren(document.adoptNode(told));
}

tick();
follow();
