// What the language gives, taken before any script of the page can change it. Nothing here may be looked up again
// later: a page may replace every builtin, and must neither break these interfaces by it nor see them work.

const global = globalThis;
const {
  Array: ArrayConstructor,
  BigInt: BigIntConstructor,
  CustomEvent: CustomEventConstructor,
  DOMException: DOMExceptionConstructor,
  EventTarget: EventTargetConstructor,
  Map: MapConstructor,
  Object: ObjectConstructor,
  Promise: PromiseConstructor,
  Proxy: ProxyConstructor,
  RangeError: RangeErrorConstructor,
  ReferenceError: ReferenceErrorConstructor,
  SyntaxError: SyntaxErrorConstructor,
  TypeError: TypeErrorConstructor,
  Uint8Array: Uint8ArrayConstructor,
  URL: URLConstructor,
  WeakMap: WeakMapConstructor,
  atob: decodeBase64,
  decodeURIComponent: decodeUriComponent,
  isSecureContext: inSecureContext,
  navigator: ownNavigator,
} = global;
const { apply, construct, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } =
  Reflect;
const { create: createObject, freeze } = ObjectConstructor;
const { parse: parseJson, stringify: toJson } = JSON;
const { isFinite: isFiniteNumber } = Number;
const { fromCodePoint } = String;
const { asUintN } = BigIntConstructor;
const { floor } = Math;
const { captureStackTrace } = /** @type {any} */ (Error);
const { iterator: iteratorSymbol, toPrimitive: toPrimitiveSymbol, toStringTag: toStringTagSymbol } = Symbol;

/**
 * The method `f` as a function of its receiver.
 *
 * @param {Function} f
 * @returns {(receiver: any, ...args: any[]) => any}
 */
const uncurryThis = (f) => (receiver, ...args) => apply(f, receiver, args);

/**
 * The getter of `prototype[name]` as a function of its receiver.
 *
 * @param {object} prototype
 * @param {string} name
 */
const uncurryGetter = (prototype, name) => {
  const get = getOwnPropertyDescriptor(prototype, name)?.get;
  return get === undefined ? () => undefined : uncurryThis(get);
};

/**
 * The setter of `prototype[name]` as a function of its receiver and the value.
 *
 * @param {object} prototype
 * @param {string} name
 */
const uncurrySetter = (prototype, name) => {
  const set = getOwnPropertyDescriptor(prototype, name)?.set;
  return set === undefined ? () => undefined : uncurryThis(set);
};

const charCodeAt = uncurryThis(String.prototype.charCodeAt);
const indexOf = uncurryThis(String.prototype.indexOf);
const lastIndexOf = uncurryThis(String.prototype.lastIndexOf);
const slice = uncurryThis(String.prototype.slice);
const toWellFormed = uncurryThis(String.prototype.toWellFormed);
const weakDelete = uncurryThis(WeakMap.prototype.delete);
const weakGet = uncurryThis(WeakMap.prototype.get);
const weakSet = uncurryThis(WeakMap.prototype.set);
const addEventListenerTo = uncurryThis(EventTarget.prototype.addEventListener);
const dispatchTo = uncurryThis(EventTarget.prototype.dispatchEvent);
const detailOf = uncurryGetter(CustomEvent.prototype, "detail");
const hostnameOf = uncurryGetter(URL.prototype, "hostname");

/**
 * Whether `value` is an object in WebIDL's sense; also for `document.all`, whose `typeof` lies.
 *
 * @param {unknown} value
 * @returns {value is Record<PropertyKey, unknown>}
 */
const isObject = (value) => ObjectConstructor(value) === value;

/**
 * An array that inherits nothing, so that neither a setter nor a `toJSON` of the page is ever met.
 *
 * @returns {any[]}
 */
const bareArray = () => {
  const list = new ArrayConstructor();
  setPrototypeOf(list, null);
  return list;
};

/**
 * `object` without a prototype, for where a page's Object.prototype must not be consulted.
 *
 * @template T
 * @param {T} object
 * @returns {T}
 */
const bare = (object) => {
  setPrototypeOf(/** @type {any} */ (object), null);
  return object;
};
