// Elements with `attributionsrc` or `sharedstoragewritable`, and frames with urns, that a script makes from markup, or as
// copies of others. They are looked for at once.

const soughtElements = `img[attributionsrc],script[attributionsrc],${writableElements},${framesWithUrns}`;
const soughtTexts = bare(["attributionsrc", writableAttribute, urnStart]);

/** @param {unknown} text */
const mayNameAttribute = (text) => {
  if (typeof text !== "string") return true;
  const lower = toLowerCase(text);
  for (let i = 0; i < soughtTexts.length; i++) if (indexOf(lower, soughtTexts[i]) >= 0) return true;
  return false;
};

/** @param {any} element */
const actOnNew = (element) => {
  if (!weakHas(actedOn, element) && isRegistering(element)) actAndAnnounce(element);
  actOnNewWritable(element);
  if (isFrame(element) && isUrn(getAttribute(element, "src"))) watchFrames();
};

/** @param {any} root a document, fragment, shadow root or element */
const actOnNewInside = (root) => {
  const type = isObject(root) ? nodeTypeOf(root) : 0;
  const find = type === 1 ? findInElement : type === 9 ? findInDocument : type === 11 ? findInFragment : undefined;
  if (find === undefined) return;
  const found = find(root, soughtElements);
  const length = lengthOfNodes(found);
  for (let i = 0; i < length; i++) actOnNew(found[i]);
};

/** @param {any} root */
const actOnTree = (root) => {
  if (!isObject(root)) return;
  if (nodeTypeOf(root) !== 1) return actOnNewInside(root);
  actOnNew(root);
  if (firstElementIn(root) !== null) actOnNewInside(root);
};

/** Around what makes the children of its receiver from markup. @type {Around} */
const aroundInnerMarkup = (native, receiver, args) => {
  const result = apply(native, receiver, args);
  if (mayNameAttribute(args[0])) quietly(() => actOnTree(receiver));
  return result;
};

/** @type {(first: any, end: any) => void} */
const actOnSiblings = (first, end) => {
  for (let node = first; node !== null && node !== end; node = nextSiblingOf(node)) actOnTree(node);
};

/** What stands around a node's place, and in it. @param {any} node */
const surroundingsOf = (node) =>
  bare({
    parent: parentOf(node),
    previous: previousSiblingOf(node),
    next: nextSiblingOf(node),
    first: firstChildOf(node),
    last: lastChildOf(node),
  });

/** @param {{ parent: any, previous: any }} before */
const firstAfter = ({ parent, previous }) => {
  if (previous !== null) return nextSiblingOf(previous);
  return parent === null ? null : firstChildOf(parent);
};

/** @param {any} value */
const isNode = (value) => {
  try {
    return nodeTypeOf(value) > 0;
  } catch {
    return false;
  }
};

/** @type {Around} */
const aroundInsertAdjacent = (native, receiver, args) => {
  if (!mayNameAttribute(args[1])) return apply(native, receiver, args);
  const before = isNode(receiver) ? surroundingsOf(receiver) : undefined;
  const result = apply(native, receiver, args);
  quietly(() => {
    if (before === undefined) return;
    actOnSiblings(firstAfter(before), receiver);
    actOnSiblings(nextSiblingOf(receiver), before.next);
    actOnSiblings(firstChildOf(receiver), before.first);
    if (before.last !== null) actOnSiblings(nextSiblingOf(before.last), null);
  });
  return result;
};

/** @type {Around} */
const aroundOuterMarkup = (native, receiver, args) => {
  if (!mayNameAttribute(args[0])) return apply(native, receiver, args);
  const before = isNode(receiver) ? surroundingsOf(receiver) : undefined;
  const result = apply(native, receiver, args);
  quietly(() => {
    if (before !== undefined) actOnSiblings(firstAfter(before), before.next);
  });
  return result;
};

/** Around what returns new nodes. @type {Around} */
const aroundNewNodes = (native, receiver, args) => {
  const result = apply(native, receiver, args);
  quietly(() => actOnTree(result));
  return result;
};

/** @type {Around} */
const aroundParse = (native, receiver, args) => {
  const result = apply(native, receiver, args);
  if (mayNameAttribute(args[0])) quietly(() => actOnTree(result));
  return result;
};

const hookMarkup = () => {
  const inner = [Element.prototype, ShadowRoot.prototype];
  for (let i = 0; i < inner.length; i++) {
    hookSetter(inner[i], "innerHTML", aroundInnerMarkup);
    hookMethod(inner[i], "setHTMLUnsafe", aroundInnerMarkup);
    hookMethod(inner[i], "setHTML", aroundInnerMarkup);
  }
  hookSetter(Element.prototype, "outerHTML", aroundOuterMarkup);
  hookMethod(Element.prototype, "insertAdjacentHTML", aroundInsertAdjacent);
  hookMethod(Range.prototype, "createContextualFragment", aroundParse);
  hookMethod(Range.prototype, "cloneContents", aroundNewNodes);
  hookMethod(Range.prototype, "extractContents", aroundNewNodes);
  hookMethod(Node.prototype, "cloneNode", aroundNewNodes);
  hookMethod(Document.prototype, "importNode", aroundNewNodes);
  hookMethod(DOMParser.prototype, "parseFromString", aroundParse);
  hookMethod(Document, "parseHTMLUnsafe", aroundParse);
};
