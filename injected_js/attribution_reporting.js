// Attribution Reporting: what all ways to register share. The requests are native ones. What each may register is told
// to the host before it starts: by a token that travels in `Accept`, a field that needs no preflight, where the script
// makes the request; by its URL where the browser does.

const attributionApi = "attributionReporting";

/** Whether this document's requests can be eligible for anything. */
const mayRegister = () =>
  config.attributionReporting && inSecureContext && isFeatureAllowed(attributionReportingFeature);

const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * 90 random bits, and a last character for what may be registered. The host looks at that one where the announcement is
 * lost, as in a document's last moments, and believes no more of it than any page may ask for.
 *
 * @param {string} ending
 */
const newToken = (ending) => {
  const bytes = getRandomValues(ownCrypto, new Uint8ArrayConstructor(15));
  let text = "";
  for (let i = 0; i < 15; i++) text += tokenAlphabet[bytes[i] & 63];
  return text + ending;
};

/** @type {Record<string, string>} */
const tokenEndings = bare({
  empty: "0",
  trigger: "1",
  "event-source": "2",
  "event-source-or-trigger": "3",
  "navigation-source": "n",
});

/** For requests whose responses may write to Shared Storage, too. @type {Record<string, string>} */
const writableTokenEndings = bare({
  empty: "A",
  trigger: "B",
  "event-source": "C",
  "event-source-or-trigger": "D",
});

/** @type {(method: string, options: object) => void} */
const announce = (method, options) => send(0, attributionApi, method, bare(options));

const alsoWritable = bare({ sharedStorageWritable: true });

/** What `Accept` must contain. @param {string} token */
const acceptWith = (token) => `*/*;${config.acceptParameter}=${token}`;

/**
 * Announces a request that the script makes.
 *
 * @param {{ eligibility: string, kind: string, url?: string, navigation?: number }} options
 * @param {boolean} [sharedStorageWritable] whether its responses may write to Shared Storage
 * @returns {string} what its `Accept` must contain
 */
const announceRequest = (options, sharedStorageWritable = false) => {
  const endings = sharedStorageWritable ? writableTokenEndings : tokenEndings;
  const token = newToken(endings[options.eligibility]);
  announce("request", { token, ...bare(options), ...(sharedStorageWritable ? alsoWritable : undefined) });
  return acceptWith(token);
};

/**
 * `url` against `base`, without its fragment; "" where there is no such URL.
 *
 * @param {string} url
 * @param {string} base
 * @returns {string}
 */
const resolveUrl = (url, base) => {
  try {
    const resolved = new URLConstructor(url, base);
    const hash = hashOf(resolved);
    const href = hrefOf(resolved);
    return hash === "" ? href : slice(href, 0, href.length - hash.length);
  } catch {
    return "";
  }
};

/**
 * Whether a URL's origin may be a reporting origin: http or https, and potentially trustworthy.
 *
 * @param {string} url absolute
 */
const isSuitable = (url) => {
  if (slice(url, 0, 8) === "https://") return true;
  if (slice(url, 0, 7) !== "http://") return false;
  const host = hostnameOf(new URLConstructor(url));
  return (
    host === "localhost" ||
    host === "[::1]" ||
    slice(host, -10) === ".localhost" ||
    // The URL parser writes every IPv4 address as four decimal numbers, and lets no other name end in a number.
    (slice(host, 0, 4) === "127." && +host[host.length - 1] >= 0)
  );
};

/**
 * @param {string} text
 * @param {string} base
 * @returns {string[]} the suitable URLs among its words
 */
const suitableUrls = (text, base) => {
  const urls = bareArray();
  for (let start = 0, i = 0; i <= text.length; i++) {
    if (i < text.length && indexOf(asciiWhitespace, text[i]) < 0) continue;
    const url = start < i ? resolveUrl(slice(text, start, i), base) : "";
    if (isSuitable(url)) urls[urls.length] = url;
    start = i + 1;
  }
  return urls;
};

const asciiWhitespace = " \t\n\f\r";
const ignoreResult = () => undefined;

/**
 * Starts the background requests of one element or call. No document runs before it is shown: of what a page wants
 * prerendered the browser only fetches ahead while a host is attached.
 *
 * @param {string[]} urls
 * @param {string} referrerPolicy
 * @param {{ eligibility: string, navigation?: number }} what
 */
const requestInBackground = (urls, referrerPolicy, what) => {
  for (let i = 0; i < urls.length; i++) requestOneInBackground(urls[i], referrerPolicy, what);
};

/** @type {(url: string, referrerPolicy: string, what: { eligibility: string, navigation?: number }) => void} */
const requestOneInBackground = (url, referrerPolicy, what) => {
  const Accept = announceRequest({ kind: "background", url, ...what });
  const init = bare({
    credentials: "include",
    headers: bare({ Accept }),
    keepalive: true,
    mode: "no-cors",
    referrerPolicy,
  });
  const result = apply(nativeFetch, global, [url, init]);
  defineProperty(result, "constructor", bare({ value: undefined })); // a page's own is not to be looked at
  thenOf(result, ignoreResult, ignoreResult);
};

const referrerPolicies =
  " no-referrer no-referrer-when-downgrade same-origin origin strict-origin origin-when-cross-origin " +
  "strict-origin-when-cross-origin unsafe-url ";

/**
 * The policy of an element's background requests: its `referrerpolicy`, else the document's.
 *
 * @param {Element} element
 */
const referrerPolicyOf = (element) => {
  const value = toLowerCase(getAttribute(element, "referrerpolicy") ?? "");
  return indexOf(value, " ") < 0 && indexOf(referrerPolicies, ` ${value} `) >= 0 ? value : "";
};
