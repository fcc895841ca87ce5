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

/** @param {string} text */
const parseHost = (text) => {
  for (let i = 0; i < notInHost.length; i++) {
    if (indexOf(text, notInHost[i]) >= 0) return "";
  }
  try {
    return hostnameOf(new URLConstructor(`https://${text}/`));
  } catch {
    return "";
  }
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
