// `privateAggregation` while a function of an auction's script runs (Private Aggregation, sections 1 and 3).

const largestFilteringId = 255n;

/** What a signal may be calculated from. @type {Record<string, true>} */
const baseValues = createObject(null);
for (const name of [
  "winning-bid",
  "highest-scoring-other-bid",
  "script-run-time",
  "signals-fetch-time",
  "bid-reject-reason",
  "participating-ig-count",
  "average-code-fetch-time",
  "percent-scripts-timeout",
  "percent-igs-cumulative-timeout",
  "cumulative-buyer-time",
  "regular-igs-count",
  "percent-regular-ig-count-quota-used",
  "negative-igs-count",
  "percent-negative-ig-count-quota-used",
  "ig-storage-used",
  "percent-ig-storage-quota-used",
]) {
  baseValues[name] = true;
}

/**
 * A number of at most `bits` bits as a decimal text.
 *
 * @param {bigint} number
 * @param {number} bits
 * @param {string} [tooLarge]
 */
const decimal = (number, bits, tooLarge = "BigInt is too large") => {
  if (number < 0n) fail("BigInt must be non-negative");
  if (asUintN(bits, number) !== number) fail(tooLarge);
  return `${number}`;
};

/** @type {(value: number) => number} */
const checkValue = (value) => (value < 0 ? fail("Value must be non-negative") : value);

/** @type {(id: bigint | undefined) => string} */
const filteringIdText = (id = 0n) => {
  const text = decimal(id, 128);
  return id > largestFilteringId ? fail("Filtering ID is too large") : text;
};

/**
 * A contribution, of which nothing but its types is converted.
 *
 * @param {unknown} value
 * @param {string} method
 * @param {(value: any, prefix: string) => any} toBucket
 * @param {(value: any, prefix: string) => any} toValue
 */
const toAuctionContribution = (value, method, toBucket, toValue) => {
  const prefix = `privateAggregation.${method}() 'contribution' argument: `;
  const given = asDictionary(value, prefix);
  const bucket = toBucket(requiredField(given, "bucket", prefix), prefix);
  const { filteringId } = given;
  const id = filteringId === undefined ? undefined : toBigInt(filteringId);
  return bare({ bucket, value: toValue(requiredField(given, "value", prefix), prefix), filteringId: id });
};

/**
 * `{baseValue, scale, offset}`, of which nothing but its types is converted.
 *
 * @param {any} value
 * @param {string} prefix
 */
const toSignal = (value, prefix) => {
  const baseValue = toDOMString(requiredField(value, "baseValue", prefix));
  const { offset, scale: givenScale } = value;
  const scale = givenScale === undefined ? 1 : toNumber(givenScale);
  if (!isFiniteNumber(scale)) fail(`${prefix}Converting field 'scale' to a Number did not produce a finite double`);
  return bare({ baseValue, offset, scale });
};

/** @type {(convert: (value: any) => any) => (value: any, prefix: string) => any} */
const orSignal = (convert) => (value, prefix) => (isObject(value) ? toSignal(value, prefix) : convert(value));

/** @param {any} bucket a bigint or a signal */
const bucketMessage = (bucket) => {
  if (typeof bucket === "bigint") return decimal(bucket, 128);
  const { baseValue, offset = 0n, scale } = bucket;
  if (!baseValues[baseValue]) fail("Bucket's 'baseValue' is invalid");
  if (typeof offset !== "bigint") fail("Bucket's 'offset' must be BigInt");
  if (asUintN(128, offset < 0n ? -offset : offset) !== (offset < 0n ? -offset : offset)) fail("Bucket BigInt is too large");
  return bare({ baseValue, scale, offset: `${offset}` });
};

/** @param {any} value a long or a signal */
const valueMessage = (value) => {
  if (typeof value === "number") return checkValue(value);
  const { baseValue, offset = 0, scale } = value;
  if (!baseValues[baseValue]) fail("Value's 'baseValue' is invalid");
  if (typeof offset !== "number" || (offset | 0) !== offset) fail("Value's 'offset' must be a 32-bit signed integer");
  return bare({ baseValue, scale, offset: `${offset}` });
};

/**
 * @param {boolean} isAllowed by the permissions policy
 * @param {boolean} isReporting whether it is for `reportWin` or `reportResult`
 */
const newPrivateAggregation = (isAllowed, isReporting) => {
  const checkAllowed = () => {
    if (!isAllowed) fail('The "private-aggregation" Permissions Policy denied the method on privateAggregation');
  };
  return scriptObject({
    contributeToHistogram(args) {
      checkAllowed();
      checkCount(args, 1, "privateAggregation.contributeToHistogram");
      const { bucket, value, filteringId } = toAuctionContribution(args[0], "contributeToHistogram", toBigInt, toLong);
      const contribution = bare({ bucket: decimal(bucket, 128), value: checkValue(value), filteringId: "0" });
      contribution.filteringId = filteringIdText(filteringId);
      keep(record.contributions, contribution);
    },
    // The policy does not keep it from anything in Chromium 143, which then drops what it contributed.
    contributeToHistogramOnEvent(args) {
      const method = "contributeToHistogramOnEvent";
      checkCount(args, 2, `privateAggregation.${method}`);
      const event = toDOMString(args[0]);
      const given = toAuctionContribution(args[1], method, orSignal(toBigInt), orSignal(toLong));
      if (isReporting && event === "reserved.once") {
        fail(`privateAggregation.${method}() reserved.once is not available in reporting methods`);
      }
      const contribution = bare({ event, bucket: bucketMessage(given.bucket), value: valueMessage(given.value), filteringId: "0" });
      contribution.filteringId = filteringIdText(given.filteringId);
      if (isAllowed) keep(record.onEvent, contribution);
    },
    enableDebugMode(args) {
      checkAllowed();
      if (record.debug.enabled) fail("enableDebugMode may be called at most once");
      let key = null;
      if (args[0] !== undefined && args[0] !== null) {
        const prefix = "privateAggregation.enableDebugMode() 'options' argument: ";
        key = decimal(toBigInt(requiredField(asDictionary(args[0], prefix), "debugKey", prefix)), 64);
      }
      record.debug.enabled = true;
      record.debug.key = key;
    },
  });
};
