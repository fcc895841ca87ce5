// Keeps a page's list of reports up to date with what the server has.
// @ts-check

/** Milliseconds between two questions. */
const PERIOD = 2000;

/**
 * Ask `url` again and again for what came after the last of `list`; append it, and `show`.
 * @template {{id: number}} T
 * @param {string} url answers `?after=ID` with `{reports: [...]}`, the oldest first
 * @param {T[]} list
 * @param {() => void} show
 */
export async function follow(url, list, show) {
  try {
    const answer = await fetch(`${url}?after=${list.at(-1)?.id ?? 0}`, { cache: "no-store" });
    const { reports } = answer.ok ? await answer.json() : { reports: [] };
    if (reports.length === 0) return;
    list.push(...reports);
    show();
  } finally {
    setTimeout(follow, PERIOD, url, list, show);
  }
}
