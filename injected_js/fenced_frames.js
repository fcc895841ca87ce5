// FencedFrameConfig, and what makes <fencedframe> show one: this Chromium still lays the element out, and loads nothing in
// it. The selected URL is shown in an iframe in a closed shadow tree, of an element that CSS keeps where the <fencedframe>
// stands. The page can see that element at the end of the document, but neither the URL nor the iframe: so the element is
// none that the page could define, whose closed tree it would be given, and the URL is in no attribute, which timings tell.

const configName = "FencedFrameConfig";
const viewName = "div";

const appendChild = uncurryThis(Node.prototype.appendChild);
const attachShadow = uncurryThis(Element.prototype.attachShadow);
const createElement = uncurryThis(Document.prototype.createElement);
const documentElementOf = uncurryGetter(Document.prototype, "documentElement");
const removeElement = uncurryThis(Element.prototype.remove);
const setCssText = uncurrySetter(CSSStyleDeclaration.prototype, "cssText");
const showPopover = uncurryThis(HTMLElement.prototype.showPopover);
const styleOf = uncurryGetter(HTMLElement.prototype, "style");
const { FencedFrameConfig: NativeFencedFrameConfig, HTMLFencedFrameElement: NativeFencedFrameElement } =
  /** @type {any} */ (global);

const viewStyle =
  "all: initial; display: block; position: absolute; position-anchor: auto; position-visibility: anchors-visible; inset: auto; " +
  "top: anchor(top); left: anchor(left); width: anchor-size(width); height: anchor-size(height); " +
  "box-sizing: border-box; margin: 0; padding: 0; border: 2px inset transparent; background: none; overflow: hidden;";
const innerStyle = "display: block; width: 100%; height: 100%; border: 0;";

/** What the `config` of an element was set to. @type {WeakMap<object, object>} */
const configsOfElements = new WeakMapConstructor();
/** What shows it. @type {WeakMap<object, Element>} */
const viewsOfElements = new WeakMapConstructor();

/** @param {any} config @returns {string | undefined} */
const urnOfConfig = (config) => {
  const state = anyStateOf(config);
  return state?.interface === configName ? state.urn : undefined;
};

/** @param {string} urn */
const newFencedFrameConfig = (urn) => {
  const state = newState(configName, sharedStorageApi, undefined);
  state.urn = urn;
  return platformObject(NativeFencedFrameConfig, state);
};

/** @param {any} element a fencedframe */
const hideFenced = (element) => {
  const view = weakGet(viewsOfElements, element);
  if (view !== undefined) removeElement(view);
  weakDelete(viewsOfElements, element);
};

/** @type {(element: any, url: string) => void} */
const showInView = (element, url) => {
  const { document } = global;
  const view = createElement(document, viewName);
  const frame = createElement(document, "iframe");
  setCssText(styleOf(view), viewStyle);
  setCssText(styleOf(frame), innerStyle);
  setAttribute(view, "popover", "manual");
  appendChild(attachShadow(view, bare({ mode: "closed" })), frame);
  appendChild(documentElementOf(document), view);
  showPopover(view, bare({ source: element }));
  replaceDocument(contentWindowOf(frame), url);
  weakSet(viewsOfElements, element, view);
};

/**
 * Shows what a fencedframe of this document was given, once the operation has ended that selects it.
 *
 * @param {any} element
 */
const showFenced = (element) => {
  hideFenced(element);
  const config = weakGet(configsOfElements, element);
  const urn = urnOfConfig(config);
  const isShown = () => isConnected(element) && ownerDocumentOf(element) === global.document;
  if (urn === undefined || !isShown()) return;
  const show = (/** @type {string | undefined} */ url) => {
    if (!mayBeShown(url) || !isShown() || weakGet(configsOfElements, element) !== config) return;
    hideFenced(element);
    quietly(() => showInView(element, url));
  };
  afterwards(ask(sharedStorageApi, "resolveUrn", bare({ urn, fenced: true }), ({ url }) => url, ""), show, ignoreResult);
};

/** @type {Around} */
const aroundSetConfig = (native, receiver, args) => {
  const config = args[0];
  if (urnOfConfig(config) === undefined) {
    const result = apply(native, receiver, args);
    weakDelete(configsOfElements, receiver);
    hideFenced(receiver);
    return result;
  }
  apply(native, receiver, [null]); // refuses whatever is no fencedframe
  weakSet(configsOfElements, receiver, config);
  quietly(() => {
    watchFrames();
    showFenced(receiver);
  });
};

/** @type {Around} */
const aroundGetConfig = (native, receiver, args) => {
  const value = apply(native, receiver, args);
  return weakGet(configsOfElements, receiver) ?? value;
};

const setContextSteps = operation(configName, "setSharedStorageContext", 1, (state, args) => {
  state.tell("setContext", bare({ urn: state.urn, context: toUSVString(args[0]) }));
});

const exposeFencedFrames = () => {
  const { prototype } = NativeFencedFrameConfig;
  const method = nativeMethod("setSharedStorageContext", 1, setContextSteps);
  defineOperation(prototype, "setSharedStorageContext", method);
  hookSetter(NativeFencedFrameElement.prototype, "config", aroundSetConfig);
  hookGetter(NativeFencedFrameElement.prototype, "config", aroundGetConfig);
  defineOperation(NativeFencedFrameElement, "canLoadOpaqueURL", nativeMethod("canLoadOpaqueURL", 0, () => true));
};
