// What the function did, for the host to ask for; and how what it calls refuses.

/**
 * What the permissions policy says to the script's origin.
 *
 * @typedef {{ privateAggregation: boolean, sharedStorage: boolean }} Allowed
 */

const { keys: enumerableKeys } = ObjectConstructor;

/** UTF-16 code units that the host is told of one call, and one more for each thing that was done. */
let room = 1 << 23;
const COST_OF_ENTRY = 100;

/** @param {string} text */
const fits = (text) => (room -= COST_OF_ENTRY + text.length) >= 0;

const record = bare({
  contributions: bareArray(),
  onEvent: bareArray(),
  debug: bare({ enabled: false, key: /** @type {string | null} */ (null) }),
  writes: bareArray(),
  /** @type {string | null} */
  reportUrl: null,
  /** The value that the function gave, as JSON. @type {string | null} */
  value: null,
  isFunction: true,
  /** Whether there is a JSON text of the value. */
  isJson: true,
  /** Milliseconds that code of the script took. */
  duration: 0,
});

/**
 * Keeps an entry; what is far more than any report can hold is dropped.
 *
 * @param {any[]} list of the record
 * @param {object} entry bare, deeply
 */
const keep = (list, entry) => {
  if (fits(toJson(entry))) list[list.length] = entry;
};

/**
 * A function for scripts. Whatever it refuses is a TypeError, and its message stands alone.
 *
 * @param {string} name
 * @param {(args: ArrayLike<any>) => unknown} run
 */
const scriptFunction = (name, run) =>
  nativeMethod(name, 0, (callee, _, args) => {
    bare(args);
    try {
      return run(args);
    } catch (failure) {
      if (!Failure.is(failure)) throw failure;
      failure.isDOMException = false;
      throw exceptionOf(failure, "", callee);
    }
  });

/**
 * An object with functions for scripts.
 *
 * @param {Record<string, (args: ArrayLike<any>) => unknown>} functions
 */
const scriptObject = (functions) => {
  const object = {};
  const names = enumerableKeys(functions);
  for (let i = 0; i < names.length; i++) defineOwn(object, names[i], scriptFunction(names[i], functions[names[i]]));
  return object;
};

/**
 * @param {ArrayLike<any>} args
 * @param {number} required
 * @param {string} name
 */
const checkCount = (args, required, name) => {
  if (args.length < required) fail(`${name}(): at least ${required} argument(s) are required`);
};

/** A value that stands for a dictionary. @type {(value: any, prefix: string) => Record<string, any>} */
const asDictionary = (value, prefix) => {
  if (value === undefined || value === null) return createObject(null);
  return isObject(value) ? value : fail(`${prefix}Value passed as dictionary is neither object, null, nor undefined.`);
};

/** @type {(dictionary: Record<string, any>, field: string, prefix: string) => any} */
const requiredField = (dictionary, field, prefix) => {
  const value = dictionary[field];
  return value === undefined ? fail(`${prefix}Required field '${field}' is undefined`) : value;
};
