// What the host says unasked.

const { console: ownConsole } = global;
/** The methods of `console` by which the host speaks in the page's name. */
const consoleMethods = bare({ ...console });

/**
 * @typedef {object} Statement
 * @property {string[]} [withoutFeatures] what the document's permissions policy forbids it
 * @property {Record<string, string[]>} [featureAllowlists] the origins that features are allowed for, but for everyone
 * @property {{ level: string, text: string }} [console] a line for the page's console
 * @property {boolean} [fence] that this document shows a selected URL
 * @property {number} [fencedFrameDepth] how many `<fencedframe>` elements it stands in, where it stands in any
 * @property {boolean} [newDocument] that this Window, which these scripts have seen to, was given another document
 */

/** @param {Statement} statement */
const hear = ({ withoutFeatures, featureAllowlists: allowlists, console: line, fence, fencedFrameDepth: depth, newDocument }) => {
  if (withoutFeatures !== undefined) doWithout(withoutFeatures, allowlists);
  if (line !== undefined) apply(consoleMethods[bare(line).level], ownConsole, [line.text]);
  if (depth !== undefined) becomeNested(depth);
  if (fence && inSecureContext) becomeFenced();
  if (newDocument && inSecureContext) {
    watchDocument();
    if (frameObserver !== undefined) watchFramesIn(global.document);
  }
};
