// `navigator.locks` in a shared storage worklet (Web Locks; Shared Storage, section 8).

const lockInterface = "Lock";
const lockManagerInterface = "LockManager";

const toLockOptions = dictionary("LockOptions", [
  { name: "ifAvailable", convert: (value) => !!value },
  { name: "mode", convert: enumeration("LockMode", "shared", "exclusive") },
  { name: "signal", convert: () => fail("Failed to convert value to 'AbortSignal'.") },
  { name: "steal", convert: (value) => !!value },
]);

/** How to reject requests whose locks are held, by the host's numbers. @type {Record<number, (reason: any) => void>} */
const rejectionOfHeld = createObject(null);

/**
 * The lock was stolen by another request.
 *
 * @param {number} lock the host's number
 */
const lockBroken = (lock) => {
  const reject = rejectionOfHeld[lock];
  if (reject === undefined) return;
  delete rejectionOfHeld[lock];
  const failure = new Failure("Lock broken by another request with the 'steal' option.", "AbortError", true);
  reject(exceptionOf(failure, "", neverOnStack));
};

/** @typedef {{ name: string, mode: string, ifAvailable: boolean, steal: boolean }} LockRequest */

/** @type {(args: ArrayLike<any>) => LockRequest & { callback: Function }} */
const toLockRequest = (args) => {
  const name = toDOMString(args[0]);
  const hasOptions = args.length > 2;
  const callback = args[hasOptions ? 2 : 1];
  const given = hasOptions ? args[1] : undefined;
  const { ifAvailable = false, mode = "exclusive", steal = false } =
    given === undefined || given === null ? createObject(null) : toLockOptions(given);
  if (typeof callback !== "function") fail(`parameter ${hasOptions ? 3 : 2} is not of type 'Function'.`);
  return bare({ name, mode, ifAvailable, steal, callback });
};

/** @type {(request: LockRequest) => void} */
const checkLockRequest = ({ name, mode, ifAvailable, steal }) => {
  if (name[0] === "-") failWith("NotSupportedError", "Names cannot start with '-'.");
  if (steal && ifAvailable) {
    failWith("NotSupportedError", "The 'steal' and 'ifAvailable' options cannot be used together.");
  }
  if (steal && mode !== "exclusive") {
    failWith("NotSupportedError", "The 'steal' option may only be used with 'exclusive' locks.");
  }
};

/** @returns {Function} the interface object */
const exposeLock = () => {
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(lockInterface, illegalConstructor(lockInterface));
  const name = attribute(lockInterface, (/** @type {any} */ state) => state.name);
  const mode = attribute(lockInterface, (/** @type {any} */ state) => state.mode);
  defineAttribute(prototype, "name", nativeGetter("name", name));
  defineAttribute(prototype, "mode", nativeGetter("mode", mode));
  exposeInterface(lockInterface, interfaceObject, prototype);
  return interfaceObject;
};

/**
 * Calls the callback of a request that the host has answered, and releases the lock when it has ended.
 *
 * @param {LockRequest & { callback: Function }} request
 * @param {number | null} lock the host's number; null where it is not available
 * @param {object | null} held what the callback gets
 * @param {(value: any) => void} resolve
 * @param {(reason: any) => void} reject
 */
const holdLock = ({ callback }, lock, held, resolve, reject) => {
  if (lock !== null) rejectionOfHeld[lock] = reject;
  const release = () => {
    if (lock === null || rejectionOfHeld[lock] === undefined) return;
    delete rejectionOfHeld[lock];
    tellHost("releaseLock", bare({ lock }));
  };
  react(
    callFromJob(callback, undefined, [held]),
    (value) => {
      release();
      resolve(value);
    },
    (reason) => {
      release();
      reject(reason);
    },
  );
};

/**
 * The steps of `request`.
 *
 * @param {Function} lockObject the interface object of locks
 * @returns {(state: State, args: ArrayLike<any>) => Promise<any>}
 */
const requestLock = (lockObject) => (_, args) => {
  const request = toLockRequest(args);
  checkLockRequest(request);
  const { name, mode, ifAvailable, steal } = request;
  return new PromiseConstructor((resolve, reject) => {
    askHost("requestLock", bare({ name: toWellFormed(name), mode, ifAvailable, steal }), ({ lock }) => {
      const held = lock === null ? null : platformObject(lockObject, stateWith(lockInterface, { name, mode }));
      holdLock(request, lock, held, resolve, reject);
    });
  });
};

/** The object that is `navigator.locks`. */
const exposeLockManager = () => {
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(lockManagerInterface, illegalConstructor(lockManagerInterface));
  /** @type {(name: string, length: number, run: (state: State, args: ArrayLike<any>) => Promise<any>) => void} */
  const define = (name, length, run) => {
    const steps = promiseOperation(lockManagerInterface, name, run, length);
    defineOperation(prototype, name, nativeMethod(name, length, steps));
  };
  define("query", 0, () => failWith("SecurityError", "Access to the Locks API is denied in this context."));
  define("request", 2, requestLock(exposeLock()));
  exposeInterface(lockManagerInterface, interfaceObject, prototype);
  return platformObject(interfaceObject, stateWith(lockManagerInterface));
};
