// Platform objects of a worklet, whose realm is alone.

const prototypeOf = /** @type {(object: object) => object} */ (getPrototypeOf);
const scopePrototype = prototypeOf(global);
const baseScopePrototype = prototypeOf(scopePrototype);

/**
 * Puts a function of ours in the place of a native one, with its name, length and attributes.
 *
 * @param {object} holder
 * @param {PropertyKey} name
 * @param {(native: Function) => (receiver: any, args: ArrayLike<any>) => any} stepsFor
 */
const replaceMethod = (holder, name, stepsFor) => {
  const { value: native, ...attributes } = /** @type {any} */ (getOwnPropertyDescriptor(holder, name));
  const steps = stepsFor(native);
  const value = nativeMethod(native.name, native.length, (_, receiver, args) => steps(receiver, args));
  defineProperty(holder, name, bare({ ...attributes, value }));
};

/** @type {(object: object) => State | undefined} */
const foreignStateOf = () => undefined;

/**
 * A platform object that implements the interface.
 *
 * @param {Function} interfaceObject or a class that extends it
 * @param {State} state
 */
const platformObject = (interfaceObject, state) => {
  const object = construct(ObjectConstructor, [], interfaceObject);
  weakSet(states, object, state);
  return object;
};

/**
 * The state of a platform object, with what it holds besides.
 *
 * @param {string} interfaceName
 * @param {object} [fields]
 * @returns {any}
 */
const stateWith = (interfaceName, fields) =>
  bare({ interface: interfaceName, tellRefusal: () => undefined, ...bare(fields ?? {}) });

/**
 * The steps of an operation or attribute of the global object, which code calls without naming a receiver.
 *
 * @param {Steps} steps
 * @returns {Steps}
 */
const ofGlobal = (steps) => (callee, receiver, args) => steps(callee, receiver ?? global, args);

/**
 * Runs `f` when `promise` is fulfilled, or `g` when it is rejected, whatever the worklet's code did to the promises of
 * its realm; gives the promise of the outcome.
 *
 * @param {Promise<any>} promise one of ours: it loses its `constructor`
 * @param {(value: any) => any} f
 * @param {(reason: any) => any} [g]
 * @returns {Promise<any>}
 */
const react = (promise, f, g) => {
  defineProperty(promise, "constructor", bare({ value: undefined }));
  return thenOf(promise, f, g);
};

/**
 * Calls a function of the worklet's code from a promise job, where no frame of these scripts is on the stack.
 *
 * @param {Function} f
 * @param {unknown} receiver
 * @param {unknown[]} args
 * @returns {Promise<any>} of what it returns, throws or promises
 */
const callFromJob = (f, receiver, args) =>
  react(new PromiseConstructor((resolve) => resolve(undefined)), bind(apply, undefined, f, receiver, args));

/**
 * Asks the host; the exception of a refusal stands alone.
 *
 * @param {string} method
 * @param {object} args
 * @param {(result: any) => any} answer what the promise is fulfilled with
 * @returns {Promise<any>}
 */
const askForPromise = (method, args, answer) =>
  new PromiseConstructor((resolve, reject) => {
    askHost(method, bare(args), (/** @type {any} */ result) => {
      if (result.error === undefined) resolve(answer(result));
      else reject(exceptionOf(new Failure(result.error.message, result.error.name, true), "", neverOnStack));
    });
  });
