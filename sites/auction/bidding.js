// What the owner of the interest group has the browser run in an auction.
// @ts-check

/** @param {{ads: {renderURL: string}[]}} group */
function generateBid({ ads: [ad] }) {
  privateAggregation.contributeToHistogramOnEvent("reserved.win", { bucket: 7n, value: 1024 });
  return { bid: 1, render: ad.renderURL };
}

function reportWin() {}
