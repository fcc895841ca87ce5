// "Parse a site" as far as an answer is due at once: whether a text names a site (W3C Attribution, section 3.4).

/** What ends or changes the host inside a URL, so that a host alone must not contain it. */
const notInHost = "/\\?#@: \t\n\r";

/**
 * Whether a host name of at least two labels is itself a public suffix. `publicSuffixRules` has, for each domain, the
 * labels below it that make a suffix: "/uk ac co gov /ck * !www ...".
 *
 * @param {string} host
 */
const isPublicSuffix = (host) => {
  const dot = indexOf(host, ".");
  const start = indexOf(publicSuffixRules, `/${slice(host, dot + 1)} `);
  if (start < 0) return false;
  const labels = slice(publicSuffixRules, start, indexOf(publicSuffixRules, "/", start + 1));
  const label = slice(host, 0, dot);
  if (indexOf(labels, ` ${label} `) >= 0) return true;
  return indexOf(labels, " * ") >= 0 && indexOf(labels, ` !${label} `) < 0;
};

/**
 * The URL parser's host, or "" where it gives none.
 *
 * @param {string} text
 * @returns {string}
 */
const hostOf = (text) => {
  try {
    return hostnameOf(new URLConstructor(`https://${text}/`));
  } catch {
    return "";
  }
};

/**
 * Punycode's decoder (RFC 3492, section 6.2); "" for what it cannot decode.
 *
 * @param {string} text what follows "xn--"
 * @returns {string}
 */
const decodePunycode = (text) => {
  const delimiter = lastIndexOf(text, "-");
  let decoded = delimiter > 0 ? slice(text, 0, delimiter) : "";
  let length = decoded.length; // in code points
  let next = delimiter > 0 ? delimiter + 1 : 0;
  let codePoint = 128;
  let bias = 72;
  let i = 0;
  while (next < text.length) {
    const start = i;
    let weight = 1;
    for (let k = 36; ; k += 36) {
      const digit = indexOf("abcdefghijklmnopqrstuvwxyz0123456789", text[next++] ?? " ");
      if (digit < 0) return "";
      i += digit * weight;
      const threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
      if (digit < threshold) break;
      weight *= 36 - threshold;
    }
    length++;
    let delta = start === 0 ? floor(i / 700) : floor((i - start) / 2);
    delta += floor(delta / length);
    for (bias = 0; delta > 455; bias += 36) delta = floor(delta / 35);
    bias += floor((36 * delta) / (delta + 38));
    codePoint += floor(i / length);
    i %= length;
    if (codePoint > 0x10ffff) return "";
    decoded = insertAt(decoded, i++, fromCodePoint(codePoint));
  }
  return decoded;
};

/**
 * @param {string} text
 * @param {number} position in code points
 * @param {string} character
 */
const insertAt = (text, position, character) => {
  let at = 0;
  for (; position > 0; position--) at += (charCodeAt(text, at) & 0xfc00) === 0xd800 ? 2 : 1;
  return slice(text, 0, at) + character + slice(text, at);
};

/**
 * Whether every label "xn--..." of the host stands for a name. Chromium's URL parser lets others pass; the URL Standard
 * does not.
 *
 * @param {string} host
 */
const hasValidALabels = (host) => {
  for (let start = 0; start < host.length; ) {
    const dot = indexOf(host, ".", start);
    const end = dot < 0 ? host.length : dot;
    const label = slice(host, start, end);
    if (slice(label, 0, 4) === "xn--" && hostOf(decodePunycode(slice(label, 4))) !== label) return false;
    start = end + 1;
  }
  return true;
};

/** @param {string} text */
const parseHost = (text) => {
  for (let i = 0; i < notInHost.length; i++) {
    if (indexOf(text, notInHost[i]) >= 0) return "";
  }
  const host = hostOf(text);
  return hasValidALabels(host) ? host : "";
};

/**
 * Whether `text` is a host that has a registrable domain and is not localhost.
 *
 * @param {string} text
 * @returns {boolean}
 */
const isSite = (text) => {
  const host = parseHost(text);
  if (host === "localhost" || slice(host, -10) === ".localhost") return config.allowLocalhost;
  const name = slice(host, -1) === "." ? slice(host, 0, -1) : host;
  const last = slice(name, lastIndexOf(name, ".") + 1);
  if (last === "" || last === name) return false; // nothing, a single label, or an empty last label
  const code = charCodeAt(last, 0);
  if (code >= 48 && code <= 57 && isFiniteNumber(+last)) return false; // the host parser leaves only IPv4 so
  if (name[0] === "." || indexOf(name, "..") >= 0) return true; // the list ends at an empty label
  return !isPublicSuffix(name);
};
