// What is left of the global object of an auction's script when worklet/realm.js is done: the language, without Date.

const OWN_NAMES =
  "AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView " +
  "DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity " +
  "Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError " +
  "ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError URIError " +
  "Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly console decodeURI " +
  "decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined " +
  "unescape";

// A worker has no name for it, unless its page is isolated from other origins.
const sharedMemory = new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true });
defineHidden(global, "SharedArrayBuffer", sharedMemory.buffer.constructor);

/** The prototypes of the global object have been emptied, and have no name here. */
const nameScopes = () => undefined;
