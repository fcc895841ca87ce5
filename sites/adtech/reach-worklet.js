// Runs in a worklet of adtech.test: it reads what other sites' frames of adtech.test wrote, and can tell nobody.
// @ts-check

/** @typedef {{campaignId: string, value: number, often: number}} CampaignData */

/** @param {CampaignData} data */
const viewsOf = async ({ campaignId }) => ((await sharedStorage.get(`views-${campaignId}`)) ?? "").length;

/**
 * Contribute once and never again in this browser, whichever site it happens on.
 * @param {string} key remembers that it happened
 * @param {bigint} bucket
 * @param {number} value
 */
async function contributeOnce(key, bucket, value) {
  if ((await sharedStorage.get(key)) === "yes") return;
  privateAggregation.contributeToHistogram({ bucket, value });
  await sharedStorage.set(key, "yes");
}

/** Counts the browsers that saw a campaign. */
class SendReachReportOperation {
  /** @param {CampaignData} data */
  async run({ campaignId, value }) {
    await contributeOnce(`report-sent-${campaignId}`, BigInt(campaignId), value);
  }
}

/** Counts the browsers that saw a campaign often; each view has added one character to its entry. */
class SendFrequencyReportOperation {
  /** @param {CampaignData} data */
  async run(data) {
    const { campaignId, value, often } = data;
    if ((await viewsOf(data)) < often) return;
    await contributeOnce(`frequency-report-sent-${campaignId}`, BigInt(campaignId) | (BigInt(often) << 16n), value);
  }
}

/** Chooses the creative whose turn it is in this browser. */
class RotateCreativeOperation {
  /**
   * @param {string[]} urls
   * @param {CampaignData} data
   */
  async run(urls, data) {
    const views = await viewsOf(data);
    return Math.max(0, views - 1) % urls.length;
  }
}

register("send-reach-report", SendReachReportOperation);
register("send-frequency-report", SendFrequencyReportOperation);
register("rotate-creative", RotateCreativeOperation);
