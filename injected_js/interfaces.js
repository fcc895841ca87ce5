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
 */

/** @type {WeakMap<object, State>} */
const states = new WeakMapConstructor();

/**
 * @param {unknown} object
 * @param {string} interfaceName
 * @returns {State}
 */
const stateOf = (object, interfaceName) => {
  const state = isObject(object) ? weakGet(states, object) ?? foreignStateOf(object) : undefined;
  if (state?.interface !== interfaceName) fail("Illegal invocation");
  return state;
};

/**
 * The state of another realm's platform object. Platform objects are event targets underneath; each listens for an
 * event whose type no page knows, and answers through the function that the event carries.
 *
 * @param {object} object
 * @returns {State | undefined}
 */
const foreignStateOf = (object) => {
  let found;
  const detail = (/** @type {any} */ state) => {
    found = state;
  };
  try {
    dispatchTo(object, new CustomEventConstructor(config.realmEvent, bare({ detail })));
  } catch {
    return undefined; // no event target, so none of ours
  }
  return found;
};

/**
 * Answers other realms that knock at `target`.
 *
 * @param {EventTarget} target
 * @param {any} state
 */
const answerKnocks = (target, state) => {
  addEventListenerTo(target, config.realmEvent, (/** @type {Event} */ event) => detailOf(event)(state));
};

/**
 * A platform object that implements the interface.
 *
 * @param {Function} interfaceObject
 * @param {State} state
 */
const platformObject = (interfaceObject, state) => {
  const object = construct(EventTargetConstructor, [], interfaceObject);
  weakSet(states, object, state);
  answerKnocks(object, state);
  return object;
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
      if (args.length < required) fail(`${required} argument required, but only ${args.length} present.`);
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
 * @returns {Steps}
 */
const promiseOperation = (interfaceName, name, run) => {
  const context = `Failed to execute '${name}' on '${interfaceName}': `;
  return (callee, receiver, args) => {
    let state;
    try {
      state = stateOf(receiver, interfaceName);
      if (args.length < 1) fail("1 argument required, but only 0 present.");
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
 * @param {Function} get
 */
const defineAttribute = (prototype, name, get) => {
  defineProperty(prototype, name, bare({ get: /** @type {() => any} */ (get), enumerable: true, configurable: true }));
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
