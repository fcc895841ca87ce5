// What the methods of Protected Audience are called with: Web IDL's conversions alone. What the values may be, the host
// decides; it is told what is absent as null.

/** @type {Conversion} */
const toAny = (value) => value;

/** `unsigned long long` and `unsigned short`, modulo 2^64 and 2^16. @type {(bits: number) => Conversion} */
const toUnsigned = (bits) => (value) => {
  const number = toNumber(value);
  return isFiniteNumber(number) ? +`${asUintN(bits, BigIntConstructor(truncate(number)))}` : 0;
};

/**
 * `record<USVString, T>`.
 *
 * @param {Conversion} convert
 * @returns {Conversion}
 */
const recordOf = (convert) => (value) => {
  if (!isObject(value)) fail("Only objects can be converted to record<K,V> types");
  const record = createObject(null);
  const keys = enumerableKeys(value);
  for (let i = 0; i < keys.length; i++) record[toWellFormed(keys[i])] = convert(value[keys[i]]);
  return record;
};

/** @type {(convert: Conversion) => Conversion} */
const orNull = (convert) => (value) => (value === undefined || value === null ? null : convert(value));

const toTexts = sequence(toUSVString);

const toAds = sequence(
  orEmpty(
    dictionary("AuctionAd", [
      { name: "adRenderId", convert: toDOMString },
      { name: "metadata", convert: toAny },
      { name: "renderURL", convert: toUSVString },
      { name: "renderUrl", convert: toUSVString },
    ]),
  ),
);

const toAuctionReportBuyersConfig = orEmpty(
  dictionary("ProtectedAudiencePrivateAggregationConfig", [
    { name: "aggregationCoordinatorOrigin", convert: toUSVString },
  ]),
);

const toInterestGroup = dictionary("AuctionAdInterestGroup", [
  { name: "adComponents", convert: toAds },
  { name: "ads", convert: toAds },
  { name: "biddingLogicURL", convert: toUSVString },
  { name: "biddingLogicUrl", convert: toUSVString },
  { name: "biddingWasmHelperURL", convert: toUSVString },
  { name: "biddingWasmHelperUrl", convert: toUSVString },
  { name: "enableBiddingSignalsPrioritization", convert: toBoolean },
  { name: "executionMode", convert: toDOMString },
  { name: "lifetimeMs", convert: toDouble },
  { name: "name", convert: toUSVString, required: true },
  { name: "owner", convert: toUSVString, required: true },
  { name: "priority", convert: toDouble },
  { name: "privateAggregationConfig", convert: toAuctionReportBuyersConfig },
  { name: "trustedBiddingSignalsKeys", convert: toTexts },
  { name: "trustedBiddingSignalsSlotSizeMode", convert: toDOMString },
  { name: "trustedBiddingSignalsURL", convert: toUSVString },
  { name: "trustedBiddingSignalsUrl", convert: toUSVString },
  { name: "updateURL", convert: toUSVString },
  { name: "updateUrl", convert: toUSVString },
  { name: "userBiddingSignals", convert: toAny },
]);

const toInterestGroupKey = dictionary("AuctionAdInterestGroupKey", [
  { name: "name", convert: toUSVString, required: true },
  { name: "owner", convert: toUSVString, required: true },
]);

const isAborted = uncurryGetter(AbortSignal.prototype, "aborted");
const reasonOf = uncurryGetter(AbortSignal.prototype, "reason");

/** @type {Conversion} */
const toAbortSignal = (value) => {
  try {
    isAborted(value);
    return value;
  } catch {
    return fail("Failed to convert value to 'AbortSignal'.");
  }
};

const toAuctionConfig = dictionary("AuctionAdConfig", [
  { name: "auctionSignals", convert: toAny },
  { name: "componentAuctions", convert: sequence((value) => toAuctionConfig(value)) },
  { name: "decisionLogicURL", convert: toUSVString },
  { name: "decisionLogicUrl", convert: toUSVString },
  { name: "interestGroupBuyers", convert: toTexts },
  { name: "perBuyerGroupLimits", convert: recordOf(toUnsigned(16)) },
  { name: "perBuyerSignals", convert: toAny },
  { name: "perBuyerTimeouts", convert: toAny },
  { name: "privateAggregationConfig", convert: toAuctionReportBuyersConfig },
  { name: "reportingTimeout", convert: toUnsigned(64) },
  { name: "resolveToConfig", convert: toAny },
  { name: "seller", convert: toUSVString, required: true },
  { name: "sellerSignals", convert: toAny },
  { name: "sellerTimeout", convert: toUnsigned(64) },
  { name: "signal", convert: toAbortSignal },
  { name: "trustedScoringSignalsURL", convert: toUSVString },
  { name: "trustedScoringSignalsUrl", convert: toUSVString },
]);

/**
 * `value` as JSON; undefined where there is no such text, or code of the page throws.
 *
 * @param {unknown} value
 * @returns {string | undefined}
 */
const jsonOf = (value) => {
  try {
    return toJson(value);
  } catch {
    return undefined;
  }
};

/**
 * A member that must have a JSON text, unless it is absent.
 *
 * @param {unknown} value
 * @param {() => string} subject the member, and whose
 */
const jsonMember = (value, subject) => {
  if (value === undefined) return null;
  return jsonOf(value) ?? fail(`${subject()} must be a JSON-serializable object.`);
};

/** @type {(given: Record<string, string> | undefined) => object | null} */
const messageOfPrivateAggregationConfig = (given) =>
  given === undefined ? null : bare({ aggregationCoordinatorOrigin: given.aggregationCoordinatorOrigin ?? null });

/**
 * @param {any[] | undefined} ads
 * @param {string} member
 * @param {string} ofGroup
 */
const messageOfAds = (ads, member, ofGroup) => {
  if (ads === undefined) return null;
  const list = bareArray();
  for (let i = 0; i < ads.length; i++) {
    const { adRenderId, metadata, renderURL, renderUrl } = ads[i];
    list[i] = bare({
      renderURL: renderURL ?? renderUrl ?? null,
      metadata: jsonMember(metadata, () => `${member}[${i}].metadata ${ofGroup}`),
      adRenderId: adRenderId ?? null,
    });
  }
  return list;
};

/** What the host is told of a group. @param {Record<string, any>} group converted */
const messageOfGroup = (group) => {
  const ofGroup = `for AuctionAdInterestGroup with owner '${group.owner}' and name '${group.name}'`;
  return bare({
    owner: group.owner,
    name: group.name,
    lifetimeMs: group.lifetimeMs ?? null,
    priority: group.priority ?? null,
    enableBiddingSignalsPrioritization: group.enableBiddingSignalsPrioritization ?? false,
    executionMode: group.executionMode ?? null,
    biddingLogicURL: group.biddingLogicURL ?? group.biddingLogicUrl ?? null,
    biddingWasmHelperURL: group.biddingWasmHelperURL ?? group.biddingWasmHelperUrl ?? null,
    updateURL: group.updateURL ?? group.updateUrl ?? null,
    trustedBiddingSignalsURL: group.trustedBiddingSignalsURL ?? group.trustedBiddingSignalsUrl ?? null,
    trustedBiddingSignalsKeys: group.trustedBiddingSignalsKeys ?? null,
    trustedBiddingSignalsSlotSizeMode: group.trustedBiddingSignalsSlotSizeMode ?? null,
    userBiddingSignals: jsonMember(group.userBiddingSignals, () => `userBiddingSignals ${ofGroup}`),
    ads: messageOfAds(group.ads, "ads", ofGroup),
    adComponents: messageOfAds(group.adComponents, "adComponents", ofGroup),
    privateAggregationConfig: messageOfPrivateAggregationConfig(group.privateAggregationConfig),
  });
};

/** A promised value, or one of a record, as JSON. @type {Conversion} */
const promisedJson = (value) => jsonOf(value) ?? fail("");
const toSignalsByBuyer = orNull(recordOf(promisedJson));
const toTimeoutsByBuyer = orNull(recordOf(toUnsigned(64)));

/**
 * What the host is told of an auction.
 *
 * @param {Record<string, any>} given converted
 * @param {{ auctionSignals: any, sellerSignals: any, perBuyerSignals: any, perBuyerTimeouts: any }} promised
 */
const messageOfAuctionConfig = (given, promised) =>
  bare({
    seller: given.seller,
    decisionLogicURL: given.decisionLogicURL ?? given.decisionLogicUrl ?? null,
    trustedScoringSignalsURL: given.trustedScoringSignalsURL ?? given.trustedScoringSignalsUrl ?? null,
    interestGroupBuyers: given.interestGroupBuyers ?? null,
    auctionSignals: orNull(promisedJson)(promised.auctionSignals),
    sellerSignals: orNull(promisedJson)(promised.sellerSignals),
    perBuyerSignals: toSignalsByBuyer(promised.perBuyerSignals),
    sellerTimeout: given.sellerTimeout ?? null,
    reportingTimeout: given.reportingTimeout ?? null,
    perBuyerTimeouts: toTimeoutsByBuyer(promised.perBuyerTimeouts),
    perBuyerGroupLimits: given.perBuyerGroupLimits ?? null,
    privateAggregationConfig: messageOfPrivateAggregationConfig(given.privateAggregationConfig),
    componentAuctions: given.componentAuctions?.length ?? 0,
  });
