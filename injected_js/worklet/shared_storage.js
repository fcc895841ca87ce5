// `sharedStorage` in a shared storage worklet (Shared Storage, sections 2 and 8).

const sharedStorageInterface = "SharedStorage";
const sharedStorageIteratorInterface = "SharedStorage AsyncIterator";

/** UTF-16 code units of a key or a value. */
const { maxStringLength = 2_621_440 } = config.options;

/** What a document may be denied was decided when its worklet was made. */
const checkCaller = () => undefined;

/**
 * @param {(args: ArrayLike<any>) => ModifierMethod} toMethod
 * @returns {(state: State, args: ArrayLike<any>) => Promise<undefined>}
 */
const write = (toMethod) => (_, args) => {
  const method = toMethod(args);
  checkMethod(method);
  const methods = bareArray();
  methods[0] = method;
  return askForPromise("update", { methods, lock: method.lock, batch: false }, () => undefined);
};

/** @type {(state: State, args: ArrayLike<any>) => Promise<undefined>} */
const batchUpdate = (_, args) => {
  const batch = toBatchUpdate(args);
  checkBatch(batch);
  return askForPromise("update", { methods: batch.methods, lock: batch.lock, batch: true }, () => undefined);
};

/** @type {(state: State, args: ArrayLike<any>) => Promise<string | undefined>} */
const get = (_, args) => {
  const key = toUSVString(args[0]);
  if (!isValidKey(key)) failAlone("DataError", 'Length of the "key" parameter is not valid.');
  return askForPromise("get", { key }, ({ value }) => value ?? undefined);
};

/** @type {(method: string) => () => Promise<number>} */
const ofHost = (method) => () => askForPromise(method, {}, ({ value }) => value);

/**
 * A call of `next` that waits for the snapshot, and the operation whose code made it.
 *
 * @typedef {object} Waiting
 * @property {any} operation
 * @property {(result: object) => void} resolve
 * @property {(reason: unknown) => void} reject
 */

/**
 * What an iterator holds. It reads a snapshot when it is first asked for an entry.
 *
 * @typedef {object} Iteration
 * @property {(entry: [string, string]) => unknown} pick
 * @property {[string, string][]} [entries]
 * @property {number} position
 * @property {Waiting[]} waiting
 */

/** @param {Iteration} iteration */
const nextResult = (iteration) => {
  const { entries, pick, position } = iteration;
  if (entries === undefined || position >= entries.length) return { done: true, value: undefined };
  iteration.position++;
  return { done: false, value: pick(entries[position]) };
};

/** @type {(iteration: Iteration, result: any) => void} */
const takeSnapshot = (iteration, { entries, error }) => {
  iteration.entries = entries ?? bareArray();
  for (let i = 0; i < iteration.waiting.length; i++) {
    const { operation, resolve, reject } = iteration.waiting[i];
    const result = nextResult(iteration);
    const settle = () => {
      if (error === undefined) resolve(result);
      else reject(exceptionOf(new Failure(error.message, error.name, true), "", neverOnStack));
    };
    if (operation === currentOperation()) settle();
    else inOperation(operation, settle);
  }
};

/** @type {(iteration: any) => Promise<object>} */
const next = (iteration) =>
  new PromiseConstructor((resolve, reject) => {
    if (iteration.entries !== undefined) return resolve(nextResult(iteration));
    iteration.waiting[iteration.waiting.length] = bare({ operation: currentOperation(), resolve, reject });
    if (iteration.waiting.length > 1) return;
    askHost("entries", bare({}), (/** @type {any} */ result) => takeSnapshot(iteration, result));
  });

/** %AsyncIteratorPrototype%, which no name leads to. @type {any} */
const asyncIteratorPrototype = getPrototypeOf(/** @type {any} */ (getPrototypeOf(async function* () {}.prototype)));

const newIteratorPrototype = () => {
  const prototype = createObject(asyncIteratorPrototype);
  const steps = promiseOperation(sharedStorageIteratorInterface, "next", next, 0);
  defineOperation(prototype, "next", nativeMethod("next", 0, steps));
  defineToStringTag(prototype, sharedStorageIteratorInterface);
  return prototype;
};

/** @param {object} prototype */
const defineIteration = (prototype) => {
  const iteratorPrototype = newIteratorPrototype();
  /** @type {(name: string, pick: (entry: [string, string]) => unknown) => void} */
  const define = (name, pick) => {
    const steps = operation(sharedStorageInterface, name, 0, () => {
      const iterator = createObject(iteratorPrototype);
      weakSet(states, iterator, stateWith(sharedStorageIteratorInterface, { pick, position: 0, waiting: bareArray() }));
      return iterator;
    });
    defineOperation(prototype, name, nativeMethod(name, 0, steps));
  };
  define("entries", (entry) => entry);
  define("keys", (entry) => entry[0]);
  define("values", (entry) => entry[1]);
};

/** The object that is `sharedStorage`. Its properties are in Chromium's order. */
const exposeSharedStorage = () => {
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(sharedStorageInterface, illegalConstructor(sharedStorageInterface));
  /** @type {(name: string, length: number, run: (state: State, args: ArrayLike<any>) => Promise<any>) => void} */
  const define = (name, length, run) => {
    const steps = promiseOperation(sharedStorageInterface, name, run, length);
    defineOperation(prototype, name, nativeMethod(name, length, steps));
  };
  define("append", 2, write(toAppendMethod));
  define("clear", 0, write(toClearMethod));
  define("delete", 1, write(toDeleteMethod));
  define("get", 1, get);
  define("set", 2, write(toSetMethod));
  define("batchUpdate", 1, batchUpdate);
  defineHidden(prototype, "constructor", interfaceObject);
  const context = attribute(sharedStorageInterface, () => config.options.context ?? undefined);
  defineAttribute(prototype, "context", nativeGetter("context", context));
  define("length", 0, ofHost("length"));
  define("remainingBudget", 0, ofHost("remainingBudget"));
  defineIteration(prototype);
  exposeInterface(sharedStorageInterface, interfaceObject, prototype);
  return platformObject(interfaceObject, stateWith(sharedStorageInterface));
};
