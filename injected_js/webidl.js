// Conversions from JavaScript values to WebIDL types (Web IDL, section 3.2), failing in Chromium's words.

/** @typedef {(value: any) => any} Conversion */
/**
 * A member of a dictionary; `of` names the dictionary that declares it, where it is inherited.
 *
 * @typedef {{ name: string, convert: Conversion, required?: boolean, of?: string }} Member
 */

/**
 * ECMAScript's ToPrimitive; spelled out so that its own failures can be told from what page code throws.
 *
 * @param {Record<PropertyKey, any>} value
 * @param {"number" | "string"} hint
 */
const toPrimitive = (value, hint) => {
  const exotic = value[toPrimitiveSymbol];
  if (exotic !== undefined && exotic !== null) {
    if (typeof exotic !== "function") fail("Symbol(Symbol.toPrimitive) is not a function");
    const result = apply(exotic, value, [hint]);
    if (!isObject(result)) return result;
    fail("Cannot convert object to primitive value");
  }
  for (let turn = 0; turn < 2; turn++) {
    const method = value[(turn === 0) === (hint === "string") ? "toString" : "valueOf"];
    if (typeof method === "function") {
      const result = apply(method, value, []);
      if (!isObject(result)) return result;
    }
  }
  return fail("Cannot convert object to primitive value");
};

/** @type {(value: any) => number} */
const toNumber = (value) => {
  const primitive = isObject(value) ? toPrimitive(value, "number") : value;
  if (typeof primitive === "symbol") fail("Cannot convert a Symbol value to a number");
  if (typeof primitive === "bigint") fail("Cannot convert a BigInt value to a number");
  return +primitive;
};

/** @type {(value: any) => string} */
const toDOMString = (value) => {
  const primitive = isObject(value) ? toPrimitive(value, "string") : value;
  if (typeof primitive === "symbol") fail("Cannot convert a Symbol value to a string");
  return `${primitive}`;
};

/** Lone surrogates become U+FFFD. @type {(value: any) => string} */
const toUSVString = (value) => toWellFormed(toDOMString(value));

/** Modulo 2^32, without a range check. @type {(value: any) => number} */
const toUnsignedLong = (value) => toNumber(value) >>> 0;

/** Modulo 2^32 into the signed range. @type {(value: any) => number} */
const toLong = (value) => toNumber(value) | 0;

/** @type {(value: any) => number} */
const toDouble = (value) => {
  const number = toNumber(value);
  if (!isFiniteNumber(number)) fail("The provided double value is non-finite.");
  return number;
};

/** ECMAScript's ToBigInt, failing in V8's words. @type {(value: any) => bigint} */
const toBigInt = (value) => {
  const primitive = isObject(value) ? toPrimitive(value, "number") : value;
  try {
    asUintN(0, primitive); // refuses numbers, which the constructor takes
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw new Failure(message, typeof primitive === "string" ? "SyntaxError" : "TypeError");
  }
  return BigIntConstructor(primitive);
};

/**
 * An enumeration.
 *
 * @param {string} name
 * @param {...string} values
 * @returns {Conversion}
 */
const enumeration = (name, ...values) => {
  bare(values);
  return (value) => {
    const text = toDOMString(value);
    for (let i = 0; i < values.length; i++) if (values[i] === text) return text;
    return fail(`The provided value '${text}' is not a valid enum value of type ${name}.`);
  };
};

/**
 * `sequence<T>`, by the iterator protocol.
 *
 * @param {Conversion} convert
 * @returns {Conversion}
 */
const sequence = (convert) => (value) => {
  if (!isObject(value)) fail("The provided value cannot be converted to a sequence.");
  const method = value[iteratorSymbol];
  if (method === undefined || method === null) fail("The object must have a callable @@iterator property.");
  if (typeof method !== "function") fail("@@iterator must be a callable.");
  const iterator = apply(method, value, []);
  if (!isObject(iterator)) fail("Iterator object must be an object.");
  const next = iterator.next;
  if (typeof next !== "function") fail("Expected next() function on iterator.");
  const items = bareArray();
  for (;;) {
    const result = apply(next, iterator, []);
    if (!isObject(result)) fail("Expected iterator.next() to return an Object.");
    if (result.done) return items;
    items[items.length] = convert(result.value);
  }
};

/**
 * A dictionary with a required member. Absent optional members stay absent: their defaults are the host's.
 *
 * @param {string} name
 * @param {Member[]} members in the order in which WebIDL reads them: inherited ones first, then lexicographically
 * @returns {Conversion}
 */
const dictionary = (name, members) => {
  for (let i = 0; i < members.length; i++) bare(members[i]);
  return (value) => {
    if (!isObject(value)) fail(`The provided value is not of type '${name}'.`);
    const converted = createObject(null);
    for (let i = 0; i < members.length; i++) readMember(members[i], members[i].of ?? name, value, converted);
    return converted;
  };
};

/**
 * @param {Member} member
 * @param {string} dictionaryName
 * @param {Record<PropertyKey, unknown>} value
 * @param {Record<string, unknown>} converted receives the member, unless it is absent
 */
const readMember = (member, dictionaryName, value, converted) => {
  const given = value[member.name];
  try {
    if (given !== undefined) converted[member.name] = member.convert(given);
    else if (member.required) fail("Required member is undefined.");
  } catch (failure) {
    if (Failure.is(failure)) {
      failure.message = `Failed to read the '${member.name}' property from '${dictionaryName}': ${failure.message}`;
    }
    throw failure;
  }
};
