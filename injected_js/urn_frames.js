// Iframes whose `src` is the urn that stands for a selected URL. To this Chromium a urn is something that another
// application may open, and it asks the user for one. So where a script gives a frame a urn, the attribute is set in a
// namespace of its own, where the page finds it and the browser does not. The frame stays blank, and no load is heard,
// until the operation has ended; then the URL is put in the place of its blank document. Nothing is watched until the
// document has to do with a urn.

const urnStart = "urn:uuid:";
const urnNamespace = "urn";
const framesWithUrns = `iframe[*|src^="${urnStart}"]`;
const watchedFrames = `${framesWithUrns},fencedframe`;
const newUrn = () => urnStart + randomUuid(ownCrypto);

/** @param {unknown} value */
const isUrn = (value) => typeof value === "string" && slice(value, 0, urnStart.length) === urnStart;

const addedNodesOf = uncurryGetter(MutationRecord.prototype, "addedNodes");
const removedNodesOf = uncurryGetter(MutationRecord.prototype, "removedNodes");
const observe = uncurryThis(MutationObserver.prototype.observe);
const targetOfRecord = uncurryGetter(MutationRecord.prototype, "target");
const typeOfRecord = uncurryGetter(MutationRecord.prototype, "type");
const currentTargetOf = uncurryGetter(Event.prototype, "currentTarget");
const stopImmediately = uncurryThis(Event.prototype.stopImmediatePropagation);
const hasAttributeNS = uncurryThis(Element.prototype.hasAttributeNS);
const removeAttribute = uncurryThis(Element.prototype.removeAttribute);
const setAttributeNS = uncurryThis(Element.prototype.setAttributeNS);
const contentWindowOf = uncurryGetter(HTMLIFrameElement.prototype, "contentWindow");
const { MutationObserver: MutationObserverConstructor } = global;

/** The window in which a frame was last seen to. @type {WeakMap<object, object>} */
const windowsOfFrames = new WeakMapConstructor();
/** The window whose blank document was replaced. @type {WeakMap<object, object>} */
const shownWindows = new WeakMapConstructor();

let isReplacing = false;

/** Replaces this document; `location` and its methods are unforgeable. @param {string} url */
const replaceOwnDocument = (url) => {
  isReplacing = true;
  try {
    global.location.replace(url);
  } finally {
    isReplacing = false;
  }
};

// What was selected, no `navigate` event tells. No listener of the page's comes before this one.
addEventListenerTo(navigation, "navigate", (/** @type {Event} */ event) => isReplacing && stopImmediately(event), true);

/**
 * Whether a frame may show a URL: code of the page's would run in the page itself, and know that it was selected.
 *
 * @param {string | undefined} url absolute
 * @returns {url is string}
 */
const mayBeShown = (url) => url !== undefined && slice(url, 0, 11) !== "javascript:";

/**
 * Replaces the blank document of a frame. It does so itself where it can be reached, so that no referrer is sent.
 *
 * @param {Window} view
 * @param {string} url
 */
const replaceDocument = (view, url) => {
  try {
    /** @type {any} */ (foreignStateOf(clipboardOf(navigatorOf(view)))).replaceOwnDocument(url);
  } catch {
    view.location.replace(url); // of an opaque origin
  }
};

/**
 * Asks what a frame's urn stands for, and shows it, unless the frame has been given something else by then.
 *
 * @param {any} frame an iframe of this document
 */
const showSelected = (frame) => {
  const urn = getAttribute(frame, "src");
  const view = contentWindowOf(frame);
  if (!isUrn(urn) || view === null) return;
  weakSet(windowsOfFrames, frame, view);
  const show = (/** @type {string | undefined} */ url) => {
    if (!mayBeShown(url) || contentWindowOf(frame) !== view || getAttribute(frame, "src") !== urn) return;
    weakSet(shownWindows, frame, view);
    replaceDocument(view, url);
  };
  afterwards(ask(sharedStorageApi, "resolveUrn", bare({ urn }), ({ url }) => url, ""), show, ignoreResult);
};

/** @param {any} frame that may have been seen to already */
const showSelectedOnce = (frame) => {
  if (weakGet(windowsOfFrames, frame) !== contentWindowOf(frame)) showSelected(frame);
};

/** @param {any} value */
const isFrame = (value) => localNameOf(value) === "iframe" && namespaceOf(value) === htmlNamespace;

/**
 * Calls `take` with each frame in a tree that may show what was selected.
 *
 * @param {any} root a document, shadow root, element or other node
 * @param {(frame: any) => void} take
 */
const eachWatchedFrame = (root, take) => {
  const type = nodeTypeOf(root);
  if (type === 1 && (isFrame(root) || localNameOf(root) === "fencedframe")) take(root);
  const find = type === 1 ? findInElement : type === 9 ? findInDocument : type === 11 ? findInFragment : undefined;
  if (find === undefined) return;
  const found = find(root, watchedFrames);
  const length = lengthOfNodes(found);
  for (let i = 0; i < length; i++) take(found[i]);
};

/** @param {any} frame that came into the document */
const frameInserted = (frame) => {
  if (isFrame(frame)) showSelectedOnce(frame);
  else showFenced(frame);
};

/** @param {any} frame that left its place */
const frameRemoved = (frame) => {
  if (!isFrame(frame) && !isConnected(frame)) hideFenced(frame);
};

/** @type {(nodes: any, take: (frame: any) => void) => void} */
const eachWatchedFrameOf = (nodes, take) => {
  const length = lengthOfNodes(nodes);
  for (let i = 0; i < length; i++) eachWatchedFrame(nodes[i], take);
};

/** @param {any[]} records */
const onMutations = (records) => {
  for (let i = 0; i < records.length; i++) {
    if (typeOfRecord(records[i]) === "attributes") {
      if (isFrame(targetOfRecord(records[i]))) showSelected(targetOfRecord(records[i]));
    } else {
      eachWatchedFrameOf(removedNodesOf(records[i]), frameRemoved);
      eachWatchedFrameOf(addedNodesOf(records[i]), frameInserted);
    }
  }
};

/** @type {MutationObserver | undefined} */
let frameObserver;

/** @param {any} root */
const watchFramesIn = (root) => {
  const options = bare({ attributeFilter: ["src"], childList: true, subtree: true });
  observe(frameObserver, root, options);
  eachWatchedFrame(root, frameInserted);
};

/** Watches the document from when it first has to do with a urn. */
const watchFrames = () => {
  if (frameObserver !== undefined) return;
  frameObserver = new MutationObserverConstructor((records) => quietly(() => onMutations(records)));
  watchFramesIn(global.document);
};

/**
 * A frame has a urn of a script's. One that is in no document yet may end in a shadow tree, of which the document's
 * observer is told nothing; it is looked for once more when the script has run.
 *
 * @param {any} frame
 */
const urnGiven = (frame) => {
  watchFrames();
  if (rootOf(frame) === global.document) return;
  afterwards(postTask(scheduler, () => quietly(() => watchRootOf(frame))), ignoreResult, ignoreResult);
};

/** Nothing is to be heard of the blank document that a frame with a urn begins with. @param {Event} event */
const onLoad = (event) => {
  const frame = currentTargetOf(event);
  if (!isUrn(getAttribute(frame, "src")) || weakGet(shownWindows, frame) === contentWindowOf(frame)) return;
  stopImmediately(event);
};

/**
 * Gives a frame a urn in the place of its `src`.
 *
 * @param {any} frame
 * @param {string} urn
 */
const giveUrn = (frame, urn) => {
  removeAttribute(frame, "src");
  setAttributeNS(frame, urnNamespace, "src", urn);
  addEventListenerTo(frame, "load", onLoad, true);
  urnGiven(frame);
  if (isConnected(frame) && ownerDocumentOf(frame) === global.document) showSelected(frame);
};

/**
 * Around what sets `src`, by its argument `position`.
 *
 * @param {number} position
 * @param {Around} around for other values
 * @returns {Around}
 */
const aroundUrn = (position, around) => (native, receiver, args) => {
  if (isUrn(args[position])) {
    if (isFrame(receiver)) return quietly(() => giveUrn(receiver, args[position]));
  } else if (hasAttributeNS(receiver, urnNamespace, "src")) removeAttribute(receiver, "src");
  return around(native, receiver, args);
};

/** @type {Around} */
const aroundGetSource = (native, receiver, args) => {
  const source = apply(native, receiver, args);
  return hasAttributeNS(receiver, urnNamespace, "src") ? getAttribute(receiver, "src") : source;
};

/** @param {any} frame */
const watchRootOf = (frame) => {
  const root = rootOf(frame);
  if (isConnected(frame) && nodeTypeOf(root) === 11) watchFramesIn(root);
};
