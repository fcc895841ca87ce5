// `window.fence`, which a document has that shows a selected URL. This Chromium has the interface, and no object of it.

const fenceName = "Fence";
const { Fence: NativeFence } = /** @type {any} */ (global);

/** @type {object | null} */
let ownFence = null;

/** How many `<fencedframe>` elements this document stands in, as the host said. */
let fencedFrameDepth = 0;

/** @param {number} depth */
const becomeNested = (depth) => {
  fencedFrameDepth = depth;
};

/** The host said that this document shows a selected URL. */
const becomeFenced = () => {
  ownFence ??= platformObject(NativeFence, newState(fenceName, "", undefined));
};

/** @type {Around} */
const aroundFence = (native, receiver, args) => {
  const value = apply(native, receiver, args);
  const isOwn = receiver === undefined || receiver === null || receiver === global;
  return isOwn ? value ?? ownFence : value;
};

/**
 * Around a method of our own object.
 *
 * @param {(args: ArrayLike<any>) => any} result
 * @returns {Around}
 */
const aroundFenceMethod = (result) => (native, receiver, args) =>
  anyStateOf(receiver)?.interface === fenceName ? result(args) : apply(native, receiver, args);

const hookFence = () => {
  hookGetter(global, "fence", aroundFence);
  hookMethod(NativeFence.prototype, "reportEvent", aroundFenceMethod(reportFenceEvent));
  hookMethod(NativeFence.prototype, "setReportEventDataForAutomaticBeacons", aroundFenceMethod(ignoreResult));
  hookMethod(NativeFence.prototype, "getNestedConfigs", aroundFenceMethod(() => []));
};
