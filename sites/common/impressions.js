// Notes down an impression of this page's ad through each of the two APIs that the browser has.
// @ts-check

const SHOP = "shop.test";

/**
 * Save the impression; gives one sentence that tells what happened.
 * @param {number} histogramIndex bucket of the campaign
 * @returns {Promise<string>}
 */
async function saveImpression(histogramIndex) {
  const noted = [];
  if (navigator.attribution) {
    await navigator.attribution.saveImpression({
      histogramIndex,
      conversionSites: [SHOP],
      matchValue: histogramIndex,
    });
    noted.push("navigator.attribution");
  }
  if (navigator.privateAttribution) {
    navigator.privateAttribution.saveImpression({
      histogramIndex,
      ad: `campaign-${histogramIndex}`,
      conversionSite: SHOP,
    });
    noted.push("navigator.privateAttribution");
  }
  return noted.length
    ? `Your browser was asked to note: campaign ${histogramIndex}, for ${SHOP} (${noted.join(", ")})`
    : "This browser has no attribution API, so nothing was noted. The ad works all the same.";
}

for (const ad of document.querySelectorAll("[data-campaign]")) {
  const status = ad.querySelector("[role=status]");
  const campaign = Number(/** @type {HTMLElement} */ (ad).dataset.campaign);
  saveImpression(campaign)
    .catch((reason) => `The browser declined to note this ad: ${reason.name}`)
    .then((sentence) => {
      if (!(status instanceof HTMLElement)) return;
      status.textContent = sentence;
      status.dataset.state = "done";
    });
}
