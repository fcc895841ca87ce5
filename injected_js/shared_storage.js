// `window.sharedStorage` (shared-storage sections 1 to 3): what a page can see of its writes is decided here, so it need
// not wait for the host, which is told of them in the order of the page's program.

const sharedStorageApi = "sharedStorage";
const sharedStorageName = "SharedStorage";
const sharedStorageFeature = "shared-storage";

const originOf = uncurryGetter(global, "origin");
const isOpaqueOrigin = () => originOf(global) === "null";
/** UTF-16 code units of one key or one value. */
const { maxStringLength } = config.sharedStorage;

/** The checks of whoever calls that every writing method begins with. */
const checkCaller = () => {
  if (!isActive()) failWith("InvalidAccessError", "A browsing context is required.");
  if (isOpaqueOrigin()) {
    failWith("InvalidAccessError", "The shared storage method is not allowed in an opaque origin context");
  }
  if (!isFeatureAllowed(sharedStorageFeature)) {
    const message = 'The "shared-storage" Permissions Policy denied the method on window.sharedStorage.';
    failWith("InvalidAccessError", message);
  }
};

/** @param {any} [value] */
const resolved = (value) => new PromiseConstructor((resolve) => resolve(value));

/**
 * Calls back when `promise` has settled; a page's own constructor is not looked at.
 *
 * @param {Promise<any>} promise
 * @param {(value: any) => void} onFulfilled
 * @param {(reason: any) => void} onRejected
 */
const afterwards = (promise, onFulfilled, onRejected) => {
  defineProperty(promise, "constructor", bare({ value: undefined }));
  thenOf(promise, onFulfilled, onRejected);
};

/**
 * Tells the host what a page need not wait for, and promises `value`. A profile with Shared Storage off, or for enrolled
 * sites alone, is asked: the page sees the refusal.
 *
 * @param {State} state
 * @param {string} method
 * @param {object} options
 * @param {any} [value]
 */
const tellOrAsk = (state, method, options, value) => {
  if (config.sharedStorage.asks) return state.ask(method, options, () => value, "");
  state.tell(method, options);
  return resolved(value);
};

/** What the host is told of a write. @param {ModifierMethod} method */
const writeOf = ({ op, key, value, ignoreIfPresent }) => bare({ op, key, value, ignoreIfPresent });

/**
 * The steps of a method that writes once.
 *
 * @param {string} name
 * @param {number} required
 * @param {(args: ArrayLike<any>) => any} toMethod
 */
const writingOperation = (name, required, toMethod) =>
  promiseOperation(
    sharedStorageName,
    name,
    (state, args) => {
      const method = toMethod(args);
      checkCaller();
      checkMethod(method);
      const methods = bareArray();
      methods[0] = writeOf(method);
      return tellOrAsk(state, "update", bare({ methods, lock: method.lock, batch: false }));
    },
    required,
  );

const batchUpdateSteps = promiseOperation(sharedStorageName, "batchUpdate", (state, args) => {
  const batch = toBatchUpdate(args);
  checkCaller();
  checkBatch(batch);
  const methods = bareArray();
  for (let i = 0; i < batch.methods.length; i++) methods[i] = writeOf(batch.methods[i]);
  return tellOrAsk(state, "update", bare({ methods, lock: batch.lock, batch: true }));
});

const getSteps = promiseOperation(sharedStorageName, "get", (_state, args) => {
  toDOMString(args[0]);
  checkCaller();
  if (fencedFrameDepth === 0) failAlone("OperationError", "Cannot call get() outside of a fenced frame.");
  const feature = "FencedFramesLocalUnpartitionedDataAccess";
  return failAlone("OperationError", `Cannot call get() in a fenced frame with feature ${feature} disabled.`);
});

/**
 * @param {object} prototype
 * @param {string} name
 * @param {number} length
 * @param {Steps} steps
 */
const definePromiseOperation = (prototype, name, length, steps) =>
  defineOperation(prototype, name, nativeMethod(name, length, steps));

/** The accessor of Window, whose receiver may be another realm's Window, or nothing. @type {Steps} */
const windowAttributeSteps = (callee, receiver) => {
  if (receiver === undefined || receiver === null || receiver === global) return attributesOfNavigator.sharedStorage;
  let clipboard;
  try {
    clipboard = clipboardOf(navigatorOf(receiver));
  } catch {
    throw exceptionOf(new Failure("Illegal invocation"), "", callee);
  }
  return /** @type {any} */ (foreignStateOf(clipboard))?.sharedStorage;
};

const exposeSharedStorage = () => {
  exposeSharedStorageMethods();
  exposeSharedStorageWorklet();
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(sharedStorageName, illegalConstructor(sharedStorageName));
  definePromiseOperation(prototype, "append", 2, writingOperation("append", 2, toAppendMethod));
  definePromiseOperation(prototype, "clear", 0, writingOperation("clear", 0, toClearMethod));
  definePromiseOperation(prototype, "delete", 1, writingOperation("delete", 1, toDeleteMethod));
  definePromiseOperation(prototype, "get", 1, getSteps);
  definePromiseOperation(prototype, "set", 2, writingOperation("set", 2, toSetMethod));
  definePromiseOperation(prototype, "batchUpdate", 1, batchUpdateSteps);
  defineHidden(prototype, "constructor", interfaceObject);
  defineAttribute(prototype, "worklet", nativeGetter("worklet", attribute(sharedStorageName, (state) => state.worklet)));
  definePromiseOperation(prototype, "createWorklet", 1, createWorkletSteps);
  definePromiseOperation(prototype, "run", 1, runSteps(sharedStorageName));
  definePromiseOperation(prototype, "selectURL", 2, selectUrlSteps(sharedStorageName));
  exposeInterface(sharedStorageName, interfaceObject, prototype);
  const state = newState(sharedStorageName, sharedStorageApi, undefined);
  state.worklet = newWorklet();
  attributesOfNavigator.sharedStorage = platformObject(interfaceObject, state);
  defineAttribute(global, "sharedStorage", nativeGetter("sharedStorage", windowAttributeSteps));
};
