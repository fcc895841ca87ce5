// `navigator.privateAttribution`: Privacy-Preserving Attribution Level 1, text of 2024-09-26.

const toPrivateAttributionImpressionOptions = dictionary("PrivateAttributionImpressionOptions", [
  { name: "ad", convert: toDOMString, required: true },
  { name: "conversionSite", convert: toDOMString, required: true },
  { name: "histogramIndex", convert: toUnsignedLong, required: true },
  { name: "lifetimeDays", convert: toUnsignedLong },
]);

const toPrivateAttributionConversionOptions = dictionary("PrivateAttributionConversionOptions", [
  { name: "ads", convert: sequence(toDOMString) },
  { name: "aggregator", convert: toDOMString, required: true },
  { name: "epsilon", convert: toDouble },
  { name: "histogramSize", convert: toUnsignedLong, required: true },
  { name: "impressionSites", convert: sequence(toDOMString) },
  { name: "logic", convert: enumeration("PrivateAttributionLogic", "last-touch") },
  { name: "lookbackDays", convert: toUnsignedLong },
  { name: "value", convert: toUnsignedLong },
]);

/** @param {Steps} steps */
const nativeGetPrivateAttribution = (steps) =>
  getterOf("privateAttribution", (self) => ({
    get privateAttribution /*FAR*/ () {
      return steps(self(), this, arguments);
    },
  }));

/**
 * What a page must see thrown at once. Whatever can only be known to the host is checked there, and not shown.
 *
 * @param {{ conversionSite: string, lifetimeDays?: number }} options
 */
const validateImpression = ({ conversionSite, lifetimeDays }) => {
  if (lifetimeDays === 0) throw new Failure("lifetimeDays must be greater than 0", "RangeError");
  if (isSite(conversionSite)) return;
  const shown = toJson(conversionSite.length <= 100 ? conversionSite : `${slice(conversionSite, 0, 100)}...`);
  throw new Failure(`conversionSite: ${shown} is not a site (a host such as shop.example)`, "SyntaxError", true);
};

/** The frozen array of frozen dictionaries, the same at each reading. */
const listOfServices = () => {
  const list = [];
  for (let i = 0; i < config.services.length; i++) {
    const { name, apiVersion } = config.services[i];
    list[i] = freeze({ apiVersion, name });
  }
  return freeze(list);
};

const exposePrivateAttribution = () => {
  const name = "PrivateAttribution";
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(name, illegalConstructor(name));
  const services = nativeGetAggregationServices(attribute(name, (state) => state.services));
  defineAttribute(prototype, "aggregationServices", services);
  defineOperation(
    prototype,
    "saveImpression",
    nativeSaveImpression(
      operation(name, "saveImpression", 1, (state, args) => {
        const options = toPrivateAttributionImpressionOptions(args[0]);
        validateImpression(options);
        state.tell("saveImpression", options);
      }),
    ),
  );
  defineOperation(
    prototype,
    "measureConversion",
    nativeMeasureConversion(
      promiseOperation(name, "measureConversion", (state, args, context) => {
        const options = toPrivateAttributionConversionOptions(args[0]);
        return askWhileActive(state, "measureConversion", options, ({ report }) => bytesOf(report), context);
      }),
    ),
  );
  exposeInterface(name, interfaceObject, prototype);
  const object = platformObject(interfaceObject, newState(name, "privateAttribution", listOfServices()));
  const getter = nativeGetPrivateAttribution(navigatorAttribute("privateAttribution"));
  exposeOnNavigator("privateAttribution", getter, object);
};
