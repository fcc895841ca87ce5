// Functions that look native. A worklet has one realm, so it suffices that its Function.prototype.toString, the one
// place where the text of a function shows, knows them.

/**
 * What a function of an interface does. `callee` is that function.
 *
 * @typedef {(callee: Function, receiver: any, args: ArrayLike<any>) => any} Steps
 */

const nativeFunctionToString = Function.prototype.toString;

/** The name that each function shows. @type {WeakMap<object, string>} */
const shownNames = new WeakMapConstructor();

/**
 * Lets `f` show as native code under the name that it has now.
 *
 * @template {Function} F
 * @param {F} f
 * @returns {F}
 */
const lookNative = (f) => {
  weakSet(shownNames, f, f.name);
  return f;
};

/** @type {(target: Function, receiver: unknown) => string} */
const showFunction = (_, receiver) => {
  if (typeof receiver !== "function") {
    const failure = new Failure("Function.prototype.toString requires that 'this' be a Function");
    throw exceptionOf(failure, "", showFunction);
  }
  const name = weakGet(shownNames, receiver);
  return name === undefined ? apply(nativeFunctionToString, receiver, []) : `function ${name}() { [native code] }`;
};

const functionToString = new ProxyConstructor(nativeFunctionToString, bare({ apply: showFunction }));
lookNative(functionToString);
defineProperty(Function.prototype, "toString", bare({ value: functionToString }));

/**
 * A method; it cannot be constructed.
 *
 * @param {string} name
 * @param {number} length
 * @param {Steps} steps
 */
const nativeMethod = (name, length, steps) => {
  const { [name]: method } = {
    [name]() {
      return steps(method, this, arguments);
    },
  };
  defineProperty(method, "length", bare({ value: length }));
  return lookNative(method);
};

/**
 * @param {string} name
 * @param {Steps} steps
 * @returns {Function}
 */
const nativeGetter = (name, steps) => {
  /** @type {any} */
  const getter = getOwnPropertyDescriptor(
    {
      get [name]() {
        return steps(getter, this, arguments);
      },
    },
    name,
  )?.get;
  return lookNative(getter);
};

/**
 * An interface object with a constructor. The steps get `new.target` as their receiver.
 *
 * @param {string} name
 * @param {number} length
 * @param {Steps} steps
 */
const nativeConstructor = (name, length, steps) => {
  const { [name]: interfaceObject } = {
    [name]: function () {
      return steps(interfaceObject, new.target, arguments);
    },
  };
  defineProperty(interfaceObject, "length", bare({ value: length }));
  return lookNative(interfaceObject);
};

/**
 * An interface object without a constructor. The steps get `new.target` as their receiver.
 *
 * @param {string} name
 * @param {Steps} steps
 */
const nativeInterfaceObject = (name, steps) => nativeConstructor(name, 0, steps);
