// `document.featurePolicy` as Chromium 143 has it, with the features of the measurement interfaces, which this Chromium
// does not know. Their default allowlist is `*`; the host computes the policy of `attribution-reporting`.

const attributionReportingFeature = "attribution-reporting";
const addedFeatures = bare([
  attributionReportingFeature,
  "join-ad-interest-group",
  "private-aggregation",
  "run-ad-auction",
  "shared-storage",
  "shared-storage-select-url",
]);

/** @param {unknown} feature */
const isAddedFeature = (feature) => {
  for (let i = 0; i < addedFeatures.length; i++) if (addedFeatures[i] === feature) return true;
  return false;
};

/** @param {string} feature */
const isFeatureAllowed = (feature) => feature !== attributionReportingFeature || allowedByPolicy;

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

const hookFeaturePolicy = () => {
  const prototype = /** @type {any} */ (global).FeaturePolicy?.prototype;
  hookMethod(prototype, "features", aroundFeatureNames(() => true));
  hookMethod(prototype, "allowedFeatures", aroundFeatureNames(isFeatureAllowed));
  hookMethod(prototype, "allowsFeature", aroundFeature(isFeatureAllowed));
  hookMethod(prototype, "getAllowlistForFeature", aroundFeature((feature) => (isFeatureAllowed(feature) ? ["*"] : [])));
};
