// What the seller has the browser run: the highest bid wins.
// @ts-check

/**
 * @param {string} _metadata
 * @param {number} bid
 */
function scoreAd(_metadata, bid) {
  return bid;
}

function reportResult() {}
