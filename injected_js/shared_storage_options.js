// What `run` and `selectURL` are called with: the conversions, and the checks that need no worklet (shared-storage
// section 5, private-aggregation section 2).

const { trunc: truncate } = Math;
const { MAX_SAFE_INTEGER: largestSafeInteger } = Number;
const { keys: enumerableKeys } = ObjectConstructor;
const originOfUrl = uncurryGetter(URL.prototype, "origin");

/** `object`. @type {Conversion} */
const toObject = (value) => (isObject(value) ? value : fail("Failed to convert value to 'object'."));

/** `[EnforceRange] unsigned long long`. @type {Conversion} */
const toEnforcedUnsignedLongLong = (value) => {
  const number = toNumber(value);
  if (!isFiniteNumber(number)) {
    fail(`Value is${number === number ? " infinite and" : ""} not of type 'unsigned long long'.`);
  }
  const integer = truncate(number) + 0; // never -0
  if (integer < 0 || integer > largestSafeInteger) fail("Value is outside the 'unsigned long long' value range.");
  return integer;
};

/**
 * The conversion where null and undefined stand for the dictionary without members.
 *
 * @param {Conversion} toDictionary
 * @returns {Conversion}
 */
const orEmpty = (toDictionary) => (value) =>
  toDictionary(value === undefined || value === null ? createObject(null) : value);

const toPrivateAggregationConfig = dictionary("SharedStoragePrivateAggregationConfig", [
  { name: "aggregationCoordinatorOrigin", convert: toUSVString },
  { name: "contextId", convert: toUSVString },
  { name: "filteringIdMaxBytes", convert: toEnforcedUnsignedLongLong },
  { name: "maxContributions", convert: toEnforcedUnsignedLongLong },
]);

/**
 * @typedef {object} RunOptions
 * @property {object} [data]
 * @property {boolean} [keepAlive]
 * @property {Record<string, any>} [privateAggregationConfig]
 * @property {boolean} [resolveToConfig]
 * @property {string} [savedQuery]
 */

/** @type {(value: any) => RunOptions} */
const toRunOptions = orEmpty(
  dictionary("SharedStorageRunOperationMethodOptions", [
    { name: "data", convert: toObject },
    { name: "keepAlive", convert: toBoolean },
    { name: "privateAggregationConfig", convert: orEmpty(toPrivateAggregationConfig) },
    { name: "resolveToConfig", convert: toBoolean },
    { name: "savedQuery", convert: toDOMString },
  ]),
);

const toUrlsWithMetadata = sequence(
  orEmpty(
    dictionary("SharedStorageUrlWithMetadata", [
      { name: "reportingMetadata", convert: toObject },
      { name: "url", convert: toUSVString, required: true },
    ]),
  ),
);

/**
 * `url` against the document's base, with its fragment; "" where there is no such URL.
 *
 * @param {string} url
 * @returns {string}
 */
const completeUrl = (url) => {
  try {
    return hrefOf(new URLConstructor(url, baseUriOf(global.document)));
  } catch {
    return "";
  }
};

/**
 * The URLs of `selectURL` as its operation gets them, with where to report each.
 *
 * @param {{ url: string, reportingMetadata?: object }[]} urls
 */
const checkedUrls = (urls) => {
  if (urls.length === 0 || urls.length > config.sharedStorage.maxUrls) {
    failAlone("DataError", 'Length of the "urls" parameter is not valid.');
  }
  const checked = bareArray();
  for (let i = 0; i < urls.length; i++) {
    const url = completeUrl(urls[i].url);
    if (url === "") failAlone("DataError", `The url "${urls[i].url}" is invalid.`);
    const { reportingMetadata } = urls[i];
    const metadata = reportingMetadata === undefined ? createObject(null) : checkedMetadata(reportingMetadata, i);
    checked[i] = bare({ url, reportingMetadata: metadata });
  }
  return checked;
};

/**
 * @param {Record<string, any>} metadata
 * @param {number} index of its URL
 * @returns {Record<string, string>} absolute URLs by event
 */
const checkedMetadata = (metadata, index) => {
  const keys = enumerableKeys(metadata);
  if (keys.length === 0) failAlone("DataError", "selectURL could not get reportingMetadata object attributes");
  const checked = createObject(null);
  for (let i = 0; i < keys.length; i++) {
    const text = metadata[keys[i]];
    if (typeof text !== "string") {
      failAlone("DataError", "selectURL reportingMetadata object attributes must be strings");
    }
    const url = completeUrl(text);
    if (slice(url, 0, 8) !== "https://") {
      const subject = `The metadata for the url at index ${index}`;
      failAlone("DataError", `${subject} has an invalid or non-HTTPS report_url parameter "${text}".`);
    }
    checked[toWellFormed(keys[i])] = url;
  }
  return checked;
};

/** @param {string} text without lone surrogates */
const utf8Length = (text) => {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    if (unit >= 0x80) length++;
    if (unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff)) length++;
  }
  return length;
};

const maxContextIdLength = 64;

/** The real renderer dies of one that is longer in UTF-8 alone. @param {string} contextId */
const checkContextId = (contextId) => {
  if (utf8Length(contextId) > maxContextIdLength) {
    failAlone("DataError", "contextId length cannot be larger than 64");
  }
};

/**
 * @param {string} text
 * @returns {string} the origin
 */
const checkedCoordinator = (text) => {
  let origin = "null";
  try {
    origin = originOfUrl(new URLConstructor(text));
  } catch {
    // No URL.
  }
  if (origin === "null") failAlone("SyntaxError", "aggregationCoordinatorOrigin must be a valid origin");
  const { coordinators } = config.sharedStorage;
  for (let i = 0; i < coordinators.length; i++) if (coordinators[i] === origin) return origin;
  return failAlone("DataError", "aggregationCoordinatorOrigin must be on the allowlist");
};

/**
 * What the host is told of `privateAggregationConfig`.
 *
 * @param {Record<string, any>} [options]
 */
const checkedPrivateAggregationConfig = (options = createObject(null)) => {
  const { aggregationCoordinatorOrigin, contextId, filteringIdMaxBytes, maxContributions } = options;
  if (contextId !== undefined) checkContextId(contextId);
  const coordinator = aggregationCoordinatorOrigin === undefined ? null : checkedCoordinator(aggregationCoordinatorOrigin);
  if (filteringIdMaxBytes === 0) failAlone("DataError", "filteringIdMaxBytes must be positive");
  if (filteringIdMaxBytes > 8) failAlone("DataError", "filteringIdMaxBytes is too big");
  if (maxContributions === 0) failAlone("DataError", "maxContributions must be positive");
  return bare({
    contextId: contextId ?? null,
    filteringIdMaxBytes: filteringIdMaxBytes ?? 1,
    aggregationCoordinatorOrigin: coordinator,
    maxContributions: maxContributions ?? null,
  });
};
