// `document.featurePolicy` as Chromium 143 has it, with the features of the measurement interfaces, which this Chromium
// does not know. Their default allowlist is `*`; the host computes the policy, and tells what it forbids.

const attributionReportingFeature = "attribution-reporting";
const addedFeatures = bare([
  attributionReportingFeature,
  "join-ad-interest-group",
  "run-ad-auction",
  "shared-storage-select-url",
  "shared-storage",
  "private-aggregation",
]);

/** @param {unknown} feature */
const isAddedFeature = (feature) => {
  for (let i = 0; i < addedFeatures.length; i++) if (addedFeatures[i] === feature) return true;
  return false;
};

/** What the document's permissions policy forbids it, as far as the host has said. @type {Record<string, boolean>} */
let forbiddenFeatures = createObject(null);

/** The origins that features are allowed for, where they are not for everyone. @type {Record<string, string[]>} */
let featureAllowlists = createObject(null);

/**
 * Takes what the host says of the document's permissions policy.
 *
 * @param {string[]} forbidden all that the document must do without
 * @param {Record<string, string[]>} [allowlists]
 */
const doWithout = (forbidden, allowlists = createObject(null)) => {
  forbiddenFeatures = createObject(null);
  for (let i = 0; i < forbidden.length; i++) forbiddenFeatures[forbidden[i]] = true;
  featureAllowlists = bare(allowlists);
};

/**
 * Whether the document's permissions policy allows it one of the added features, for its own origin.
 *
 * @param {string} feature
 */
const isFeatureAllowed = (feature) => forbiddenFeatures[feature] !== true;

/**
 * Around what lists the names of features.
 *
 * @param {(feature: string) => boolean} isListed
 * @returns {Around}
 */
const aroundFeatureNames = (isListed) => (native, receiver, args) => {
  const names = apply(native, receiver, args);
  for (let i = 0; i < addedFeatures.length; i++) {
    if (!isListed(addedFeatures[i])) continue;
    const descriptor = bare({ value: addedFeatures[i], writable: true, enumerable: true, configurable: true });
    defineProperty(names, names.length, descriptor);
  }
  return names;
};

/**
 * Around what tells of one feature.
 *
 * @param {(feature: string) => any} tell
 * @returns {Around}
 */
const aroundFeature = (tell) => (native, receiver, args) =>
  isAddedFeature(args[0]) ? tell(args[0]) : apply(native, receiver, args);

/**
 * A fresh array, for the page to keep.
 *
 * @param {string} feature
 */
const allowlistOf = (feature) => {
  const allowlist = featureAllowlists[feature];
  if (allowlist === undefined) return isFeatureAllowed(feature) ? ["*"] : [];
  const copy = [];
  for (let i = 0; i < allowlist.length; i++) {
    defineProperty(copy, i, bare({ value: allowlist[i], writable: true, enumerable: true, configurable: true }));
  }
  return copy;
};

const hookFeaturePolicy = () => {
  const prototype = /** @type {any} */ (global).FeaturePolicy?.prototype;
  hookMethod(prototype, "features", aroundFeatureNames(() => true));
  hookMethod(prototype, "allowedFeatures", aroundFeatureNames(isFeatureAllowed));
  hookMethod(prototype, "allowsFeature", aroundFeature(isFeatureAllowed));
  hookMethod(prototype, "getAllowlistForFeature", aroundFeature(allowlistOf));
};
