// What writes of Shared Storage say, and the objects that stand for them in a batch. Windows and worklets share this
// file; each defines what differs: `checkCaller` and `maxStringLength`.

/**
 * One write, without a prototype.
 *
 * @typedef {object} ModifierMethod
 * @property {"set" | "append" | "delete" | "clear"} op
 * @property {string} [key]
 * @property {string} [value]
 * @property {boolean} [ignoreIfPresent]
 * @property {string | null} lock
 */

const modifierMethodInterface = "SharedStorageModifierMethod";
const modifierMethodOptions = "SharedStorageModifierMethodOptions";

const toSharedStorageModifierMethodOptions = dictionary(modifierMethodOptions, [
  { name: "withLock", convert: toUSVString },
]);
const toSharedStorageSetMethodOptions = dictionary("SharedStorageSetMethodOptions", [
  { name: "withLock", convert: toUSVString, of: modifierMethodOptions },
  { name: "ignoreIfPresent", convert: (value) => !!value },
]);

/**
 * The lock of optional options.
 *
 * @param {unknown} options
 * @returns {string | null}
 */
const toLock = (options) =>
  options === undefined || options === null ? null : toSharedStorageModifierMethodOptions(options).withLock ?? null;

// Storage holds no lone surrogates: hence USVString where Web IDL says DOMString. The lengths are the same.

/** @type {(args: ArrayLike<any>) => ModifierMethod} */
const toSetMethod = (args) => {
  const key = toUSVString(args[0]);
  const value = toUSVString(args[1]);
  const { ignoreIfPresent = false, withLock = null } =
    args[2] === undefined || args[2] === null ? createObject(null) : toSharedStorageSetMethodOptions(args[2]);
  return bare({ op: "set", key, value, ignoreIfPresent, lock: withLock });
};

/** @type {(args: ArrayLike<any>) => ModifierMethod} */
const toAppendMethod = (args) => {
  const key = toUSVString(args[0]);
  const value = toUSVString(args[1]);
  return bare({ op: "append", key, value, lock: toLock(args[2]) });
};

/** @type {(args: ArrayLike<any>) => ModifierMethod} */
const toDeleteMethod = (args) => {
  const key = toUSVString(args[0]);
  return bare({ op: "delete", key, lock: toLock(args[1]) });
};

/** @type {(args: ArrayLike<any>) => ModifierMethod} */
const toClearMethod = (args) => bare({ op: "clear", lock: toLock(args[0]) });

/**
 * The write that an object stands for, if it is such an object.
 *
 * @param {unknown} object
 * @returns {ModifierMethod | undefined}
 */
const methodOf = (object) => /** @type {any} */ (anyStateOf(object))?.method;

const toModifierMethods = sequence(
  (object) => methodOf(object) ?? fail(`Failed to convert value to '${modifierMethodInterface}'.`),
);

/**
 * A batch, of which nothing but its types is checked.
 *
 * @param {ArrayLike<any>} args
 * @returns {{ methods: ModifierMethod[], lock: string | null }}
 */
const toBatchUpdate = (args) => {
  const methods = toModifierMethods(args[0]);
  return bare({ methods, lock: toLock(args[1]) });
};

/** @param {string | null} lock */
const checkLock = (lock) => {
  if (lock !== null && lock[0] === "-") failWith("DataError", "Lock name cannot start with '-'");
};

/** @param {string} key */
const isValidKey = (key) => key !== "" && key.length <= maxStringLength;

/** @param {ModifierMethod} method */
const checkMethod = ({ key, value, lock }) => {
  if (key !== undefined && !isValidKey(key)) failWith("DataError", 'Length of the "key" parameter is not valid');
  if (value !== undefined && value.length > maxStringLength) {
    failWith("DataError", 'Length of the "value" parameter is not valid');
  }
  checkLock(lock);
};

/** @param {{ methods: ModifierMethod[], lock: string | null }} batch */
const checkBatch = ({ methods, lock }) => {
  checkLock(lock);
  for (let i = 0; i < methods.length; i++) {
    if (methods[i].lock === null) continue;
    failWith("DataError", "The 'withLock' option is not allowed for methods within batchUpdate()");
  }
};

/**
 * The steps of a constructor of method objects.
 *
 * @param {string} name
 * @param {number} required number of required arguments
 * @param {(args: ArrayLike<any>) => ModifierMethod} toMethod
 * @returns {Steps}
 */
const methodConstructor = (name, required, toMethod) => (callee, newTarget, args) => {
  const context = `Failed to construct '${name}': `;
  try {
    if (newTarget === undefined) {
      fail("Please use the 'new' operator, this DOM object constructor cannot be called as a function.");
    }
    takeArguments(args, required);
    const method = toMethod(args);
    checkCaller();
    checkMethod(method);
    return platformObject(newTarget, /** @type {any} */ (bare({ interface: modifierMethodInterface, method })));
  } catch (failure) {
    throw Failure.is(failure) ? exceptionOf(failure, context, callee) : failure;
  }
};

const exposeSharedStorageMethods = () => {
  const parent = nativeInterfaceObject(modifierMethodInterface, illegalConstructor(modifierMethodInterface));
  const parentPrototype = {};
  exposeInterface(modifierMethodInterface, parent, parentPrototype);
  /** @type {(name: string, required: number, toMethod: (args: ArrayLike<any>) => ModifierMethod) => void} */
  const expose = (name, required, toMethod) => {
    const constructor = nativeConstructor(name, required, methodConstructor(name, required, toMethod));
    setPrototypeOf(constructor, parent);
    exposeInterface(name, constructor, createObject(parentPrototype));
  };
  expose("SharedStorageSetMethod", 2, toSetMethod);
  expose("SharedStorageAppendMethod", 2, toAppendMethod);
  expose("SharedStorageDeleteMethod", 1, toDeleteMethod);
  expose("SharedStorageClearMethod", 0, toClearMethod);
};
