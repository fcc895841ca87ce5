// Reads the `data` of an operation as structured_clone.js of the page wrote it; the format is told there.

/** @typedef {any[]} CloneRecord */

/** @type {Record<string, any>} */
const errorConstructors = bare({ Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError });

/** @type {Record<string, any>} */
const viewConstructors = bare({
  BigInt64Array,
  BigUint64Array,
  DataView,
  Float16Array: /** @type {any} */ (global).Float16Array,
  Float32Array,
  Float64Array,
  Int16Array,
  Int32Array,
  Int8Array,
  Uint16Array,
  Uint32Array,
  Uint8Array,
  Uint8ClampedArray,
});

/**
 * @param {string} base64
 * @param {number | null} maxByteLength
 */
const decodeBuffer = (base64, maxByteLength) => {
  const bytes = bytesOfBase64(base64);
  const options = maxByteLength === null ? undefined : bare({ maxByteLength });
  const buffer = new ArrayBufferConstructor(bytes.length, options);
  setBytes(new Uint8ArrayConstructor(buffer), bytes);
  return buffer;
};

/**
 * What the text stands for: a fresh value. Throws where it stands for nothing that a worklet can have.
 *
 * @param {string} json
 * @returns {unknown}
 */
const decodeClone = (json) => {
  /** @type {any[]} */
  const parsed = parseJson(json);
  const objects = bareArray();

  /** @type {(value: any) => any} */
  const decode = (value) => {
    if (!isObject(value)) return value;
    const list = /** @type {any} */ (value);
    const tag = list[0];
    if (typeof tag === "number") return objects[tag];
    if (tag === "n") return toNumberValue(list[1]);
    return tag === "b" ? BigIntConstructor(list[1]) : undefined;
  };

  // A view needs its buffer, so it is made with the contents; nothing else refers to what is not made yet.
  for (let i = 1; i < parsed.length; i++) if (parsed[i][0] !== "view") objects[i - 1] = newObject(parsed[i], decode);
  for (let i = 1; i < parsed.length; i++) if (parsed[i][0] === "view") objects[i - 1] = newView(parsed[i], decode);
  for (let i = 1; i < parsed.length; i++) fill(objects[i - 1], parsed[i], decode);
  return decode(parsed[0]);
};

/**
 * The object of a record, still empty.
 *
 * @param {CloneRecord} record
 * @param {(value: any) => any} decode of primitive values
 */
const newObject = (record, decode) => {
  switch (record[0]) {
    case "object":
      return {};
    case "array":
      return new ArrayConstructor(record[1]);
    case "date":
      return new DateConstructor(decode(record[1]));
    case "regexp":
      return new RegExpConstructor(record[1], record[2]);
    case "map":
      return new MapConstructor();
    case "set":
      return new SetConstructor();
    case "error":
      return construct(errorConstructors[record[1]], []);
    case "wrapper":
      return ObjectConstructor(decode(record[1]));
    case "buffer":
      return decodeBuffer(record[1], record[2]);
    default:
      return fail("No object of a worklet.");
  }
};

/** @type {(record: CloneRecord, decode: (value: any) => any) => any} */
const newView = ({ 1: name, 2: buffer, 3: byteOffset, 4: length }, decode) =>
  new viewConstructors[name](decode(buffer), byteOffset, length ?? undefined);

/**
 * Puts what a record holds into its object.
 *
 * @param {any} object
 * @param {CloneRecord} record
 * @param {(value: any) => any} decode
 */
const fill = (object, record, decode) => {
  const kind = record[0];
  if (kind === "object" || kind === "array") {
    const first = kind === "object" ? 1 : 2;
    for (let i = first; i < record.length; i += 2) defineOwn(object, record[i], decode(record[i + 1]));
  } else if (kind === "map") {
    for (let i = 1; i < record.length; i += 2) mapSet(object, decode(record[i]), decode(record[i + 1]));
  } else if (kind === "set") {
    for (let i = 1; i < record.length; i++) setAdd(object, decode(record[i]));
  } else if (kind === "error") {
    const { 2: hasMessage, 3: message, 4: stack, 5: hasCause, 6: cause } = record;
    if (hasMessage) defineHidden(object, "message", decode(message));
    defineHidden(object, "stack", decode(stack));
    if (hasCause) defineHidden(object, "cause", decode(cause));
  }
};
