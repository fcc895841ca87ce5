// Additions to what the browser gives natively: the native function runs, and ours around it. Unlike the functions of
// native_look.js these stand in the place of native ones, and change nothing that a page could see of those.

/**
 * What runs in the place of a native function.
 *
 * @typedef {(native: Function, receiver: any, args: ArrayLike<any>) => any} Around
 */

/** @typedef {(steps: Steps, native: Function) => Function} Look */

const domExceptionPrototype = DOMExceptionConstructor.prototype;
/** @param {string} message */
const isOfBrowser = (message) =>
  slice(message, 0, 19) === "Failed to execute '" ||
  slice(message, 0, 21) === "Failed to construct '" ||
  slice(message, 0, 19) === "Failed to set the '" ||
  message === "Illegal invocation";

const messageOf = uncurryGetter(domExceptionPrototype, "message");

/**
 * What was thrown while a native function ran inside `callee`, told as if the page had called the native one.
 *
 * @param {unknown} thrown
 * @param {Function} callee
 */
const withoutOurFrames = (thrown, callee) => {
  if (!isObject(thrown) || getOwnPropertyDescriptor(thrown, "stack") === undefined) return thrown;
  const isDOMException = getPrototypeOf(thrown) === domExceptionPrototype;
  const message = isDOMException ? messageOf(thrown) : getOwnPropertyDescriptor(thrown, "message")?.value;
  // Code of the page may have thrown as well, in a conversion say.
  if (typeof message === "string" && isOfBrowser(message)) captureStackTrace(thrown, callee);
  return thrown;
};

/** @type {(native: Function, around: Around) => Steps} */
const stepsAround = (native, around) => (callee, receiver, args) => {
  try {
    return around(native, receiver, args);
  } catch (thrown) {
    throw withoutOurFrames(thrown, callee);
  }
};

/** Looks like the native function in all but the name in `toString`. @type {Look} */
const likeNative = (steps, native) => {
  const trap = (/** @type {any} */ _, /** @type {any} */ receiver, /** @type {any[]} */ args) =>
    steps(trap, receiver, args);
  return new ProxyConstructor(native, bare({ apply: trap }));
};

/**
 * @param {object | undefined} prototype
 * @param {string} name of a method; nothing happens where there is none
 * @param {Around} around
 * @param {Look} [look]
 */
const hookMethod = (prototype, name, around, look = likeNative) => {
  const descriptor = prototype && getOwnPropertyDescriptor(prototype, name);
  if (typeof descriptor?.value !== "function") return;
  descriptor.value = look(stepsAround(descriptor.value, around), descriptor.value);
  defineProperty(/** @type {object} */ (prototype), name, bare(descriptor));
};

/**
 * @param {object} prototype
 * @param {string} name of an attribute; nothing happens where there is none
 * @param {Around} around its setter
 * @param {Look} [look]
 */
const hookSetter = (prototype, name, around, look = likeNative) => {
  const descriptor = getOwnPropertyDescriptor(prototype, name);
  if (typeof descriptor?.set !== "function") return;
  descriptor.set = /** @type {any} */ (look(stepsAround(descriptor.set, around), descriptor.set));
  defineProperty(prototype, name, bare(descriptor));
};

/**
 * @param {object} prototype
 * @param {string} name of an attribute; nothing happens where there is none
 * @param {Around} around its getter
 */
const hookGetter = (prototype, name, around) => {
  const descriptor = getOwnPropertyDescriptor(prototype, name);
  if (typeof descriptor?.get !== "function") return;
  descriptor.get = /** @type {any} */ (likeNative(stepsAround(descriptor.get, around), descriptor.get));
  defineProperty(prototype, name, bare(descriptor));
};
