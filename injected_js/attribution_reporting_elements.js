// `attributionsrc` on img and script: each time it is set on an element of this document, connected or not, the URLs in
// it are requested; and the element's own request may register too, as long as the attribute is there.

const htmlNamespace = "http://www.w3.org/1999/xhtml";
const registering = { eligibility: "event-source-or-trigger" };

/** Elements whose attribute has been acted on, or was born where it has no effect. @type {WeakSet<object>} */
const actedOn = new WeakSetConstructor();

/**
 * @param {any} value
 * @returns {value is Element} an img or script with the attribute
 */
const isRegistering = (value) => {
  if (!hasAttribute(value, "attributionsrc")) return false;
  const name = localNameOf(value);
  return (name === "img" || name === "script") && namespaceOf(value) === htmlNamespace;
};

/**
 * Acts on an element whose attribute was just set.
 *
 * @param {Element} element
 */
const act = (element) => {
  weakAdd(actedOn, element);
  const owner = ownerDocumentOf(element);
  const view = windowOf(owner);
  if (view === null) return; // in a template, say: such elements never register
  if (owner !== global.document) actElsewhere(element, view);
  else if (mayRegister()) {
    const urls = suitableUrls(getAttribute(element, "attributionsrc"), baseUriOf(element));
    requestInBackground(urls, referrerPolicyOf(element), registering);
  }
};

/**
 * Leaves the element to the scripts of its own document's realm.
 *
 * @param {Element} element
 * @param {Window} view
 */
const actElsewhere = (element, view) => {
  try {
    /** @type {any} */ (foreignStateOf(clipboardOf(navigatorOf(view))))?.actOnAttributionSrc(element);
  } catch {
    // Its realm cannot be reached: not a secure context, so it has no such interface.
  }
};

/** Whether the elements acted on are those that the document's parser has just inserted by itself. */
let isParsing = false;

/**
 * Announces the element's own request, which may be under way. The host may hear of some that never start.
 *
 * @param {Element} element
 * @param {string} url
 */
const announceElement = (element, url) => {
  if (url === "" || !mayRegister() || ownerDocumentOf(element) !== global.document) return;
  announce("element", { destination: localNameOf(element) === "img" ? "image" : "script", parsed: isParsing, url });
};

/**
 * Calls `take` with each URL of a `srcset` (HTML, "parse a srcset attribute").
 *
 * @param {string} srcset
 * @param {(url: string) => void} take
 */
const eachCandidate = (srcset, take) => {
  const end = srcset.length;
  for (let i = 0; i < end; ) {
    while (i < end && indexOf(`${asciiWhitespace},`, srcset[i]) >= 0) i++;
    const start = i;
    while (i < end && indexOf(asciiWhitespace, srcset[i]) < 0) i++;
    let stop = i;
    while (stop > start && srcset[stop - 1] === ",") stop--;
    if (stop > start) take(slice(srcset, start, stop));
    if (stop < i) continue;
    for (let depth = 0; i < end && (srcset[i] !== "," || depth > 0); i++) {
      if (srcset[i] === "(") depth++;
      else if (srcset[i] === ")") depth--;
    }
  }
};

/**
 * Calls `take` with each URL that the element may load; which one is the browser's affair.
 *
 * @param {Element} element
 * @param {(url: string) => void} take gets "" for one that is no URL
 */
const eachSource = (element, take) => {
  const base = baseUriOf(element);
  const source = getAttribute(element, "src") ?? "";
  if (source !== "") take(resolveUrl(source, base));
  const srcset = localNameOf(element) === "img" ? getAttribute(element, "srcset") : null;
  if (srcset !== null) eachCandidate(srcset, (url) => take(resolveUrl(url, base)));
};

/** @param {Element} element */
const announceSource = (element) => eachSource(element, (url) => announceElement(element, url));

/** @param {Element} element whose attribute was just set by a script */
const actAndAnnounce = (element) => {
  act(element);
  announceSource(element);
};

/**
 * Runs what follows a native step. The page sees what the native step does, and nothing else.
 *
 * @param {() => void} follow
 */
const quietly = (follow) => {
  try {
    follow();
  } catch {
    // The stack is used up, say.
  }
};

/** @param {any} element whose attribute a script may have set */
const attributeChanged = (element) => {
  if (isRegistering(element)) actAndAnnounce(element);
};

/** @param {any} element whose src or srcset a script may have set */
const sourceChanged = (element) => {
  if (isRegistering(element)) announceSource(element);
  writableChanged(element);
  if (isFrame(element) && isUrn(getAttribute(element, "src"))) urnGiven(element);
};

/**
 * What follows a change of the attribute `name`, if anything does.
 *
 * @param {unknown} name
 * @returns {((element: any) => void) | undefined}
 */
const followerOf = (name) => {
  if (typeof name !== "string") return undefined;
  const { length } = name;
  if (length !== 14 && length !== 3 && length !== 6 && length !== 21) return undefined;
  const lower = toLowerCase(name);
  if (lower === "attributionsrc") return attributeChanged;
  if (lower === writableAttribute) return writableChanged;
  return lower === "src" || lower === "srcset" ? sourceChanged : undefined;
};

/**
 * Around a method of Element that sets the attribute which argument `position` names.
 *
 * @param {number} position
 * @returns {Around}
 */
const aroundSet = (position) => (native, receiver, args) => {
  const follow = followerOf(args[position]);
  if (follow === undefined) return apply(native, receiver, args);
  if (isBeingParsed) quietly(() => actOnParsed(receiver));
  const result = apply(native, receiver, args);
  quietly(() => follow(receiver));
  return result;
};

/** @type {Around} */
const aroundSetAttribute = (native, receiver, args) =>
  (followerOf(args[0]) === sourceChanged ? setSource : setOther)(native, receiver, args);
const setOther = aroundSet(0);
const setSource = aroundUrn(1, setOther);

/** Acts on an element that the parser has made and nobody has seen, before a script changes it. @param {any} element */
const actOnParsed = (element) => {
  if (!weakHas(actedOn, element) && isRegistering(element)) act(element);
};

/** @type {Around} */
const aroundToggle = (native, receiver, args) => {
  const follow = followerOf(args[0]);
  if (follow === undefined || hasAttribute(receiver, args[0])) return apply(native, receiver, args);
  const result = apply(native, receiver, args);
  if (result) quietly(() => follow(receiver));
  return result;
};

/**
 * Around what sets the value of an Attr, or an Attr on an element.
 *
 * @param {(receiver: any, args: ArrayLike<any>) => any} attrOf
 * @returns {Around}
 */
const aroundAttr = (attrOf) => (native, receiver, args) => {
  const result = apply(native, receiver, args);
  quietly(() => {
    const attr = attrOf(receiver, args);
    const element = ownerElementOf(attr);
    if (element !== null) followerOf(nameOfAttr(attr))?.(element);
  });
  return result;
};

/** @type {(follow: (element: any) => void) => Around} */
const aroundSetter = (follow) => (native, receiver, args) => {
  if (isBeingParsed) quietly(() => actOnParsed(receiver));
  const result = apply(native, receiver, args);
  quietly(() => follow(receiver));
  return result;
};

const hookElements = () => {
  hookMethod(Element.prototype, "setAttribute", aroundSetAttribute, nativeSetAttribute);
  hookMethod(Element.prototype, "setAttributeNS", aroundSet(1));
  hookMethod(Element.prototype, "toggleAttribute", aroundToggle);
  const aroundSetAttr = aroundAttr((_, args) => args[0]);
  hookMethod(Element.prototype, "setAttributeNode", aroundSetAttr);
  hookMethod(Element.prototype, "setAttributeNodeNS", aroundSetAttr);
  hookMethod(NamedNodeMap.prototype, "setNamedItem", aroundSetAttr);
  hookMethod(NamedNodeMap.prototype, "setNamedItemNS", aroundSetAttr);
  hookSetter(Attr.prototype, "value", aroundAttr((attr) => attr));
  const prototypes = [HTMLImageElement.prototype, HTMLScriptElement.prototype];
  for (let i = 0; i < prototypes.length; i++) {
    hookSetter(prototypes[i], "attributionSrc", aroundSetter(attributeChanged), nativeSetAttributionSrc);
    hookSetter(prototypes[i], "src", aroundSetter(sourceChanged));
  }
  hookSetter(HTMLImageElement.prototype, "srcset", aroundSetter(sourceChanged));
  hookSetter(HTMLIFrameElement.prototype, "src", aroundUrn(0, aroundSetter(sourceChanged)));
  hookGetter(HTMLIFrameElement.prototype, "src", aroundGetSource);
  attributesOfNavigator.actOnAttributionSrc = act;
};
