// `sharedstoragewritable` on img and iframe: while the attribute is there, the responses to the element's own request may
// write to Shared Storage (shared-storage section 9). The host is told of the request, and judges.

const writableAttribute = "sharedstoragewritable";
const writableElements = `img[${writableAttribute}],iframe[${writableAttribute}]`;
const setAttribute = uncurryThis(Element.prototype.setAttribute);

/** Elements not made by a script that have been announced. @type {WeakSet<object>} */
const announcedWritable = new WeakSetConstructor();

/** @param {any} element an img or iframe with the attribute */
const isWritable = (element) => {
  if (!hasAttribute(element, writableAttribute)) return false;
  const name = localNameOf(element);
  return (name === "img" || name === "iframe") && namespaceOf(element) === htmlNamespace;
};

/** @param {any} element whose attribute, src or srcset a script may have set */
const writableChanged = (element) => {
  if (!isWritable(element) || ownerDocumentOf(element) !== global.document) return;
  const destination = localNameOf(element) === "img" ? "image" : "iframe";
  eachSource(element, (url) => {
    if (url !== "") send(0, sharedStorageApi, "element", bare({ destination, parsed: isParsing, url }));
  });
};

/** @param {any} element that the parser, markup or a copy has made */
const actOnNewWritable = (element) => {
  if (!isWritable(element) || weakHas(announcedWritable, element)) return;
  weakAdd(announcedWritable, element);
  writableChanged(element);
};

/**
 * The steps around an attribute that only elements of one interface have.
 *
 * @param {(receiver: any) => unknown} brandCheck throws for all others
 * @param {string} context
 * @param {(receiver: any, args: ArrayLike<any>) => any} run
 * @returns {Steps}
 */
const elementSteps = (brandCheck, context, run) => (callee, receiver, args) => {
  try {
    brandCheck(receiver);
  } catch {
    throw exceptionOf(new Failure("Illegal invocation"), "", callee);
  }
  try {
    return run(receiver, args);
  } catch (failure) {
    throw Failure.is(failure) ? exceptionOf(failure, context, callee) : failure;
  }
};

/** @type {(element: any, args: ArrayLike<any>) => void} */
const setWritable = (element, args) => {
  if (!args[0]) return removeAttribute(element, writableAttribute);
  setAttribute(element, writableAttribute, "");
  quietly(() => writableChanged(element));
};

/**
 * @param {object} prototype
 * @param {string} interfaceName
 * @param {string} nativeAttribute whose getter tells elements of the interface
 */
const defineWritableAttribute = (prototype, interfaceName, nativeAttribute) => {
  const brandCheck = uncurryGetter(prototype, nativeAttribute);
  const name = "sharedStorageWritable";
  const context = `Failed to set the '${name}' property on '${interfaceName}': `;
  const get = elementSteps(brandCheck, "", (element) => hasAttribute(element, writableAttribute));
  const set = elementSteps(brandCheck, context, setWritable);
  defineAttribute(prototype, name, nativeGetter(name, get), nativeSetter(name, set));
};

const hookWritableElements = () => {
  defineWritableAttribute(HTMLImageElement.prototype, "HTMLImageElement", "isMap");
  defineWritableAttribute(HTMLIFrameElement.prototype, "HTMLIFrameElement", "allowFullscreen");
};
