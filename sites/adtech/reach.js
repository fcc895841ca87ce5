// Has this browser counted for the campaign of a frame: once, however many sites show it.
// @ts-check

const WORKLET = "/adtech/reach-worklet.js";

/**
 * Note the view and have the worklet count it; gives one sentence that tells what happened, and where `urls` are given,
 * what an `<iframe>` shows the chosen one by.
 * @param {DOMStringMap} facts of the element that names the campaign
 * @param {string[]} [urls] to choose a creative from
 */
export async function count({ number = "", value, often }, urls = []) {
  const storage = window.sharedStorage;
  if (!storage) {
    return { src: urls[0], sentence: "This browser has no Shared Storage, so nobody was counted. The ad works all the same." };
  }
  const options = { data: { campaignId: number, value: Number(value), often: Number(often) }, keepAlive: true };
  await storage.append(`views-${number}`, "1");
  await storage.worklet.addModule(WORKLET);
  const src = urls.length
    ? await storage.selectURL("rotate-creative", urls.map((url) => ({ url })), options)
    : undefined;
  await storage.run("send-reach-report", options);
  if (urls.length) await storage.run("send-frequency-report", options);
  return { src, sentence: `Your browser was asked to count itself for campaign ${number}, once, on whichever site.` };
}
