// What a worklet's scripts take of the language besides primordials.js, and for the same reason.

const {
  ArrayBuffer: ArrayBufferConstructor,
  Date: DateConstructor,
  Number: toNumberValue,
  RegExp: RegExpConstructor,
  Set: SetConstructor,
} = global;
const bind = uncurryThis(Function.prototype.bind);
const mapSet = uncurryThis(Map.prototype.set);
const setAdd = uncurryThis(Set.prototype.add);
const thenOf = uncurryThis(Promise.prototype.then);
const bytesOfBase64 = /** @type {any} */ (Uint8Array).fromBase64;
const setBytes = uncurryThis(Uint8Array.prototype.set);

/**
 * Gives `object` a property of its own, past any setter.
 *
 * @param {object} object
 * @param {PropertyKey} name
 * @param {unknown} value
 */
const defineOwn = (object, name, value) => {
  defineProperty(object, name, bare({ value, writable: true, enumerable: true, configurable: true }));
};
