// What is left of the global object of a shared storage worklet when realm.js is done (Shared Storage, section 8).

const OWN_NAMES =
  "AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean " +
  "ByteLengthQueuingStrategy CountQueuingStrategy Crypto CryptoKey DataView Date DisposableStack Error EvalError " +
  "FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl " +
  "Iterator JSON Lock LockManager Map Math NaN Number Object PrivateAggregation Promise Proxy QuotaExceededError " +
  "RangeError ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest " +
  "ReadableStreamDefaultController ReadableStreamDefaultReader ReferenceError Reflect RegExp Set SharedStorage " +
  "SharedStorageAppendMethod SharedStorageClearMethod SharedStorageDeleteMethod SharedStorageModifierMethod " +
  "SharedStorageSetMethod SharedStorageWorkletGlobalScope SharedStorageWorkletNavigator String SubtleCrypto " +
  "SuppressedError Symbol SyntaxError TextDecoder TextEncoder TransformStream TransformStreamDefaultController " +
  "TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly " +
  "WritableStream WritableStreamDefaultController WritableStreamDefaultWriter console crypto decodeURI " +
  "decodeURIComponent encodeURI encodeURIComponent escape eval globalThis interestGroups isFinite isNaN navigator " +
  "parseFloat parseInt privateAggregation register sharedStorage undefined unescape";

const cryptoDescriptor = /** @type {PropertyDescriptor} */ (getOwnPropertyDescriptor(baseScopePrototype, "crypto"));

/**
 * Gives a prototype of the global object the name and the interface object that a worklet has there.
 *
 * @param {string} name
 * @param {any} prototype
 */
const nameScope = (name, prototype) => {
  const interfaceObject = nativeInterfaceObject(name, illegalConstructor(name));
  defineProperty(interfaceObject, "prototype", bare({ value: prototype, writable: false }));
  defineHidden(prototype, "constructor", interfaceObject);
  defineToStringTag(prototype, name);
  return interfaceObject;
};

/** The prototypes of the global object have been emptied. */
const nameScopes = () => {
  const baseScope = nameScope("WorkletGlobalScope", baseScopePrototype);
  const scope = nameScope("SharedStorageWorkletGlobalScope", scopePrototype);
  setPrototypeOf(scope, baseScope);
  defineHidden(global, scope.name, scope);
  defineProperty(global, "crypto", cryptoDescriptor);
};
