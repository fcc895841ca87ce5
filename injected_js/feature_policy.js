// The feature `attribution-reporting` in `document.featurePolicy`, which this Chromium does not know.

const attributionReportingFeature = "attribution-reporting";
const isOurs = (/** @type {any} */ feature) => feature === attributionReportingFeature;

/** @type {Around} */
const withFeature = (native, receiver, args) => {
  const names = apply(native, receiver, args);
  const value = attributionReportingFeature;
  defineProperty(names, names.length, bare({ value, writable: true, enumerable: true, configurable: true }));
  return names;
};

const hookFeaturePolicy = () => {
  const prototype = /** @type {any} */ (global).FeaturePolicy?.prototype;
  hookMethod(prototype, "features", withFeature);
  hookMethod(prototype, "allowedFeatures", (native, receiver, args) =>
    (allowedByPolicy ? withFeature : apply)(native, receiver, args));
  hookMethod(prototype, "allowsFeature", (native, receiver, args) =>
    isOurs(args[0]) ? allowedByPolicy : apply(native, receiver, args));
  hookMethod(prototype, "getAllowlistForFeature", (native, receiver, args) =>
    isOurs(args[0]) ? (allowedByPolicy ? ["*"] : []) : apply(native, receiver, args));
};
