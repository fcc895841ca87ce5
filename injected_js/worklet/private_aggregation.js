// `privateAggregation` in a shared storage worklet (Private Aggregation, section 1).

const privateAggregationInterface = "PrivateAggregation";

const toContribution = dictionary("PrivateAggregationHistogramContribution", [
  { name: "bucket", convert: toBigInt, required: true },
  { name: "filteringId", convert: toBigInt },
  { name: "value", convert: toLong, required: true },
]);

const toDebugModeOptions = dictionary("PrivateAggregationDebugModeOptions", [
  { name: "debugKey", convert: toBigInt, required: true },
]);

/** What can trigger a contribution of `contributeToHistogramOnEvent`. @type {Record<string, true>} */
const errorEvents = bare({
  "reserved.report-success": true,
  "reserved.too-many-contributions": true,
  "reserved.empty-report-dropped": true,
  "reserved.pending-report-limit-reached": true,
  "reserved.insufficient-budget": true,
  "reserved.contribution-timeout-reached": true,
  "reserved.uncaught-error": true,
});

/** @type {(message: string) => void} */
const warn = bind(console.warn, console);

/**
 * @param {bigint} number
 * @param {number} bits
 */
const fitsInBits = (number, bits) => asUintN(bits, number) === number;

const checkPolicy = () => {
  if (currentOperation()?.privateAggregationAllowed === false) {
    failWith(
      "InvalidAccessError",
      'The "private-aggregation" Permissions Policy denied the method on privateAggregation',
    );
  }
};

/**
 * What the host is told of a contribution.
 *
 * @param {{ bucket: bigint, value: number, filteringId?: bigint }} contribution
 */
const checkContribution = ({ bucket, value, filteringId = 0n }) => {
  if (!fitsInBits(bucket, 128)) {
    failWith("DataError", "contribution['bucket'] is negative or does not fit in 128 bits");
  }
  if (value < 0) failWith("DataError", "contribution['value'] is negative");
  if (!fitsInBits(filteringId, 8 * (currentOperation()?.filteringIdMaxBytes ?? 1))) {
    failWith("DataError", "contribution['filteringId'] is negative or does not fit in byte size");
  }
  return { bucket: `${bucket}`, value, filteringId: `${filteringId}` };
};

/**
 * Tells the host what the operation under way did. Outside of any, as in what a promise does that was left behind,
 * nothing counts.
 *
 * @param {string} method
 * @param {object} args
 */
const tellOfOperation = (method, args) => {
  const operation = currentOperation();
  if (operation === undefined || operation.ended) tellHost("lateContribution", bare({}));
  else tellHost(method, bare(args));
};

/** @type {(state: State, args: ArrayLike<any>) => void} */
const contributeToHistogram = (_, args) => {
  const contribution = toContribution(args[0]);
  checkPolicy();
  tellOfOperation("contribute", checkContribution(contribution));
};

/** @type {(state: State, args: ArrayLike<any>) => void} */
const contributeToHistogramOnEvent = (_, args) => {
  const event = toDOMString(args[0]);
  const given = toContribution(args[1]);
  checkPolicy();
  const contribution = checkContribution(given);
  if (slice(event, 0, 9) !== "reserved.") fail('event must begin with "reserved."');
  if (errorEvents[event]) tellOfOperation("contributeOnEvent", { event, ...contribution });
  else warn(`contributeToHistogramOnEvent: there is no event "${slice(event, 0, 100)}"; the contribution is ignored.`);
};

/** @type {(state: State, args: ArrayLike<any>) => void} */
const enableDebugMode = (_, args) => {
  const key = args[0] === undefined ? null : toDebugModeOptions(args[0]).debugKey;
  checkPolicy();
  const operation = currentOperation() ?? createObject(null);
  if (operation.debugModeAsked) failWith("DataError", "enableDebugMode may be called at most once");
  operation.debugModeAsked = true;
  if (key !== null && !fitsInBits(key, 64)) {
    failWith("DataError", "options['debugKey'] is negative or does not fit in 64 bits");
  }
  tellOfOperation("enableDebugMode", { key: key === null ? null : `${key}` });
};

/** The object that is `privateAggregation`. */
const exposePrivateAggregation = () => {
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(
    privateAggregationInterface,
    illegalConstructor(privateAggregationInterface),
  );
  /** @type {(name: string, length: number, run: (state: State, args: ArrayLike<any>) => void) => void} */
  const define = (name, length, run) => {
    const steps = operation(privateAggregationInterface, name, length, run);
    defineOperation(prototype, name, nativeMethod(name, length, steps));
  };
  define("contributeToHistogram", 1, contributeToHistogram);
  if (config.options.errorReporting) define("contributeToHistogramOnEvent", 2, contributeToHistogramOnEvent);
  define("enableDebugMode", 0, enableDebugMode);
  exposeInterface(privateAggregationInterface, interfaceObject, prototype);
  return platformObject(interfaceObject, stateWith(privateAggregationInterface));
};
