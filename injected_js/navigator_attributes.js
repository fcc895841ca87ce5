// `[SecureContext, SameObject] readonly attribute` on Navigator.

/** What the attributes of this realm's Navigator give, by name. @type {Record<string, object>} */
const attributesOfNavigator = createObject(null);
const clipboardOf = uncurryGetter(Navigator.prototype, "clipboard");

/**
 * The steps of the getter. Another realm's Navigator is asked through its clipboard, an event target that each has.
 *
 * @param {string} name
 * @returns {Steps}
 */
const navigatorAttribute = (name) => (callee, receiver) => {
  if (receiver === ownNavigator) return attributesOfNavigator[name];
  let clipboard;
  try {
    clipboard = clipboardOf(receiver);
  } catch {
    throw exceptionOf(new Failure("Illegal invocation"), "", callee);
  }
  return foreignStateOf(clipboard)?.[/** @type {keyof State} */ (name)];
};

/**
 * @param {string} name
 * @param {Function} get
 * @param {object} value
 */
const exposeOnNavigator = (name, get, value) => {
  attributesOfNavigator[name] = value;
  defineAttribute(/** @type {object} */ (getPrototypeOf(ownNavigator)), name, get);
};

/** Lets other realms read the attributes of this realm's Navigator. */
const openToOtherRealms = () => {
  const clipboard = clipboardOf(ownNavigator);
  if (isObject(clipboard)) answerKnocks(/** @type {any} */ (clipboard), attributesOfNavigator);
};
