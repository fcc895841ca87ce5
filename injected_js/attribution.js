// `navigator.attribution`: W3C Attribution Level 1, draft of 2026-05-14, section 1.

const toAttributionImpressionOptions = dictionary("AttributionImpressionOptions", [
  { name: "conversionCallers", convert: sequence(toUSVString) },
  { name: "conversionSites", convert: sequence(toUSVString) },
  { name: "histogramIndex", convert: toUnsignedLong, required: true },
  { name: "lifetimeDays", convert: toUnsignedLong },
  { name: "matchValue", convert: toUnsignedLong },
  { name: "priority", convert: toLong },
]);

const toAttributionConversionOptions = dictionary("AttributionConversionOptions", [
  { name: "aggregationService", convert: toUSVString, required: true },
  { name: "credit", convert: sequence(toDouble) },
  { name: "epsilon", convert: toDouble },
  { name: "histogramSize", convert: toUnsignedLong, required: true },
  { name: "impressionCallers", convert: sequence(toUSVString) },
  { name: "impressionSites", convert: sequence(toUSVString) },
  { name: "lookbackDays", convert: toUnsignedLong },
  { name: "matchValues", convert: sequence(toUnsignedLong) },
  { name: "maxValue", convert: toUnsignedLong },
  { name: "value", convert: toUnsignedLong },
]);

/** @param {Steps} steps */
const nativeGetAttribution = (steps) =>
  getterOf("attribution", (self) => ({
    get attribution /*FAR*/ () {
      return steps(self(), this, arguments);
    },
  }));

const exposeAttribution = () => {
  const name = "Attribution";
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(name, illegalConstructor(name));
  const services = nativeGetAggregationServices(attribute(name, (state) => state.services));
  defineAttribute(prototype, "aggregationServices", services);
  defineOperation(
    prototype,
    "saveImpression",
    nativeSaveImpression(
      promiseOperation(name, "saveImpression", (state, args, context) => {
        const options = toAttributionImpressionOptions(args[0]);
        return askWhileActive(state, "saveImpression", options, () => ({}), context);
      }),
    ),
  );
  defineOperation(
    prototype,
    "measureConversion",
    nativeMeasureConversion(
      promiseOperation(name, "measureConversion", (state, args, context) => {
        const options = toAttributionConversionOptions(args[0]);
        const result = ({ report }) => ({ report: bytesOf(report) });
        return askWhileActive(state, "measureConversion", options, result, context);
      }),
    ),
  );
  exposeInterface(name, interfaceObject, prototype);
  const object = platformObject(interfaceObject, newState(name, "attribution", newAggregationServices()));
  exposeOnNavigator("attribution", nativeGetAttribution(navigatorAttribute("attribution")), object);
};
