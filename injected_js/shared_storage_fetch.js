// `sharedStorageWritable` of RequestInit (shared-storage section 9).

/** @type {Member} */
const writableMember = bare({ name: "sharedStorageWritable", convert: toBoolean });

/**
 * What a RequestInit says of its request; undefined where it does not say.
 *
 * @param {any} init
 * @returns {boolean | undefined}
 */
const writableInInit = (init) => {
  if (!isObject(init)) return undefined;
  const { sharedStorageWritable } = readAlone(writableMember, "RequestInit", init);
  if (sharedStorageWritable !== undefined && !inSecureContext) {
    fail("sharedStorageWritable: sharedStorage operations are only available in secure contexts.");
  }
  return sharedStorageWritable;
};

/** @param {string} url of a request whose RequestInit has the member */
const checkWritableUrl = (url) => {
  if (originOfUrl(new URLConstructor(url)) !== "null") return;
  fail("sharedStorageWritable: sharedStorage operations are not available for opaque origins.");
};

/**
 * Announces a request that may do nothing else.
 *
 * @param {string} url
 * @returns {string} what its `Accept` must contain
 */
const announceWritableRequest = (url) => {
  const token = newToken("s");
  send(0, sharedStorageApi, "request", bare({ token, url }));
  return acceptWith(token);
};
