// The operations that a script registers, and how they are called (Shared Storage, sections 5 and 8).

/**
 * @typedef {object} Definition
 * @property {Function} constructor
 * @property {Function} run as the prototype had it when it was registered
 * @property {boolean} constructed whether an instance was asked for, made or not
 * @property {unknown} [instance]
 */

/** By name. @type {Record<string, Definition>} */
const definitions = createObject(null);

/** @typedef {{ index: number | null, failure: string | null, uncaughtError: boolean }} OperationEnd */

/** @type {(failure: string, uncaughtError?: boolean) => OperationEnd} */
const failedEnd = (failure, uncaughtError = false) => bare({ index: null, failure, uncaughtError });

/** @type {(index: number | null) => OperationEnd} */
const goodEnd = (index) => bare({ index, failure: null, uncaughtError: false });

/** How much of a failure the host is told, in UTF-16 code units. */
const longestFailure = 10_000;

/**
 * The text by which developers know an exception: its stack, else itself.
 *
 * @param {unknown} exception
 * @returns {string}
 */
const failureText = (exception) => {
  try {
    const stack = isObject(exception) ? exception.stack : undefined;
    return slice(typeof stack === "string" ? stack : toDOMString(exception), 0, longestFailure);
  } catch {
    return "Unknown Failure";
  }
};

/**
 * @param {string} name
 * @param {Function} constructor
 */
const register = (name, constructor) => {
  if (name === "") failWith("DataError", "Operation name cannot be empty.");
  if (definitions[name] !== undefined) failWith("DataError", "Operation name already registered.");
  const prototype = constructor.prototype;
  if (!isObject(prototype)) fail("constructor prototype is not an object");
  const run = prototype.run;
  if (run === undefined) fail('Property "run" doesn\'t exist');
  if (typeof run !== "function") fail('"run" is not a function');
  definitions[name] = bare({ constructor, run, constructed: false });
};

/** @param {Definition} definition */
const constructOnce = (definition) => {
  if (definition.constructed) return;
  definition.constructed = true;
  try {
    definition.instance = construct(definition.constructor, []);
  } catch {
    // Every call of it fails for want of an instance.
  }
};

/** @type {(text: string | null) => unknown} */
const decodeData = (text) => (text === null ? undefined : decodeClone(text));

/**
 * How a call of `selectURL` ends whose operation gave `value`.
 *
 * @param {unknown} value
 * @param {number} urls
 */
const endOfSelection = (value, urls) => {
  let index;
  try {
    index = toUnsignedLong(value);
  } catch {
    return failedEnd("Promise did not resolve to an uint32 number.");
  }
  if (index >= urls) return failedEnd("Promise resolved to a number outside the length of the input urls.");
  return goodEnd(index);
};

/**
 * The arguments of `run`.
 *
 * @param {string[] | null} urls
 * @param {unknown} data
 */
const argumentsOf = (urls, data) => {
  if (urls === null) return [data];
  const list = new ArrayConstructor(urls.length);
  for (let i = 0; i < urls.length; i++) defineOwn(list, i, urls[i]);
  return [list, data];
};

/**
 * Calls an operation, and `finish` once it has come to its end.
 *
 * @param {{ name: string, data: string | null, urls: string[] | null }} operation
 * @param {(end: OperationEnd) => void} finish
 */
const invokeOperation = ({ name, data, urls }, finish) => {
  const definition = definitions[name];
  if (definition === undefined) return finish(failedEnd("Cannot find operation name."));
  constructOnce(definition);
  const { instance, run } = definition;
  if (instance === undefined) return finish(failedEnd("Empty operation definition instance."));
  let decoded;
  try {
    decoded = decodeData(data);
  } catch {
    return finish(failedEnd("Cannot deserialize data."));
  }
  react(
    callFromJob(run, instance, argumentsOf(urls, decoded)),
    (value) => finish(urls === null ? goodEnd(null) : endOfSelection(value, urls.length)),
    (reason) => finish(failedEnd(failureText(reason), true)),
  );
};
