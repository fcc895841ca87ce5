// The feature `attributionsrc` of window.open. Its value, which may be missing, is one percent-encoded URL; the feature
// may be repeated.

const featureSeparators = `${asciiWhitespace},=`;

/** @param {string} features @param {number} i */
const isSeparator = (features, i) => indexOf(featureSeparators, features[i]) >= 0;

/**
 * Tokenizes `features` (HTML, "tokenize the features argument").
 *
 * @param {string} features
 * @param {(name: string, value: string) => void} take the name in lower case
 */
const eachFeature = (features, take) => {
  const end = features.length;
  for (let i = 0; i < end; ) {
    while (i < end && isSeparator(features, i)) i++;
    const nameStart = i;
    while (i < end && !isSeparator(features, i)) i++;
    const name = toLowerCase(slice(features, nameStart, i));
    while (i < end && features[i] !== "=" && features[i] !== "," && isSeparator(features, i)) i++;
    let value = "";
    if (i < end && isSeparator(features, i)) {
      while (i < end && isSeparator(features, i) && features[i] !== ",") i++;
      const valueStart = i;
      while (i < end && !isSeparator(features, i)) i++;
      value = slice(features, valueStart, i);
    }
    if (name !== "") take(name, value);
  }
};

/** Whether a feature's value says yes (HTML, "parse a boolean feature"). @param {string} value */
const isOn = (value) => value === "" || value === "yes" || value === "true" || !!+value;

/** @param {string} text */
const percentDecoded = (text) => {
  try {
    return decodeUriComponent(text);
  } catch {
    return text; // not UTF-8
  }
};

/**
 * The background URLs that `features` ask for; undefined without the feature.
 *
 * @param {string} features
 */
const backgroundUrlsOf = (features) => {
  /** @type {{ urls?: string[], referrerPolicy: string }} */
  const found = bare({ urls: undefined, referrerPolicy: "" });
  eachFeature(features, (name, value) => {
    if (name === "noreferrer" && isOn(value)) found.referrerPolicy = "no-referrer";
    if (name !== "attributionsrc") return;
    found.urls ??= bareArray();
    const url = value === "" ? "" : resolveUrl(percentDecoded(value), baseUriOf(global.document));
    if (isSuitable(url)) found.urls[found.urls.length] = url;
  });
  return found;
};

/**
 * @param {string} target
 * @param {string} features
 */
const announceOpen = (target, features) => {
  if (!mayNavigateAsSource()) return;
  const { urls, referrerPolicy } = backgroundUrlsOf(features);
  const url = resolveUrl(target, baseUriOf(global.document));
  if (urls === undefined || (url === "" && target !== "")) return;
  const navigation = announceNavigation(url);
  requestInBackground(urls, referrerPolicy, { eligibility: navigating, navigation });
};

/** @type {Around} */
const aroundOpen = (native, receiver, args) => {
  const features = args[2];
  const mayName = typeof features === "string" ? mayNameAttribute(features) : isObject(features);
  if (!mayName) return apply(native, receiver, args);
  const converted = bareArray();
  for (let i = 0; i < 3; i++) {
    try {
      converted[i] = args[i] === undefined ? undefined : toUSVString(args[i]);
    } catch (failure) {
      if (Failure.is(failure)) return apply(native, receiver, args);
      throw failure;
    }
  }
  quietly(() => announceOpen(converted[0] ?? "", converted[2] ?? ""));
  return apply(native, receiver, converted);
};

const hookWindowOpen = () => hookMethod(global, "open", aroundOpen);
