// Interfaces, their objects and their operations as Web IDL section 3.7 lays them out.

/**
 * The state behind a platform object.
 *
 * @typedef {object} State
 * @property {string} interface
 * @property {(method: string, options: object, answer: (result: any) => any, context: string) => Promise<any>} ask
 * @property {(method: string, options: object) => void} tell
 * @property {(method: string, name: string, message: string) => void} tellRefusal of what the page sees thrown
 * @property {() => boolean} isActive whether the document of the object's realm is still shown
 * @property {any} [services] the value of its `aggregationServices`
 * @property {string} [urn] what a FencedFrameConfig shows
 * @property {any} [worklet] of a SharedStorage its worklet, of a SharedStorageWorklet what is known of it
 */

/** @type {WeakMap<object, State>} */
const states = new WeakMapConstructor();

/**
 * The state behind a platform object of this realm or of another one.
 *
 * @param {unknown} object
 * @returns {State | undefined}
 */
const anyStateOf = (object) => (isObject(object) ? weakGet(states, object) ?? foreignStateOf(object) : undefined);

/**
 * @param {unknown} object
 * @param {string} interfaceName
 * @returns {State}
 */
const stateOf = (object, interfaceName) => {
  const state = anyStateOf(object);
  if (state?.interface !== interfaceName) fail("Illegal invocation");
  return state;
};

/**
 * Takes the arguments of a call: what is not given is undefined then, whatever Object.prototype says.
 *
 * @param {ArrayLike<any>} args
 * @param {number} required
 */
const takeArguments = (args, required) => {
  bare(args);
  if (args.length >= required) return;
  fail(`${required} argument${required === 1 ? "" : "s"} required, but only ${args.length} present.`);
};

/** What the host is told in place of an exception that is not ours: a page would notice if that were looked at. */
const thrownByPage = bare({ name: "exception", message: "code of the page threw while the options were read" });

/**
 * The exception with which an operation ends; the host is told of it, too.
 *
 * @param {unknown} failure
 * @param {string} context
 * @param {Function} callee
 * @param {string} operationName
 * @param {State | undefined} state none where the receiver does not implement the interface
 */
const refusalOf = (failure, context, callee, operationName, state) => {
  const ours = Failure.is(failure);
  const exception = ours ? exceptionOf(failure, context, callee) : failure;
  const { name, message } = ours ? failure : thrownByPage;
  state?.tellRefusal(operationName, name, message);
  return exception;
};

/**
 * The steps of a regular operation.
 *
 * @param {string} interfaceName
 * @param {string} name
 * @param {number} required number of required arguments
 * @param {(state: State, args: ArrayLike<any>, context: string, receiver: any) => any} run
 * @returns {Steps}
 */
const operation = (interfaceName, name, required, run) => {
  const context = `Failed to execute '${name}' on '${interfaceName}': `;
  return (callee, receiver, args) => {
    let state;
    try {
      state = stateOf(receiver, interfaceName);
      takeArguments(args, required);
      return run(state, args, context, receiver);
    } catch (failure) {
      throw refusalOf(failure, state === undefined ? "" : context, callee, name, state);
    }
  };
};

/**
 * The steps of an operation that returns a promise: every exception becomes a rejection.
 *
 * @param {string} interfaceName
 * @param {string} name
 * @param {(state: State, args: ArrayLike<any>, context: string) => Promise<any>} run
 * @param {number} [required] number of required arguments
 * @returns {Steps}
 */
const promiseOperation = (interfaceName, name, run, required = 1) => {
  const context = `Failed to execute '${name}' on '${interfaceName}': `;
  return (callee, receiver, args) => {
    let state;
    try {
      state = stateOf(receiver, interfaceName);
      takeArguments(args, required);
      return run(state, args, context);
    } catch (failure) {
      const exception = refusalOf(failure, context, callee, name, state);
      return new PromiseConstructor((_, reject) => reject(exception));
    }
  };
};

/**
 * Asks the host, unless the document of the object's realm is gone, whose promises nobody would settle.
 *
 * @param {State} state
 * @param {string} method
 * @param {object} options
 * @param {(result: any) => any} answer
 * @param {string} context
 */
const askWhileActive = (state, method, options, answer, context) => {
  if (!state.isActive()) throw new Failure("The document is not active.", "InvalidStateError", true);
  return state.ask(method, options, answer, context);
};

/**
 * The steps of an attribute's getter.
 *
 * @param {string} interfaceName
 * @param {(state: State) => any} read
 * @returns {Steps}
 */
const attribute = (interfaceName, read) => (callee, receiver) => {
  try {
    return read(stateOf(receiver, interfaceName));
  } catch (failure) {
    throw Failure.is(failure) ? exceptionOf(failure, "", callee) : failure;
  }
};

/**
 * The steps of an interface object without a constructor.
 *
 * @param {string} name
 * @returns {Steps}
 */
const illegalConstructor = (name) => (callee, newTarget) => {
  const context = newTarget === undefined ? "" : `Failed to construct '${name}': `;
  throw exceptionOf(new Failure("Illegal constructor"), context, callee);
};

/**
 * @param {object} prototype
 * @param {PropertyKey} name
 * @param {any} get
 * @param {any} [set]
 */
const defineAttribute = (prototype, name, get, set) => {
  defineProperty(prototype, name, bare({ get, set, enumerable: true, configurable: true }));
};

/**
 * @param {object} prototype
 * @param {PropertyKey} name
 * @param {Function} method
 */
const defineOperation = (prototype, name, method) => {
  defineProperty(prototype, name, bare({ value: method, writable: true, enumerable: true, configurable: true }));
};

/**
 * @param {object} object
 * @param {PropertyKey} name
 * @param {unknown} value
 */
const defineHidden = (object, name, value) => {
  defineProperty(object, name, bare({ value, writable: true, enumerable: false, configurable: true }));
};

/**
 * @param {object} prototype
 * @param {string} tag
 */
const defineToStringTag = (prototype, tag) => {
  const descriptor = bare({ value: tag, writable: false, enumerable: false, configurable: true });
  defineProperty(prototype, toStringTagSymbol, descriptor);
};

/**
 * Ties an interface object to its prototype object, which has its members already, and exposes it on Window.
 *
 * @param {string} name
 * @param {Function} interfaceObject
 * @param {object} prototype
 */
const exposeInterface = (name, interfaceObject, prototype) => {
  defineProperty(interfaceObject, "prototype", bare({ value: prototype, writable: false }));
  defineHidden(prototype, "constructor", interfaceObject);
  defineToStringTag(prototype, name);
  defineHidden(global, name, interfaceObject);
};
