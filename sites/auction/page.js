// Joins an interest group, and holds an auction in which it bids.
// @ts-check
import { byId } from "./dom.js";

const origin = location.origin;
const said = byId("said");
const place = /** @type {HTMLIFrameElement} */ (byId("place"));

byId("join").addEventListener("click", async () => {
  await navigator.joinAdInterestGroup({
    owner: origin,
    name: "kettles",
    lifetimeMs: 30 * 24 * 3_600_000,
    biddingLogicURL: `${origin}/bidding.js`,
    ads: [{ renderURL: `${origin}/ad` }],
  });
  said.textContent = "Your browser remembers that you like kettles.";
});

byId("run").addEventListener("click", async () => {
  const won = await navigator.runAdAuction({
    seller: origin,
    decisionLogicURL: `${origin}/deciding.js`,
    interestGroupBuyers: [origin],
    sellerTimeout: 500,
    perBuyerTimeouts: { "*": 500 },
  });
  if (won === null) {
    said.textContent = "Nobody bid.";
    return;
  }
  place.src = won;
  said.textContent = "An ad has won, and is shown.";
});
