// The structured clone of a value, as one text. The browser itself clones; what it makes are builtins that no page has
// touched, told apart by the prototypes that it gives them. The text is JSON, `[root, record0, record1, ...]`: a record
// describes an object, and `[i]` is the object of record i wherever a value may be.

const { structuredClone: nativeStructuredClone } = global;
const { ownKeys } = Reflect;
const { is: isSameValue } = ObjectConstructor;
const { isArray } = ArrayConstructor;
const bigIntToString = uncurryThis(BigInt.prototype.toString);
const byteLengthOf = uncurryGetter(ArrayBuffer.prototype, "byteLength");
const bytesToBase64 = uncurryThis(/** @type {any} */ (Uint8Array.prototype).toBase64);
const eachOfMap = uncurryThis(Map.prototype.forEach);
const eachOfSet = uncurryThis(Set.prototype.forEach);
const isResizable = uncurryGetter(ArrayBuffer.prototype, "resizable");
const maxByteLengthOf = uncurryGetter(ArrayBuffer.prototype, "maxByteLength");
const regExpSourceOf = uncurryGetter(RegExp.prototype, "source");
const timeOf = uncurryThis(Date.prototype.getTime);

/** One getter for each flag: the getter of all of them asks properties that a page may have replaced. */
const regExpFlags = bareArray();
for (const [letter, name] of Object.entries({
  d: "hasIndices",
  g: "global",
  i: "ignoreCase",
  m: "multiline",
  s: "dotAll",
  u: "unicode",
  v: "unicodeSets",
  y: "sticky",
})) {
  regExpFlags[regExpFlags.length] = bare({ letter, isSet: uncurryGetter(RegExp.prototype, name) });
}

/** @type {(list: any[], item: unknown) => void} */
const push = (list, item) => {
  list[list.length] = item;
};

/**
 * Fills the record of an object; `encode` is for the values in it.
 *
 * @typedef {(object: any, record: any[], encode: (value: any) => any) => void} Encoder
 */

/** By the prototype that the browser gives a kind of object. @type {WeakMap<object, Encoder>} */
const encoders = new WeakMapConstructor();

/** @type {(prototype: object, encoder: Encoder) => void} */
const defineEncoder = (prototype, encoder) => {
  weakSet(encoders, prototype, encoder);
};

/** @type {Encoder} */
const encodeProperties = (object, record, encode) => {
  const keys = ownKeys(object);
  for (let i = 0; i < keys.length; i++) {
    if (keys[i] === "length" && isArray(object)) continue;
    push(record, keys[i]);
    push(record, encode(object[keys[i]]));
  }
};

/** @type {(object: object, name: string, encode: (value: any) => any) => any} */
const encodeOwn = (object, name, encode) => {
  const descriptor = getOwnPropertyDescriptor(object, name);
  return encode(descriptor === undefined ? undefined : /** @type {any} */ (object)[name]);
};

defineEncoder(Object.prototype, (object, record, encode) => {
  push(record, "object");
  encodeProperties(object, record, encode);
});
defineEncoder(Array.prototype, (array, record, encode) => {
  push(record, "array");
  push(record, array.length);
  encodeProperties(array, record, encode);
});
defineEncoder(Date.prototype, (date, record, encode) => {
  push(record, "date");
  push(record, encode(timeOf(date)));
});
defineEncoder(RegExp.prototype, (regExp, record) => {
  let flags = "";
  for (let i = 0; i < regExpFlags.length; i++) if (regExpFlags[i].isSet(regExp)) flags += regExpFlags[i].letter;
  push(record, "regexp");
  push(record, regExpSourceOf(regExp));
  push(record, flags);
});
defineEncoder(Map.prototype, (map, record, encode) => {
  push(record, "map");
  eachOfMap(map, (/** @type {any} */ value, /** @type {any} */ key) => {
    push(record, encode(key));
    push(record, encode(value));
  });
});
defineEncoder(Set.prototype, (set, record, encode) => {
  push(record, "set");
  eachOfSet(set, (/** @type {any} */ value) => push(record, encode(value)));
});
defineEncoder(ArrayBuffer.prototype, (buffer, record) => {
  push(record, "buffer");
  push(record, bytesToBase64(new Uint8ArrayConstructor(buffer)));
  push(record, isResizable(buffer) ? maxByteLengthOf(buffer) : null);
});
for (const { prototype, name } of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
  defineEncoder(prototype, (error, record, encode) => {
    push(record, "error");
    push(record, name);
    push(record, getOwnPropertyDescriptor(error, "message") !== undefined);
    push(record, encodeOwn(error, "message", encode));
    push(record, encodeOwn(error, "stack", encode));
    push(record, getOwnPropertyDescriptor(error, "cause") !== undefined);
    push(record, encodeOwn(error, "cause", encode));
  });
}
for (const { prototype } of [Boolean, Number, String, BigInt]) {
  const primitiveOf = uncurryThis(prototype.valueOf);
  defineEncoder(prototype, (wrapper, record, encode) => {
    push(record, "wrapper");
    push(record, encode(primitiveOf(wrapper)));
  });
}

/**
 * Views: one that ends where a resizable buffer ends is taken for one that follows its length, which nothing tells.
 *
 * @param {object} prototype
 * @param {string} name of its constructor
 * @param {object} holder has the getters
 * @param {number} unit bytes of an element
 */
const defineViewEncoder = (prototype, name, holder, unit) => {
  const bufferOf = uncurryGetter(holder, "buffer");
  const offsetOf = uncurryGetter(holder, "byteOffset");
  const lengthOf = uncurryGetter(holder, "byteLength");
  defineEncoder(prototype, (view, record, encode) => {
    const buffer = bufferOf(view);
    const offset = offsetOf(view);
    const length = lengthOf(view);
    const follows = isResizable(buffer) && offset + length === byteLengthOf(buffer);
    push(record, "view");
    push(record, name);
    push(record, encode(buffer));
    push(record, offset);
    push(record, follows ? null : length / unit);
  });
};

const typedArrayPrototype = /** @type {object} */ (getPrototypeOf(Uint8Array.prototype));
for (const kind of [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  /** @type {any} */ (global).Float16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]) {
  if (kind) defineViewEncoder(kind.prototype, kind.name, typedArrayPrototype, kind.BYTES_PER_ELEMENT);
}
defineViewEncoder(DataView.prototype, "DataView", DataView.prototype, 1);

/**
 * The structured clone of `value`, as text; throws what the browser throws, in its words.
 *
 * @param {any} value
 * @returns {string}
 */
const encodedClone = (value) => {
  const clone = clonedByBrowser(value);
  const text = bareArray();
  const objects = bareArray();
  /** @type {Map<object, number>} */
  const numbers = new MapConstructor();
  const numberOf = (/** @type {object} */ object) => {
    let number = mapGet(numbers, object);
    if (number === undefined) {
      number = objects.length;
      mapSet(numbers, object, number);
      push(objects, object);
    }
    return number;
  };
  const encode = (/** @type {any} */ one) => (isObject(one) ? listOf(numberOf(one)) : encodedPrimitive(one));
  push(text, encode(clone));
  for (let i = 0; i < objects.length; i++) {
    const record = bareArray();
    const encoder = weakGet(encoders, getPrototypeOf(objects[i]));
    if (encoder === undefined) push(record, "foreign");
    else encoder(objects[i], record, encode);
    push(text, record);
  }
  return toJson(text);
};

const mapGet = uncurryThis(Map.prototype.get);
const mapSet = uncurryThis(Map.prototype.set);

/** @param {...unknown} items */
const listOf = (...items) => bare(items);

/** @param {any} value */
const encodedPrimitive = (value) => {
  if (value === undefined) return listOf("u");
  if (typeof value === "bigint") return listOf("b", bigIntToString(value));
  if (typeof value !== "number" || (isFiniteNumber(value) && !isSameValue(value, -0))) return value;
  return listOf("n", isSameValue(value, -0) ? "-0" : `${value}`);
};

const cloneContext = "Failed to execute 'structuredClone' on 'Window': ";

/** @param {any} value */
const clonedByBrowser = (value) => {
  try {
    return apply(nativeStructuredClone, global, [value]);
  } catch (thrown) {
    const isOfBrowser = isObject(thrown) && getPrototypeOf(thrown) === domExceptionPrototype;
    const message = isOfBrowser ? messageOf(thrown) : "";
    if (slice(message, 0, cloneContext.length) !== cloneContext) throw thrown; // by a getter of the page
    return failWith("DataCloneError", slice(message, cloneContext.length));
  }
};
